"""The ``zpack`` command: customers' and operators' commands, and every program under one name."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from zpack.allinone.command import up
from zpack.allinone.fleet import fleet
from zpack.cli.accounts import keys, login, logout
from zpack.cli.admin import admin
from zpack.cli.backups import backups
from zpack.cli.commands import servers
from zpack.cli.files import files
from zpack.cli.idle import idle, keep_alive
from zpack.cli.mods import mods
from zpack.cli.output import EXIT_HELP
from zpack.cli.plans import plans
from zpack.cli.users import users

VERSION = "0.1.0"
FORWARDED = {
    "serve": ("zpack.allinone.web", "Serve the API, and the portal under PORTAL_URL."),
    "worker": ("zpack.control.__main__", "Run workflows, pollers and reconcilers."),
    "migrate": ("zpack.control.__main__", "Bring the database schema up to date."),
    "doctor": ("zpack.control.__main__", "Reach every configured system and say what is wrong."),
    "traefik": ("zpack.control.__main__", "Print Traefik's static configuration."),
    "backup": ("zpack.allinone.safekeeping.command", "Write the platform's own record into one archive."),
    "restore": ("zpack.allinone.safekeeping.command", "Bring the platform's own record back."),
    "agent": ("zpack.agent.__main__", "Run the daemon of a container."),
    "edge": ("zpack.edge.__main__", "Run the Minecraft edge."),
    "localpve": ("zpack.localpve.__main__", "Run a local Proxmox-compatible node."),
    "template": ("zpack.template.__main__", "Make the containers' template and the agent's releases."),
    "simulate": ("zpack.simulate.command", "Run a foreign system to rehearse against, such as stripe."),
    "artifacts": ("zpack.artifacts.__main__", "Manage and serve the artifact folder."),
}
OWN_WORD = frozenset({"serve", "worker", "migrate", "doctor", "traefik", "backup", "restore"})
"""Commands of one program that takes the command's name as its first word."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Host game servers.")


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        typer.echo(f"zpack {VERSION}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Host game servers and browser IDEs."""
    del version


app.command(name="up")(up)
app.command(name="fleet")(fleet)
app.command(name="login")(login)
app.command(name="logout")(logout)
servers.command("idle", epilog=EXIT_HELP)(idle)
servers.command("keep-alive", epilog=EXIT_HELP)(keep_alive)
app.add_typer(admin, name="admin")
app.add_typer(servers, name="servers")
app.add_typer(backups, name="backups")
app.add_typer(mods, name="mods")
app.add_typer(files, name="files")
app.add_typer(keys, name="keys")
app.add_typer(users, name="users")
app.add_typer(plans, name="plans")


def _forward(name: str, module: str, summary: str) -> None:
    """Add a command that hands its words to a program, which is loaded only then."""

    def run(context: typer.Context) -> None:
        words = [name, *context.args] if name in OWN_WORD else list(context.args)
        raise typer.Exit(importlib.import_module(module).main(words))

    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(name=name, help=summary, context_settings=settings, add_help_option=False)(run)


for _name, (_module, _summary) in FORWARDED.items():
    _forward(_name, _module, _summary)


def main() -> None:
    """Run the command line."""
    app(prog_name="zpack")


if __name__ == "__main__":
    sys.exit(main())
