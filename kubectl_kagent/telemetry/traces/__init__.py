"""A turn as a tree of calls, from spans or from the controller's records."""
