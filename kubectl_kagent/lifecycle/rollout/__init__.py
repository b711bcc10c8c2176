"""Whether a change has arrived on pods, and what holds it up."""
