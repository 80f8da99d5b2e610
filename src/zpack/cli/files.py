"""``zpack files …``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zpack.cli.commands import Api, Json, Server, Token, connect
from zpack.cli.output import EXIT_HELP, emit, fail, run, table
from zpack.client import files as api_files

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import BinaryIO

    from zpack.client.http import Connection

files = typer.Typer(no_args_is_help=True, help="A server's files.", epilog=EXIT_HELP)
Remote = Annotated[str, typer.Argument(metavar="PATH", help="A path in the server's folder.")]
COLUMNS = {"type": "TYPE", "size": "SIZE", "modified": "MODIFIED", "name": "NAME"}


@files.command("ls", epilog=EXIT_HELP)
def ls(
    server: Server,
    path: Annotated[str, typer.Argument(help="A folder; the server's own without.")] = "",
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """List a folder."""

    async def work() -> None:
        async with connect(api, token) as connection:
            found = await api_files.list_files(connection, server, path)
        emit(found) if as_json else table(found["entries"], COLUMNS)

    run(work(), as_json=as_json)


@files.command("cat", epilog=EXIT_HELP)
def cat(server: Server, path: Remote, api: Api = None, token: Token = None) -> None:
    """Print a text file."""

    async def work() -> None:
        async with connect(api, token) as connection:
            sys.stdout.write(await api_files.read(connection, server, path))

    run(work(), as_json=False)


@files.command("get", epilog=EXIT_HELP)
def get(
    server: Server,
    path: Remote,
    target: Annotated[Path | None, typer.Argument(help="Where to; its own name here without.")] = None,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Download a file; what is there already stays until all of it has come."""
    place = target or Path(Path(path).name)

    async def work() -> None:
        with _beside(place) as file:
            async with connect(api, token) as connection:
                size = await api_files.download(connection, server, path, file)
        emit({"path": str(place), "size": size}) if as_json else typer.echo(f"{place}: {size} bytes")

    with _local(as_json=as_json):
        run(work(), as_json=as_json)


@files.command("put", epilog=EXIT_HELP)
def put(
    server: Server,
    source: Annotated[Path, typer.Argument(help="A file here.")],
    path: Remote,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    edit: Annotated[
        bool, typer.Option("--edit", help="Overwrite a settings file; it can be reverted.")
    ] = False,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Upload a mod or a datapack, or overwrite a settings file."""

    async def work(connection: Connection, file: BinaryIO) -> dict[str, Any]:
        if edit:
            return await api_files.write(connection, server, path, file)
        return await api_files.upload(connection, server, path, file, overwrite=overwrite)

    async def opened() -> None:
        with source.open("rb") as file:
            async with connect(api, token) as connection:
                _said(await work(connection, file), f"{path}: {source.stat().st_size} bytes", as_json=as_json)

    with _local(as_json=as_json):
        run(opened(), as_json=as_json)


@files.command("rm", epilog=EXIT_HELP)
def rm(server: Server, path: Remote, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """Remove a file."""

    async def work() -> None:
        async with connect(api, token) as connection:
            _said(await api_files.delete(connection, server, path), f"{path} is removed", as_json=as_json)

    run(work(), as_json=as_json)


@files.command("revert", epilog=EXIT_HELP)
def revert(server: Server, path: Remote, api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """Put back what a settings file held before it was first overwritten."""

    async def work() -> None:
        async with connect(api, token) as connection:
            _said(await api_files.revert(connection, server, path), f"{path} is reverted", as_json=as_json)

    run(work(), as_json=as_json)


def _said(answer: dict[str, Any], text: str, *, as_json: bool) -> None:
    emit(answer) if as_json else typer.echo(text)


@contextlib.contextmanager
def _local(*, as_json: bool) -> Generator[None]:
    """End the command with one line when a file here cannot be read or written."""
    try:
        yield
    except OSError as error:
        fail(str(error), code="local_file", as_json=as_json)


@contextlib.contextmanager
def _beside(place: Path) -> Generator[BinaryIO]:
    """Open a file beside ``place`` that takes its place when all went well."""
    unfinished = place.with_name(f".{place.name}.part")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)
