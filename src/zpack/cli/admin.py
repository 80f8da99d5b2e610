"""``zpack admin …``: where the world and its record differ, and what to do about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from zpack.cli.commands import Api, Json, Token, connect
from zpack.cli.output import EXIT_HELP, emit, run, table
from zpack.client import admin as calls

admin = typer.Typer(no_args_is_help=True, help="For operators: drift and repairs.", epilog=EXIT_HELP)
drift = typer.Typer(no_args_is_help=True, help="Where the world and its record differ.", epilog=EXIT_HELP)
admin.add_typer(drift, name="drift")
COLUMNS = {"id": "ID", "state": "STATE", "firstSeen": "SINCE", "by": "MENDED BY", "told": "EVIDENCE"}
EVENTS = {"at": "AT", "event": "EVENT", "finding": "FINDING", "actor": "BY", "why": "WHY"}
Finding = Annotated[str, typer.Argument(help="The finding's id, as 'zpack admin drift list' shows it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show the calls that it would make.")]


@drift.command("list", epilog=EXIT_HELP)
def list_drift(api: Api = None, token: Token = None, as_json: Json = False) -> None:
    """List what is wrong now."""

    async def work() -> None:
        async with connect(api, token) as connection:
            rows = await calls.list_drift(connection)
        for row in rows:
            row["told"] = ", ".join(f"{key} {value}" for key, value in row["evidence"].items())
        emit(rows) if as_json else table(rows, COLUMNS)

    run(work(), as_json=as_json)


@drift.command("repair", epilog=EXIT_HELP)
def repair(
    finding: Finding, dry_run: DryRun = False, api: Api = None, token: Token = None, as_json: Json = False
) -> None:
    """Mend one finding."""
    _settle(finding, "repair", dry_run=dry_run, api=api, token=token, as_json=as_json)


@drift.command("delete", epilog=EXIT_HELP)
def delete(
    finding: Finding,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Remove what is left over, with everything in it."""
    if not (yes or dry_run) and not typer.confirm(f"Remove {finding} and everything in it?", err=True):
        raise typer.Exit(1)
    _settle(finding, "delete", dry_run=dry_run, api=api, token=token, as_json=as_json)


@drift.command("adopt", epilog=EXIT_HELP)
def adopt(
    finding: Finding,
    owner: Annotated[str, typer.Option(help="The id of the account that it becomes.")],
    game: Annotated[str | None, typer.Option(help="Its game, when nothing else says.")] = None,
    variant: Annotated[str | None, typer.Option(help="Its engine, when nothing else says.")] = None,
    runtime: Annotated[str | None, typer.Option(help="Its runtime, when nothing else says.")] = None,
    version: Annotated[str | None, typer.Option(help="Its version, when nothing else says.")] = None,
    dry_run: DryRun = False,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Make a container without a row somebody's server."""
    said = {"ownerId": owner, "game": game, "variant": variant, "runtime": runtime, "version": version}
    body = {key: value for key, value in said.items() if value is not None}
    _settle(finding, "adopt", dry_run=dry_run, api=api, token=token, as_json=as_json, body=body)


@admin.command("repairs", epilog=EXIT_HELP)
def repairs(
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=200)] = 50,
    api: Api = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Show what was found and mended."""

    async def work() -> None:
        async with connect(api, token) as connection:
            rows = await calls.list_repairs(connection, limit)
        emit(rows) if as_json else table([row | {"why": _why(row)} for row in rows], EVENTS)

    run(work(), as_json=as_json)


def _why(event: dict[str, Any]) -> str:
    """Return what went wrong, or why something was removed, where the event says so."""
    details = event["details"]
    return str(details.get("error") or (details.get("evidence") or {}).get("why") or "")


def _settle(
    finding: str,
    action: Literal["adopt", "repair", "delete"],
    *,
    dry_run: bool,
    api: str | None,
    token: str | None,
    as_json: bool,
    body: dict[str, str] | None = None,
) -> None:
    async def work() -> None:
        async with connect(api, token) as connection:
            done = await calls.settle(connection, finding, action, dry_run=dry_run, body=body)
        emit(done) if as_json else _say(done)

    run(work(), as_json=as_json)


def _say(done: dict[str, Any]) -> None:
    tense = "would call" if done["dryRun"] else "called"
    for call in done["calls"]:
        typer.echo(f"{tense} {call['system']}: {call['method']} {call['path']}{_told(call['parameters'])}")
    if not done["dryRun"]:
        typer.echo(f"{done['id']}: {done['action']} begun; {done['result']}")


def _told(parameters: dict[str, Any]) -> str:
    return "".join(f" {key}={value}" for key, value in parameters.items())
