"""Chooses the backend by trying what this machine can do, and says why in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.localpve.backends import lxc, process, sim

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zpack.localpve.backends.base import Backend


class Unavailable(Exception):
    """The forced backend cannot work here; the text is the reason."""


@dataclass(frozen=True)
class Choice:
    """A backend and the reason for it."""

    backend: Backend
    reason: str

    @property
    def line(self) -> str:
        """What the operator is told at start."""
        return f"isolation: {self.backend.name} ({self.reason}); {self.backend.isolation}"


async def choose(
    wanted: str, *, home: Path, network: str, subnet: str, sim_script: Mapping[str, Any]
) -> Choice:
    """Return the backend. Raises Unavailable when a forced one cannot work."""
    if wanted == "sim":
        if network == "bridge":
            raise Unavailable(
                "network bridge needs isolation lxc: scripted guests live on loopback addresses"
            )
        return Choice(sim.SimBackend(script=sim_script, home=home), "forced")
    missing = await lxc.probe() if wanted in {"auto", "lxc"} else "not asked for"
    if wanted == "lxc" and missing is not None:
        raise Unavailable(f"isolation lxc cannot work here: {missing}")
    if missing is None:
        backend = lxc.LxcBackend(home=home, network=network, subnet=subnet)
        return Choice(backend, "forced" if wanted == "lxc" else "root and Debian's lxc are here")
    if network == "bridge":
        raise Unavailable(f"network bridge needs isolation lxc: {missing}")
    wrong = await process.probe()
    if wrong is not None:
        raise Unavailable(wrong)
    reason = "forced" if wanted == "process" else f"lxc cannot work: {missing}"
    backend = process.ProcessBackend(home=home)
    await backend.clear()
    return Choice(backend, reason)
