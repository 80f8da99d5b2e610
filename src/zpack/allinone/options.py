"""What ``zpack up`` may be told."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class PortTaken(Exception):
    """A port is in use; the text names the option that changes it."""


@dataclass(frozen=True)
class Options:
    """One start's options. A port of 0 means any free one."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 4000
    edge_port: int = 25565
    edge_registry_port: int = 8081
    localpve_port: int = 8006
    artifacts_port: int = 0
    billing: bool = False
    stripe_port: int = 12111
    isolation: str = "auto"
    network: str = "loopback"
    subnet: str = "127.77.0.0/16"
    sim_script: Path | None = None
    faults: Path | None = None
    domain: str = "zpack.localhost"
    dev: bool = False
    """Whether what dev containers need is made beside the running platform."""

    def settled(self) -> Options:
        """Return the options with every port chosen and known to be free. Raises PortTaken."""
        names = ["port", "edge_port", "edge_registry_port", "localpve_port", "artifacts_port"]
        names += ["stripe_port"] if self.billing else []
        held: list[socket.socket] = []
        try:
            chosen: dict[str, int] = {}
            for name in names:
                holder = socket.socket()
                held.append(holder)
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                wanted = getattr(self, name)
                try:
                    holder.bind((self.host, wanted))
                    holder.listen(1)
                except OSError as failure:
                    option = f"--{name.replace('_', '-')}"
                    message = (
                        f"port {wanted} of {self.host} is in use ({failure.strerror}); choose with {option}"
                    )
                    raise PortTaken(message) from failure
                chosen[name] = holder.getsockname()[1]
        finally:
            for holder in held:
                holder.close()
        return replace(self, **chosen)
