"""kubectl kagent: scale, roll back, heal and observe kagent agents like any workload."""

__version__ = "0.1.0"
