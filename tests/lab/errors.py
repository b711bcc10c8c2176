"""What went wrong, in one line that a person can act on."""


class LabError(Exception):
    """The lab cannot do what was asked; the message names the thing and the next step."""
