"""The bridge of ``--network bridge``: one per localpve, on the host's side of its guests' own networks."""

from __future__ import annotations

import ipaddress
import shutil
from dataclasses import dataclass

from zpack.localpve.backends.base import BackendError
from zpack.localpve.backends.lxc_run import run

DEFAULT = "10.77.0.0/16"
NAME_LIMIT = 15


@dataclass(frozen=True)
class Bridge:
    """Names and addresses of one localpve's bridge. All of it follows from ``tag`` and ``subnet``."""

    tag: str
    subnet: str

    @property
    def name(self) -> str:
        """The interface on the host."""
        return f"zpbr{self.tag[:8]}"

    @property
    def network(self) -> ipaddress.IPv4Network:
        """The guests' network; a loopback subnet cannot be one and is replaced."""
        given = ipaddress.IPv4Network(self.subnet)
        return ipaddress.IPv4Network(DEFAULT) if given.is_loopback else given

    @property
    def gateway(self) -> str:
        """The host's own address: the last one, which no VMID in use maps to."""
        return str(self.network.broadcast_address - 1)

    def address(self, vmid: int) -> str:
        """Return a guest's address."""
        return str(self.network.network_address + (vmid - 1) % (self.network.num_addresses - 3) + 1)

    def plan(self, vmid: int) -> dict[str, str]:
        """Return what the launcher needs to join a guest. Raises BackendError without ``ip``."""
        return {
            "bridge": self.name,
            "veth": self._port(vmid),
            "address": f"{self.address(vmid)}/{self.network.prefixlen}",
            "gateway": self.gateway,
            "ip": _ip(),
        }

    async def make(self) -> None:
        """Make the bridge or find it again. Raises BackendError."""
        ip = _ip()
        code, _ = await run(ip, "link", "show", self.name)
        if code != 0:
            await _must(ip, "link", "add", self.name, "type", "bridge")
        await _must(ip, "address", "replace", f"{self.gateway}/{self.network.prefixlen}", "dev", self.name)
        await _must(ip, "link", "set", self.name, "up")

    async def leave(self, vmid: int) -> None:
        """Remove a guest's port. The kernel would, some time after the guest's network; we say when."""
        await run(_ip(), "link", "delete", self._port(vmid))

    async def remove(self) -> None:
        """Remove the bridge; absent is fine."""
        await run(_ip(), "link", "delete", self.name)

    def _port(self, vmid: int) -> str:
        return f"zv{self.tag[:4]}{vmid}"[:NAME_LIMIT]


def _ip() -> str:
    found = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if found is None:
        raise BackendError("network bridge needs iproute2's ip")
    return found


async def _must(*words: str) -> None:
    code, text = await run(*words)
    if code != 0:
        raise BackendError(f"{' '.join(words)}: {text}")
