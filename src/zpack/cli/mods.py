"""``zpack mods …``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zpack.cli.commands import Api, Json, Server, Token, connect
from zpack.cli.output import EXIT_HELP, emit, run, table
from zpack.client import mods as api_mods

Mod = Annotated[str, typer.Argument(help="The mod's id, as `zpack mods list` shows it.")]

mods = typer.Typer(no_args_is_help=True, help="Find and install mods.", epilog=EXIT_HELP)
FOUND = {"slug": "PROJECT", "title": "TITLE", "there": "INSTALLED", "downloads": "DOWNLOADS"}
LISTED = {"id": "ID", "name": "NAME", "state": "STATE", "source": "SOURCE", "size": "SIZE"}
KNOWN = {True: "yes", False: "no", None: "?"}


@mods.command("search", epilog=EXIT_HELP)
def search(
    server: Server,
    query: Annotated[str, typer.Argument(help="What to look for.")] = "",
    limit: Annotated[int, typer.Option(help="How many results.", min=1, max=100)] = 20,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Search Modrinth for what fits the server."""

    async def work() -> None:
        async with connect(api, token) as connection:
            hits = await api_mods.search(connection, server, query, limit=limit)
        if as_json:
            emit(hits)
            return
        table([hit | {"there": KNOWN.get(hit["installed"], "?")} for hit in hits], FOUND)

    run(work(), as_json=as_json)


@mods.command("list", epilog=EXIT_HELP)
def list_mods(server: Server, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """List the server's mods."""

    async def work() -> None:
        async with connect(api, token) as connection:
            rows = await api_mods.list_mods(connection, server)
        if as_json:
            emit(rows)
            return
        shown = (
            {"state": "on" if row["enabled"] else "off", "size": f"{row['sizeBytes'] // 1024} KiB"}
            | {"source": row["source"] or "-"}
            for row in rows
        )
        table([row | more for row, more in zip(rows, shown, strict=True)], LISTED)

    run(work(), as_json=as_json)


@mods.command("install", epilog=EXIT_HELP)
def install(
    server: Server,
    project: Annotated[str, typer.Argument(help="Modrinth's id or slug of the project.")],
    version: Annotated[str | None, typer.Option(help="A version's id or number; else the newest.")] = None,
    with_dependencies: Annotated[bool, typer.Option(help="Also install what it requires.")] = False,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Install a mod; it is loaded when the game starts next."""

    async def work() -> None:
        async with connect(api, token) as connection:
            answer = await api_mods.install(
                connection, server, project, version=version, with_dependencies=with_dependencies
            )
        if as_json:
            emit(answer)
            return
        typer.echo(f"installed {', '.join(answer['installed'])}")
        for need in answer["dependencies"]:
            if need["installed"] is False and not with_dependencies:
                typer.echo(f"it requires {need['slug'] or need['projectId']}, which is not installed")
        _hint(answer)

    run(work(), as_json=as_json)


def _switch(
    server: str, mod: str, api: str | None, token: str | None, *, enabled: bool, as_json: bool
) -> None:
    async def work() -> None:
        async with connect(api, token) as connection:
            answer = await api_mods.switch(connection, server, mod, enabled=enabled)
        if as_json:
            emit(answer)
            return
        typer.echo(f"{mod} is {'on' if enabled else 'off'}")
        _hint(answer)

    run(work(), as_json=as_json)


@mods.command("enable", epilog=EXIT_HELP)
def enable(server: Server, mod: Mod, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """Let the game load a mod again."""
    _switch(server, mod, api, token, enabled=True, as_json=as_json)


@mods.command("disable", epilog=EXIT_HELP)
def disable(server: Server, mod: Mod, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """Keep a mod without loading it."""
    _switch(server, mod, api, token, enabled=False, as_json=as_json)


@mods.command("remove", epilog=EXIT_HELP)
def remove(server: Server, mod: Mod, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """Put a mod away; its file is kept in mods-removed."""

    async def work() -> None:
        async with connect(api, token) as connection:
            answer = await api_mods.remove(connection, server, mod)
        if as_json:
            emit(answer)
            return
        typer.echo(f"{mod} is now {answer['movedTo']}")
        _hint(answer)

    run(work(), as_json=as_json)


def _hint(answer: dict[str, Any]) -> None:
    if answer.get("restartRequired"):
        typer.echo("restart the game for it to take notice")
