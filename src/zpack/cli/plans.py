"""``zpack plans …``: for administrators."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from zpack.cli.commands import Api, Json, Token, connect
from zpack.cli.output import EXIT_HELP, EXITS, emit, fail, run, table
from zpack.client import plans as api_plans

plans = typer.Typer(no_args_is_help=True, help="Plans and their limits.", epilog=EXIT_HELP)
UNLIMITED = "none"
COLUMNS = {"id": "ID", "name": "NAME", "price": "PRICE", "offered": "OFFERED"}
HEADINGS = {
    "gameServers": "GAME SERVERS",
    "devContainers": "DEV CONTAINERS",
    "memoryMb": "MEMORY MIB",
    "cpus": "CPUS",
    "diskMb": "DISK MIB",
    "backupsPerServer": "BACKUPS EACH",
}


@plans.command("list", epilog=EXIT_HELP)
def list_plans(api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """List every plan; a dash is without limit."""

    async def work() -> None:
        async with connect(api, token) as connection:
            rows = await api_plans.list_plans(connection)
        emit(rows) if as_json else table([_shown(row) for row in rows], COLUMNS | HEADINGS)

    run(work(), as_json=as_json)


@plans.command("set", epilog=EXIT_HELP)
def set_plan(
    plan: Annotated[str, typer.Argument(help="The plan's id; one that is new is made.")],
    limit: Annotated[list[str] | None, typer.Option(help="Such as gameServers=3, or cpus=none.")] = None,
    name: Annotated[str | None, typer.Option(help="What people see.")] = None,
    description: Annotated[str | None, typer.Option(help="One sentence.")] = None,
    price_cents: Annotated[int | None, typer.Option(help="Price of one interval, in cents.")] = None,
    currency: Annotated[str | None, typer.Option(help="Three small letters.")] = None,
    interval: Annotated[Literal["month", "year"] | None, typer.Option(help="How often it is paid.")] = None,
    stripe_price: Annotated[str | None, typer.Option(help="Id of its price at Stripe.")] = None,
    position: Annotated[int | None, typer.Option(help="Its place in lists.")] = None,
    offered: Annotated[
        bool | None, typer.Option("--offered/--withdrawn", help="Who has it, keeps it.")
    ] = None,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Change a plan for everybody who has it, or make one; what is not said stays as it is."""
    said = {
        "name": name, "description": description, "priceCents": price_cents, "currency": currency,
        "interval": interval, "stripePriceId": stripe_price, "position": position, "active": offered,
    }  # fmt: skip
    terms = {term: value for term, value in said.items() if value is not None}
    limits = dict(_limit(word, as_json=as_json) for word in limit or ())

    async def work() -> None:
        async with connect(api, token) as connection:
            made = await api_plans.set_plan(connection, plan, terms, limits)
        emit(made) if as_json else table([_shown(made)], COLUMNS | HEADINGS)

    run(work(), as_json=as_json)


def _limit(word: str, *, as_json: bool) -> tuple[str, int | None]:
    """Return a limit's name and amount, None for without."""
    name, _, amount = word.partition("=")
    numeric = amount.isascii() and amount.isdigit()
    if name not in api_plans.LIMITS or not (numeric or amount == UNLIMITED):
        message = f"say a limit as NAME=NUMBER or NAME={UNLIMITED}, NAME one of {', '.join(api_plans.LIMITS)}"
        fail(message, code="invalid_limit", exit_status=EXITS[400], as_json=as_json)
    return name, int(amount) if numeric else None


def _shown(plan: dict[str, Any]) -> dict[str, Any]:
    limits = {name: "-" if amount is None else amount for name, amount in plan["limits"].items()}
    price = f"{plan['priceCents'] / 100:.2f} {plan['currency']}/{plan['interval']}"
    return {**plan, **limits, "price": price, "offered": "yes" if plan["active"] else "no"}
