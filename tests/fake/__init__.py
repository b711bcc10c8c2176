"""The API server's rules in memory."""
