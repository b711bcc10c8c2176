"""What kagent's runtimes and controller write, read once: A2A, ADK, the names of spans and metrics."""
