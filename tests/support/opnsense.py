"""The simulated OPNsense behind a real socket, served in the test's own process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.simulate.opnsense.door import Door
from zpack.simulate.opnsense.firewall import Firewall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY, SECRET = "opnsense-key", "opnsense-secret"


class Router:
    """One firewall, and what a test wants to know and break of it."""

    def __init__(self) -> None:
        self.door = Door(Firewall(), key=KEY, secret=SECRET)
        self.url = ""

    @property
    def firewall(self) -> Firewall:
        return self.door.firewall

    @property
    def settings(self) -> dict[str, Any]:
        """What the control plane is told."""
        return {
            "opnsense_url": self.url,
            "opnsense_key": KEY,
            "opnsense_secret": SECRET,
            "opnsense_publish": True,
            "opnsense_timeout_ms": 2000,
        }

    def break_(self, call: str, do: str, **more: Any) -> None:
        """Let calls go wrong from now on."""
        self.door.faults.plan({"call": call, "do": do, **more})

    def leads(self) -> dict[str, str]:
        """Return what is live: protocol and port, and the address and port they lead to."""
        live = self.firewall.live
        names = {alias["name"]: alias["content"] for alias in live["alias"].values()}
        return {
            f"{one['protocol']}/{one['destination.port']}": f"{names[one['target']]}:{one['local-port']}"
            for one in live["d_nat"].values()
            if one["descr"].startswith("zpack ")
        }


@asynccontextmanager
async def simulated_opnsense() -> AsyncIterator[Router]:
    """Serve one."""
    router = Router()
    app = web.Application()
    app.add_routes(router.door.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    router.url = f"http://{host}:{port}/api"
    yield router
    await runner.cleanup()
