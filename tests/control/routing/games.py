"""Requests for games that are not Minecraft."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.control.engine.steps import State


def asked(game: str, vmid: int, *, needed: int = 0) -> State:
    """Return the state a create begins with."""
    wanted = {
        "game": game,
        "variant": "server",
        "version": "1",
        "world": "world",
        "memory": 512,
        "cores": 1,
        "artifact_path": f"{game}/server.tar.gz",
        "java_path": "",
        "ports_needed": needed,
    }
    ids = {"vmid": vmid, "hostname": f"{game}-{vmid}", "operation_id": f"op_{vmid}"}
    return {**ids, "customer_id": "u-ada", "request": wanted}
