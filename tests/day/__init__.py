"""Days of verbs that do not end: hours of simulated time, with a server whose credentials change."""
