"""A verb that CONTRIBUTING's steps are walked with: ``kubectl kagent made AGENT``."""
