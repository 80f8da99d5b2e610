"""``zpack users …``: for administrators."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from zpack.cli.commands import Api, Json, Token, connect
from zpack.cli.output import EXIT_HELP, emit, run, table
from zpack.client import accounts

users = typer.Typer(no_args_is_help=True, help="Accounts, their roles and suspensions.", epilog=EXIT_HELP)
COLUMNS = {"id": "ID", "username": "NAME", "email": "E-MAIL", "role": "ROLE"}


@users.command("list", epilog=EXIT_HELP)
def list_users(
    search: Annotated[str, typer.Option(help="Part of an e-mail address or a user name.")] = "",
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """List accounts."""

    async def work() -> None:
        async with connect(api, token) as connection:
            rows = await accounts.list_users(connection, search)
        emit(rows) if as_json else table(rows, COLUMNS)

    run(work(), as_json=as_json)


@users.command("role", epilog=EXIT_HELP)
def change_role(
    user: Annotated[str, typer.Argument(help="The account's id.")],
    role: Annotated[Literal["admin", "user"], typer.Argument(help="Its new role.")],
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Make an account an administrator's, or one no more."""

    async def work() -> None:
        async with connect(api, token) as connection:
            await accounts.change_role(connection, user, role)
        emit({"ok": True}) if as_json else typer.echo(f"{user} is {role} now")

    run(work(), as_json=as_json)


@users.command("suspend", epilog=EXIT_HELP)
def suspend(
    user: Annotated[str, typer.Argument(help="The account's id.")],
    reason: Annotated[str, typer.Option(help="Why; its owner is told.")],
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Stop an account's servers and keep them stopped, whatever it pays, until this is lifted."""

    async def work() -> None:
        async with connect(api, token) as connection:
            standing = await accounts.suspend(connection, user, reason)
        emit(standing) if as_json else typer.echo(f"{user} is suspended")

    run(work(), as_json=as_json)


@users.command("unsuspend", epilog=EXIT_HELP)
def unsuspend(
    user: Annotated[str, typer.Argument(help="The account's id.")],
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Lift a suspension by hand; one for want of payment stays."""

    async def work() -> None:
        async with connect(api, token) as connection:
            standing = await accounts.unsuspend(connection, user)
        state = standing["serverBillingState"]
        emit(standing) if as_json else typer.echo(f"{user} is no longer suspended by hand; billing: {state}")

    run(work(), as_json=as_json)
