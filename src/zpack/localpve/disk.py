"""Sizes of a container's root disk, as Proxmox writes them: ``local:5000,size=8G``."""

from __future__ import annotations

import re

from zpack.localpve.errors import ApiError

DEFAULT = "8G"
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size_of(volume: str | None) -> int:
    """Return a volume's size in bytes."""
    return _bytes((volume or "").partition("size=")[2] or DEFAULT)


def grown(volume: str | None, asked: str) -> str:
    """Return the size after a resize to ``asked``, or by it with a ``+``. Raises ApiError unless larger."""
    now = size_of(volume)
    size = _bytes(asked.removeprefix("+")) + (now if asked.startswith("+") else 0)
    if size < now:
        raise ApiError(500, "unable to shrink disk size")
    if size == now:
        raise ApiError(500, "disk is already at specified size")
    for unit in ("T", "G", "M", "K"):
        if size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return str(size)


def resized(volume: str | None, vmid: int, size: str) -> str:
    """Return the root disk's setting with another size."""
    return f"{(volume or f'local:{vmid}').partition(',')[0]},size={size}"


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)", text, re.ASCII)
    return int(float(match[1]) * UNITS[match[2]]) if match else 0
