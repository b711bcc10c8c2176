"""The one place that knows what a secret looks like. Pure.

A mask shows that something was there. It can't know every secret: it knows tokens by their shapes
(``shapes``), names whose value is a secret (``names``), and where they stand in texts and values.
docs/decisions/masking.md says where it is used, and where not.
"""

from kubectl_kagent.masking.innocent import MASKED
from kubectl_kagent.masking.text import masked
from kubectl_kagent.masking.values import hidden, literals, masked_apart, masked_value

__all__ = ["MASKED", "hidden", "literals", "masked", "masked_apart", "masked_value"]
