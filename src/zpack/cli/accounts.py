"""``zpack login``, ``zpack logout`` and ``zpack keys …``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from zpack.cli.commands import Api, Json, Token, connect
from zpack.cli.output import EXIT_HELP, emit, run, table
from zpack.cli.session import Remembered, chosen_api
from zpack.client import accounts
from zpack.client.errors import ApiProblem
from zpack.client.http import Connection

keys = typer.Typer(no_args_is_help=True, help="API keys for programs of yours.", epilog=EXIT_HELP)
COLUMNS = {"id": "ID", "name": "NAME", "prefix": "BEGINS", "scopes": "SCOPES", "expiresAt": "ENDS"}


def login(
    identifier: Annotated[str, typer.Option(prompt="E-mail address or user name")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="ZPACK_PASSWORD")],
    code: Annotated[str | None, typer.Option(help="Code of your authenticator, or a recovery code.")] = None,
    api: Api = None,
    as_json: Json = False,
) -> None:
    """Log in and stay logged in."""
    base = chosen_api(api)

    async def work() -> None:
        async with Connection(base_url=base) as connection:
            try:
                pair = await accounts.log_in(connection, identifier=identifier, password=password)
            except ApiProblem as problem:
                if problem.code != accounts.SECOND_FACTOR_REQUIRED:
                    raise
                shown = code or str(typer.prompt("Code of your authenticator", err=True))
                pair = await accounts.complete_login(connection, problem.details["challenge"], shown)
        Remembered(base).write(pair)
        if as_json:
            emit({"ok": True, "api": base})
        else:
            typer.echo(f"logged in to {base} as {identifier}")

    run(work(), as_json=as_json)


def logout(api: Api = None, as_json: Json = False) -> None:
    """Log out here; other logins of yours stay."""
    base = chosen_api(api)
    kept = Remembered(base)

    async def work() -> None:
        pair = kept.read()
        if pair is not None:
            async with Connection(base_url=base) as connection:
                await accounts.log_out(connection, pair)
            kept.forget()
        emit({"ok": True}) if as_json else typer.echo("logged out")

    run(work(), as_json=as_json)


@keys.command("create", epilog=EXIT_HELP)
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="What it may do, such as servers:read; again for more.")],
    days: Annotated[int | None, typer.Option(help="Days until it ends; without, it does not.")] = None,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Create an API key and print it, this once."""
    ends = (datetime.now(UTC) + timedelta(days=days)).isoformat() if days is not None else None

    async def work() -> None:
        async with connect(api, token) as connection:
            made = await accounts.make_key(connection, name, scope, ends=ends)
        emit(made) if as_json else typer.echo(made["key"])

    run(work(), as_json=as_json)


@keys.command("list", epilog=EXIT_HELP)
def list_keys(api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """List your API keys."""

    async def work() -> None:
        async with connect(api, token) as connection:
            rows = await accounts.list_keys(connection)
        if as_json:
            emit(rows)
            return
        shown = [
            {**row, "scopes": ",".join(row["scopes"]), "expiresAt": row["expiresAt"] or "-"} for row in rows
        ]
        table(shown, COLUMNS)

    run(work(), as_json=as_json)


@keys.command("delete", epilog=EXIT_HELP)
def delete(
    key: Annotated[str, typer.Argument(help="The key's id.")],
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Delete an API key: it stops at once."""

    async def work() -> None:
        async with connect(api, token) as connection:
            await accounts.delete_key(connection, key)
        emit({"ok": True}) if as_json else typer.echo(f"{key} is deleted")

    run(work(), as_json=as_json)
