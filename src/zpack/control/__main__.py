"""``zpack serve``, ``zpack worker``, ``zpack migrate``, ``zpack doctor``, ``zpack traefik``."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING

from zpack.control.engine.logs import begin_logging
from zpack.control.settings import Settings, SettingsError, names, read_settings, read_traefik
from zpack.lifetime import allow_many_connections, follow_parent

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.app import Site


def main(argv: list[str] | None = None, *, site: Callable[[str], Site] | None = None) -> int:
    """Run one command; return 0, 1 when something is wrong, 2 when the settings are.

    ``site`` constructs the pages that ``serve`` serves beside the API.
    """
    options = _parser().parse_args(argv)
    follow_parent()
    try:
        if options.command == "traefik":
            return _traefik(host=options.host)
        settings = read_settings()
        begin_logging(settings.log_level.upper())
        return _run(options, settings, site)
    except SettingsError as failure:
        sys.stderr.write(f"zpack: {failure}\n")
        return 2


def _run(options: argparse.Namespace, settings: Settings, site: Callable[[str], Site] | None) -> int:
    if options.command == "migrate":
        return _migrate(settings, check=options.check)
    if options.command == "doctor":
        return asyncio.run(_doctor(settings, as_json=options.json))
    import uvloop  # noqa: PLC0415 - only what serves needs a fast loop

    from zpack.control import serving  # noqa: PLC0415 - migrate and doctor need no web server

    allow_many_connections()
    if options.command == "worker":
        uvloop.run(serving.work(settings))
    else:
        uvloop.run(serving.serve(settings, embedded=options.embedded, site=site))
    return 0


def _migrate(settings: Settings, *, check: bool) -> int:
    from zpack.control.db import migrations  # noqa: PLC0415 - the API need not load Alembic

    url = settings.database_url.get_secret_value()
    migrations.migrate(url)
    found = migrations.differences(url) if check else None
    if found:
        sys.stderr.write(f"zpack: {found}\n")
    return 1 if found else 0


def _traefik(*, host: str) -> int:
    from zpack.control.wiring.traefik import traefik_static  # noqa: PLC0415 - nothing else needs it

    sys.stdout.write(json.dumps(traefik_static(read_traefik(), host=host), indent=1) + "\n")
    return 0


async def _doctor(settings: Settings, *, as_json: bool) -> int:
    from zpack.control.doctor import examine  # noqa: PLC0415 - the API does not need it
    from zpack.control.serving import open_redis  # noqa: PLC0415 - neither does migrate
    from zpack.control.wiring import build_clients  # noqa: PLC0415 - see above

    clients = build_clients(settings, open_redis(settings, embedded=True))
    found = await examine(settings, clients)
    await clients.close()
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        for name, complaint in found.items():
            sys.stdout.write(f"{name}: {complaint or 'ok'}\n")
    return 1 if any(found.values()) else 0


def _parser() -> argparse.ArgumentParser:
    variables = "\n".join(
        f"  {name:<28}{Settings.model_fields[field].title or field}" for name, field in names().items()
    )
    parser = argparse.ArgumentParser(
        prog="zpack",
        description="The zpack control plane.",
        epilog=f"environment variables and the settings they fill:\n{variables}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the API")
    serve.add_argument(
        "--embedded", action="store_true", help="run the worker in this process; Redis is then optional"
    )
    commands.add_parser("worker", help="run workflows, pollers and reconcilers")
    migrate = commands.add_parser("migrate", help="bring the database schema up to date")
    migrate.add_argument("--check", action="store_true", help="then fail when tables and schema differ")
    traefik = commands.add_parser(
        "traefik", help="print Traefik's static configuration: every public port, and the provider's token"
    )
    traefik.add_argument("--host", default="", help="address Traefik listens on; all by default")
    doctor = commands.add_parser("doctor", help="reach every configured system")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
