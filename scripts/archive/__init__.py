"""The self-contained archive: Python, the plugin and what it needs, for machines without Python."""
