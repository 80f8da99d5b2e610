"""The two commands, for the embedded platform of a home and for one in production."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import psycopg
import typer

from zpack.allinone.home import Home, HomeBusy, default_home, write_private
from zpack.allinone.postgres import EmbeddedPostgres, PostgresFailed
from zpack.allinone.safekeeping import archive, database
from zpack.allinone.safekeeping.report import drift_since
from zpack.control.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Generator

HomeOption = Annotated[Path | None, typer.Option(help="Folder of the platform's data (ZPACK_HOME).")]
app = typer.Typer(add_completion=False, help="Keep the platform's own record.")
UrlOption = Annotated[
    str | None, typer.Option(envvar="DATABASE_URL", help="A database outside the home, as in production.")
]
EXPECTED = (
    archive.BadArchive,
    database.DatabaseFailed,
    database.NoPlatform,
    database.NotEmpty,
    HomeBusy,
    PostgresFailed,
    psycopg.Error,
    OSError,
)


@app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(help="The archive to write.")],
    home: HomeOption = None,
    database_url: UrlOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write the platform's record into one archive, while it runs: database, secrets, artifacts' names."""
    place = (home or default_home()).expanduser().resolve()
    with _failures_told(), _database(place, database_url) as url, _private_folder(target.parent) as folder:
        dump = folder / archive.DUMP
        database.dump(url, dump)
        files = {archive.DUMP: dump}
        files |= {f"home/{name}": place / name for name in archive.HOME_FILES if (place / name).is_file()}
        manifest: dict[str, Any] = {
            "createdAt": datetime.now(UTC).isoformat(),
            "zpack": "0.1.0",
            "database": database.facts(url),
            "artifacts": _artifacts(place / "artifacts"),
        }
        archive.write(target, manifest, files)
    told: dict[str, Any] = {"archive": str(target), "bytes": target.stat().st_size}
    told |= manifest["database"]
    line = f"{target}: {told['bytes']} bytes, schema {told['revision']}"
    typer.echo(json.dumps(told) if as_json else line)


@app.command("restore")
def restore(
    source: Annotated[Path, typer.Argument(help="The archive to read.")],
    home: HomeOption = None,
    database_url: UrlOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Bring the platform's record back, all or nothing; then say how the world differs from it."""
    place = (home or default_home()).expanduser().resolve()
    place.mkdir(parents=True, exist_ok=True)
    with _failures_told(), _private_folder(place) as folder:
        manifest = archive.unpack(source, folder)
        _check_known(manifest)
        with Home(place) if database_url is None else contextlib.nullcontext():
            _check_home(place, folder, force=force)
            with _database(place, database_url, start=True) as url:
                if not force:
                    database.check_empty(url)
                database.restore(url, folder / archive.DUMP)
            for name in archive.HOME_FILES:
                if (folder / "home" / name).exists():
                    write_private(place / name, (folder / "home" / name).read_text())
    typer.echo(f"restored what was there at {manifest['createdAt']}")
    _say_drift(database_url)


def main(words: list[str]) -> int:
    """Run one of the two commands."""
    app(args=words, prog_name="zpack")
    return 0


def _check_known(manifest: dict[str, Any]) -> None:
    """Raise BadArchive when the backup is of a newer program than this."""
    revision = manifest["database"]["revision"]
    if revision not in database.known_revisions():
        raise archive.BadArchive(f"it was made by a newer zpack (schema {revision}); install that one first")


def _check_home(place: Path, folder: Path, *, force: bool) -> None:
    """Raise NotEmpty when other secrets would be replaced."""
    for name in archive.HOME_FILES:
        there, new = place / name, folder / "home" / name
        if not force and there.exists() and new.exists() and there.read_bytes() != new.read_bytes():
            raise database.NotEmpty(f"{there} differs from the backup's; --force replaces it")


def _say_drift(database_url: str | None) -> None:
    if database_url is None:
        typer.echo("start it with 'zpack up'; 'zpack admin drift list' then says what differs from the world")
        return
    try:
        lines = asyncio.run(drift_since(database_url))
    except SettingsError as failure:
        typer.echo(f"the world was not looked at: {failure}")
        return
    typer.echo("\n".join(lines))


@contextlib.contextmanager
def _database(place: Path, url: str | None, *, start: bool = False) -> Generator[str]:
    """Yield the database's URL: the given one, that of the running platform, or of one we start."""
    if url is not None:
        yield url
        return
    if not start and not (place / "pg" / "PG_VERSION").exists():
        raise database.NoPlatform(f"there is no platform in {place}; name its --home or its --database-url")
    server = EmbeddedPostgres(folder=place / "pg", log=_log(place))
    if not start and _answers(server.url):
        yield server.url
        return
    with contextlib.nullcontext() if start else Home(place):  # a restore holds its lock already
        server.start_now()
        try:
            yield server.url
        finally:
            server.stop_now()


def _log(place: Path) -> Path:
    folder = place / "log"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / "postgres.log"


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def _artifacts(folder: Path) -> list[dict[str, Any]]:
    """Return the artifacts' names and sizes: they can be fetched again."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return [{"path": str(path.relative_to(folder)), "size": path.stat().st_size} for path in found]


@contextlib.contextmanager
def _private_folder(beside: Path) -> Generator[Path]:
    with tempfile.TemporaryDirectory(dir=beside, prefix=".zpack-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _failures_told() -> Generator[None]:
    """Turn what may be expected to go wrong into one line."""
    os.umask(0o077)
    try:
        yield
    except EXPECTED as failure:
        sys.stderr.write(f"zpack: {str(failure).strip() or type(failure).__name__}\n")
        raise typer.Exit(1) from None
