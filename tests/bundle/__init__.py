"""The observability bundle: its data without a lab, and what holds its parts to it."""
