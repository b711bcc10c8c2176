"""All that knows click and the terminal: shared options, formats, targets, the printer."""
