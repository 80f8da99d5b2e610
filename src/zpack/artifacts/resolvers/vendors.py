"""All vendors by variant, and their addresses as the settings want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.artifacts.resolvers.fabric import FABRIC
from zpack.artifacts.resolvers.forge import FORGE
from zpack.artifacts.resolvers.mojang import MOJANG
from zpack.artifacts.resolvers.neoforge import NEOFORGE
from zpack.artifacts.resolvers.papermc import PAPERMC
from zpack.artifacts.resolvers.purpur import PURPUR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.artifacts.resolvers.model import Bases, Vendor

VENDORS: Mapping[str, Vendor] = {
    vendor.variant: vendor for vendor in (MOJANG, PAPERMC, PURPUR, FABRIC, FORGE, NEOFORGE)
}


def setting_name(variant: str) -> str:
    """Name the environment variable that replaces a vendor's addresses by another base."""
    return f"ZPACK_MIRROR_{variant.upper()}_URL"


def bases_of(vendor: Vendor, override: str | None) -> Bases:
    """Give the vendor's addresses, all replaced by the override (a mirror of one's own) if given."""
    if not override:
        return vendor.bases
    return dict.fromkeys(vendor.bases, override.rstrip("/"))
