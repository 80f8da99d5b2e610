"""``zpack servers idle`` and ``zpack servers keep-alive``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zpack.cli.commands import Api, Json, Server, Token, connect
from zpack.cli.output import emit, run
from zpack.client import idle as api_idle


def idle(
    server: Server,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Stop it when nobody uses it.")] = None,
    minutes: Annotated[float | None, typer.Option(help="After so many minutes without use.")] = None,
    wake: Annotated[
        bool | None, typer.Option("--wake/--no-wake", help="Start it when somebody comes.")
    ] = None,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Show or say whether a server stops when nobody uses it."""
    said = {"enabled": enabled, "minutes": minutes, "wake": wake}
    given = {name: value for name, value in said.items() if value is not None}

    async def work() -> None:
        async with connect(api, token) as connection:
            found = (
                await api_idle.change(connection, server, given)
                if given
                else await api_idle.shown(connection, server)
            )
        _show(found, as_json=as_json)

    run(work(), as_json=as_json)


def keep_alive(
    server: Server,
    minutes: Annotated[float, typer.Option(help="For so many minutes at least.")] = 60,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Keep a server running although nobody uses it."""

    async def work() -> None:
        async with connect(api, token) as connection:
            found = await api_idle.keep_alive(connection, server, minutes)
        _show(found, as_json=as_json)

    run(work(), as_json=as_json)


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(found)
        return
    wakes = "starts when somebody comes" if found["wake"] else "is started by its owner only"
    rule = f"stops after {found['minutes']:g} minutes without use and {wakes}"
    typer.echo(rule if found["enabled"] else "does not stop by itself")
    if found["reason"]:
        typer.echo(f"{found['state']}: {found['reason']}")
    if found["keepAliveUntil"]:
        typer.echo(f"kept until {found['keepAliveUntil']}")
