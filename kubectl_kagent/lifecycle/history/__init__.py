"""Revisions of a workload's effective config: recorded, compared, restored."""
