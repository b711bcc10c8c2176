"""Which signals of the bundle arrive, since when, and what is missing to get the others."""
