"""When so much is missing or strange at once that it is the look, or the record, that is to be doubted."""

from __future__ import annotations

MASS_LEAST = 3
MASS_SHARE = 0.5


def is_mass(some: int, of: int) -> bool:
    """Say whether so many of so many are too much to be believed."""
    return some >= MASS_LEAST and some >= MASS_SHARE * of
