"""``zpack backups …``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zpack.cli.commands import Api, Json, Server, Token, connect
from zpack.cli.output import EXIT_HELP, emit, fail, run, table
from zpack.client import backups as api_backups

if TYPE_CHECKING:
    from zpack.client.http import Connection

backups = typer.Typer(no_args_is_help=True, help="Back servers up, and restore them.", epilog=EXIT_HELP)
Backup = Annotated[str, typer.Argument(help="The backup's id.")]
COLUMNS = {"id": "ID", "createdAt": "CREATED", "type": "TYPE", "size": "SIZE", "label": "LABEL"}
MIB = 1 << 20


@backups.command("list", epilog=EXIT_HELP)
def list_backups(server: Server, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """List a server's backups, newest first."""

    async def work() -> None:
        async with connect(api, token) as connection:
            found = await api_backups.list_backups(connection, server)
        if as_json:
            emit(found)
            return
        rows = [{**row, "size": f"{row['sizeBytes'] / MIB:.1f} MiB"} for row in found["backups"]]
        table(rows, COLUMNS)

    run(work(), as_json=as_json)


@backups.command("create", epilog=EXIT_HELP)
def create(
    server: Server,
    label: Annotated[str | None, typer.Option(help="A line to know it by.")] = None,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Back a server up as it is now."""

    async def work() -> None:
        async with connect(api, token) as connection:
            answer = await api_backups.create(connection, server, label)
            if "operation" in answer:
                answer = await _follow(connection, server, answer, as_json=as_json)
        made = answer["backup"]["id"] if "backup" in answer else answer["operation"]["backup"]
        emit(answer) if as_json else typer.echo(f"backup {made} is made")

    run(work(), as_json=as_json)


@backups.command("restore", epilog=EXIT_HELP)
def restore(
    server: Server,
    backup: Backup,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of a server's files; a checkpoint of them is kept."""
    if not yes and not typer.confirm(f"Replace the files of server {server}?", err=True):
        raise typer.Exit(1)

    async def work() -> None:
        async with connect(api, token) as connection:
            begun = await api_backups.restore(connection, server, backup)
            answer = await _follow(connection, server, begun, as_json=as_json)
        kept = answer["operation"].get("checkpoint")
        emit(answer) if as_json else typer.echo(f"backup {backup} is restored; before it: checkpoint {kept}")

    run(work(), as_json=as_json)


@backups.command("delete", epilog=EXIT_HELP)
def delete(
    server: Server, backup: Backup, api: Api = None, token: Token = None, as_json: Json = False
) -> None:
    """Delete a backup."""

    async def work() -> None:
        async with connect(api, token) as connection:
            answer = await api_backups.delete(connection, server, backup)
        emit(answer) if as_json else typer.echo(f"backup {backup} is deleted")

    run(work(), as_json=as_json)


async def _follow(
    connection: Connection, server: str, begun: dict[str, Any], *, as_json: bool
) -> dict[str, Any]:
    """Follow an operation to its end, and end the command with its error unless it succeeded."""
    told, now = "", begun
    async for now in api_backups.follow(connection, server, begun["operation"]["id"]):
        if now["message"] not in {"", told} and not as_json:
            told = now["message"]
            sys.stderr.write(f"{told}\n")
    operation = now["operation"]
    if operation.get("state") != "succeeded":
        error = operation.get("error") or {}
        fail(str(error.get("message", "failed")), code=str(error.get("code", "failed")), as_json=as_json)
    return {"operation": operation}
