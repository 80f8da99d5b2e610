"""``zpack servers …``."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from zpack.cli.console import converse
from zpack.cli.output import EXIT_HELP, emit, fail, run, stderr, table
from zpack.cli.session import Remembered, chosen_api, given_token
from zpack.client import servers as api_servers
from zpack.client.http import Connection

Api = Annotated[str | None, typer.Option("--api", help="Base URL of the API (ZPACK_API).")]
Token = Annotated[str | None, typer.Option("--token", help="Access token (ZPACK_TOKEN).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Server = Annotated[str, typer.Argument(help="The server's id.")]

servers = typer.Typer(no_args_is_help=True, help="Create and run servers.", epilog=EXIT_HELP)
COLUMNS = {
    "id": "ID",
    "title": "NAME",
    "name": "HOST NAME",
    "flavor": "ENGINE",
    "version": "VERSION",
    "status": "STATUS",
}


def connect(api: str | None, token: str | None) -> Connection:
    """Return a connection as who is logged in."""
    base, own = chosen_api(api), given_token(token)
    if own is not None:
        return Connection(base_url=base, token=own)
    kept = Remembered(base)
    pair = kept.read()
    return Connection(base_url=base, token=pair.token if pair else None, login=kept)


@servers.command("list", epilog=EXIT_HELP)
def list_servers(api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """List your servers."""

    async def work() -> None:
        async with connect(api, token) as connection:
            rows = await api_servers.list_servers(connection)
        if as_json:
            emit(rows)
            return
        for row in rows:
            row["title"] = row.get("displayName") or "-"
            row["joinable"] = "yes" if row["connection"]["connectable"] else row["connection"]["state"]
        table(rows, {**COLUMNS, "hostStatus": "HOST", "joinable": "JOINABLE", "address": "ADDRESS"})

    run(work(), as_json=as_json)


@servers.command("create", epilog=EXIT_HELP)
def create(
    version: Annotated[str, typer.Option(help="Version of the game, or of the runtime.")],
    variant: Annotated[str | None, typer.Option(help="Engine: paper, fabric, flying-squid, …")] = None,
    runtime: Annotated[str | None, typer.Option(help="A dev container instead: node, python, …")] = None,
    ide: Annotated[bool, typer.Option("--ide/--no-ide", help="Have a browser IDE in it.")] = True,
    game: Annotated[str, typer.Option(help="Game.")] = "minecraft",
    world: Annotated[str, typer.Option(help="Name of the world.")] = "world",
    memory: Annotated[int, typer.Option(help="Memory in MiB.")] = 1024,
    cpu: Annotated[int, typer.Option(help="Processor cores.")] = 1,
    name: Annotated[str | None, typer.Option(help="What you call it; its address does not change.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until players can join.")] = True,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Create a server, or a dev container with --runtime, and follow it until it can be used."""
    if (variant is None) == (runtime is None):
        fail("say either --variant or --runtime", code="missing_field", as_json=as_json)
    size: dict[str, Any] = {"version": version, "memoryMiB": memory, "cpuCores": cpu}
    size |= {} if name is None else {"displayName": name}
    request = size | {"container_type": "game", "game": game, "variant": variant, "world": world}
    if runtime is not None:
        request = size | {"container_type": "dev", "runtime": runtime, "enable_code_server": ide}

    async def work() -> None:
        async with connect(api, token) as connection:
            accepted = await api_servers.create(connection, request)
            if not wait:
                emit(accepted) if as_json else typer.echo(f"{accepted['hostname']}: {accepted['statusUrl']}")
                return
            operation = await _follow(connection, accepted["statusUrl"], quiet=as_json)
        _demand(operation, as_json=as_json)
        if as_json:
            emit(operation)
        else:
            typer.echo(f"{operation['hostname']} is ready (id {operation['vmid']})")

    run(work(), as_json=as_json)


