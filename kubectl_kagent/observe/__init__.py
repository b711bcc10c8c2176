"""The observability bundle: its objects for one cluster, how they are installed, and taken away again."""
