"""`zpack artifacts`: the commands that fill, check and serve the artifact folder."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from zpack.artifacts import commands, layout
from zpack.artifacts.resolvers.vendors import VENDORS, setting_name
from zpack.lifetime import follow_parent

if TYPE_CHECKING:
    from types import FrameType

EXAMPLES = """examples:
  zpack artifacts prepare                                 make the embedded engine (npm; no vendor download)
  zpack artifacts prepare codeserver                      make the browser IDE (npm and a compiler; minutes)
  zpack artifacts prepare runtimes                        make dev runtimes from the Node and Python at hand
  zpack artifacts mirror paper 1.21.4                     fetch from the vendor, checksum verified
  zpack artifacts add ./server.jar --variant paper --version 1.21.4 --sha256 HEX
  zpack artifacts add ./jdk21.tar.gz --java 21
  zpack artifacts verify                                  hash everything again; 1 if anything differs
"""


def default_home() -> Path:
    """Give the artifact folder of this installation: below ZPACK_HOME, or below the user's data folder."""
    home = os.environ.get("ZPACK_HOME")
    return (Path(home) if home else commands.user_home()) / "artifacts"


def build_parser() -> argparse.ArgumentParser:
    """Make the command line."""
    parser = argparse.ArgumentParser(
        prog="zpack artifacts",
        description="The artifact store: what servers are installed from.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--home", type=Path, default=default_home(), help="the artifact folder (%(default)s)")
    shared.add_argument(
        "--json", action="store_true", help="print the result as JSON; progress goes to stderr"
    )
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_options(
        verbs.add_parser("add", parents=[shared], help="take a local file or an HTTPS address into the store")
    )
    verbs.add_parser("list", parents=[shared], help="show what is there")
    verbs.add_parser("verify", parents=[shared], help="hash everything again and compare")
    _mirror_options(verbs.add_parser("mirror", parents=[shared], help="fetch what a vendor publishes"))
    prepare = verbs.add_parser("prepare", parents=[shared], help="make the embedded engine, or the dev parts")
    prepare.add_argument(
        "what", nargs="?", choices=("engine", "codeserver", "runtimes"), default="engine",
        help="the Minecraft engine, the browser IDE, or the dev runtimes (%(default)s)",
    )  # fmt: skip
    serve = verbs.add_parser("serve", parents=[shared], help="serve the folder over HTTP")
    serve.add_argument("--host", default="127.0.0.1", help="address to bind (%(default)s)")
    serve.add_argument("--port", type=int, default=0, help="port to bind; 0 takes a free one (%(default)s)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = build_parser().parse_args(argv)
    before = signal.signal(signal.SIGTERM, _leave)  # `serve` puts its own, graceful one in its place
    try:
        follow_parent()
        return commands.run(options)
    except KeyboardInterrupt:
        return 130
    except commands.FAILURES as error:
        sys.stderr.write(f"zpack artifacts {options.command}: {error}\n")
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _frame: FrameType | None) -> None:
    # An exception, so that staging folders and child processes are cleaned up on the way out.
    raise SystemExit(128 + number)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a local file, or an https:// address")
    parser.add_argument("--game", default=layout.GAME, help="game (%(default)s)")
    parser.add_argument(
        "--variant", help=f"variant: {', '.join(layout.FILE_NAMES)} or one of your own with --name"
    )
    parser.add_argument("--version", help="version of the variant or runtime")
    parser.add_argument("--name", help="file name in the store, when the variant has no usual one")
    parser.add_argument(
        "--java", type=int, metavar="MAJOR", help="the file is a Java runtime of this version"
    )
    parser.add_argument(
        "--runtime", help="the file is a development runtime (node, python, go, java, dotnet)"
    )
    parser.add_argument("--sha256", help="what the file must be; refused otherwise")
    parser.add_argument("--allow-host", action="append", default=[], help="host the address may redirect to")


def _mirror_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("variant", choices=sorted(VENDORS), help="whose server")
    parser.add_argument("versions", nargs="+", metavar="VERSION", help='Minecraft versions, or "latest"')
    parser.add_argument(
        "--build", help="a certain build (Fabric: loader version); the newest stable one if not given"
    )
    parser.add_argument(
        "--base-url",
        help=f"another base for the vendor's API (also by environment, as {setting_name('paper')})",
    )
    parser.add_argument(
        "--contact", default=os.environ.get("ZPACK_CONTACT", ""), help="your address, told to vendors"
    )


if __name__ == "__main__":
    raise SystemExit(main())