@servers.command("rename", epilog=EXIT_HELP)
def rename(
    server: Server,
    name: Annotated[str, typer.Argument(help="Its new name; an empty one takes it away.")],
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Call a server something else; host name and address stay."""

    async def work() -> None:
        async with connect(api, token) as connection:
            found = await api_servers.rename(connection, server, name or None)
        if as_json:
            emit(found)
        else:
            typer.echo(f"{found['name']}: {found['displayName'] or 'has no name of its own'}")

    run(work(), as_json=as_json)


@servers.command("status", epilog=EXIT_HELP)
def status(server: Server, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """Show one server, and who says so."""

    async def work() -> None:
        async with connect(api, token) as connection:
            found = await api_servers.status(connection, server)
        if as_json:
            emit(found)
            return
        verdict = found["connection"]
        called = f"{found['displayName']} ({found['name']})" if found.get("displayName") else found["name"]
        typer.echo(f"{called}: {found['status']}, host {found['hostStatus']}, {found['address']}")
        typer.echo(f"joinable: {'yes' if verdict['connectable'] else 'no'} - {verdict['reason']}")
        for line in verdict["evidence"]:
            typer.echo(f"  {line['source']}: {line['fact']}" + (f" at {line['at']}" if line["at"] else ""))

    run(work(), as_json=as_json)


def _power(
    action: Literal["start", "stop", "restart"],
    server: str,
    api: str | None,
    token: str | None,
    *,
    as_json: bool,
) -> None:
    async def work() -> None:
        async with connect(api, token) as connection:
            await api_servers.game(connection, server, action)
        emit({"ok": True}) if as_json else typer.echo(f"{action}: done")

    run(work(), as_json=as_json)


@servers.command("start", epilog=EXIT_HELP)
def start(server: Server, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """Start the game."""
    _power("start", server, api, token, as_json=as_json)


@servers.command("stop", epilog=EXIT_HELP)
def stop(server: Server, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """Stop the game; the host keeps running."""
    _power("stop", server, api, token, as_json=as_json)


@servers.command("restart", epilog=EXIT_HELP)
def restart(server: Server, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """Restart the game."""
    _power("restart", server, api, token, as_json=as_json)


@servers.command("delete", epilog=EXIT_HELP)
def delete(
    server: Server,
    stop_host: Annotated[bool, typer.Option("--stop-host", help="Stop a running host first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Delete a server and everything in it."""
    if not yes and not typer.confirm(f"Delete server {server} and its world?", err=True):
        raise typer.Exit(1)

    async def work() -> None:
        async with connect(api, token) as connection:
            if stop_host:
                operation = await api_servers.stop_host(connection, server)
                stopped = await _follow(connection, f"/api/operations/{operation}", quiet=as_json)
                _demand(stopped, as_json=as_json)
            answer = await api_servers.delete(connection, server)
            if "statusUrl" in answer:
                answer = await _follow(connection, answer["statusUrl"], quiet=as_json)
                _demand(answer, as_json=as_json)
        emit(answer) if as_json else typer.echo(f"server {server} is deleted")

    run(work(), as_json=as_json)


@servers.command("console", epilog=EXIT_HELP)
def console(
    server: Server,
    command: Annotated[str | None, typer.Option("--command", "-c", help="Type one line and leave.")] = None,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Read the server's console and type into it; Ctrl-D leaves."""

    async def work() -> None:
        async with connect(api, token) as connection:
            await converse(connection, server, command=command, as_json=as_json)

    run(work(), as_json=as_json)


def _demand(operation: dict[str, Any], *, as_json: bool) -> None:
    """End the command with the operation's error unless it succeeded."""
    if operation["status"] != "succeeded":
        error = operation.get("error") or {}
        fail(str(error.get("message", "failed")), code=str(error.get("code", "failed")), as_json=as_json)


async def _follow(connection: Connection, status_url: str, *, quiet: bool) -> dict[str, Any]:
    """Show an operation's phases until it has finished; return it."""
    columns = (TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn())
    live = not quiet and sys.stderr.isatty()
    operation: dict[str, Any] = {}
    with Progress(*columns, console=stderr, disable=not live, transient=True) as progress:
        bar = progress.add_task("queued", total=1.0)
        async for operation in api_servers.follow(connection, status_url):
            phase = operation.get("phase") or operation["status"]
            progress.update(bar, description=phase, completed=operation["progress"])
            if not live and not quiet:
                sys.stderr.write(f"{operation['status']}: {phase}\n")
    return operation
