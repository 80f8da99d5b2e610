"""What a request about mods says, and what Modrinth says of a version: pure (contract §2.5, §9.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AliasChoices, Field, StringConstraints

from zpack.control.accounts.models import Body

MAX_FILES, MAX_VERSIONS, MAX_DEPENDENCIES = 50, 2000, 100
Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class InstallBody(Body):
    """``{project, version?, withDependencies?}``: ids or slugs of Modrinth."""

    project: Word = Field(
        validation_alias=AliasChoices("project", "projectId", "project_id", "slug", "modId", "id")
    )
    version: Word | None = Field(
        default=None, validation_alias=AliasChoices("version", "versionId", "version_id")
    )
    with_dependencies: bool = Field(
        default=False, validation_alias=AliasChoices("withDependencies", "with_dependencies")
    )


class SearchQuery(Body):
    """``?vmid=&q=``, and which part of the results."""

    vmid: Annotated[str, StringConstraints(max_length=32)]
    q: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    offset: int = Field(default=0, ge=0, le=10_000)
    limit: int = Field(default=20, ge=1, le=100)


class SwitchBody(Body):
    """``{enabled}``."""

    enabled: bool = Field(strict=True)


@dataclass(frozen=True, slots=True)
class ModFile:
    """One file of a version."""

    url: str
    filename: str
    primary: bool
    sha512: str | None
    sha1: str | None


@dataclass(frozen=True, slots=True)
class ModVersion:
    """One version of a project."""

    id: str
    project_id: str
    number: str
    kind: str
    """``release``, ``beta`` or ``alpha``."""
    loaders: frozenset[str]
    game_versions: frozenset[str]
    published: str
    """RFC 3339 in UTC: texts sort as the moments do."""
    files: tuple[ModFile, ...]
    required: tuple[tuple[str, str | None], ...]
    """Projects this needs, each with the version it asks for, if any."""


def parsed_versions(rows: list[Any]) -> list[ModVersion]:
    """Return the rows that are versions; what is no version is left out."""
    return [found for row in rows[:MAX_VERSIONS] if (found := parsed_version(row)) is not None]


def parsed_version(row: Any) -> ModVersion | None:
    """Return a version, or None when something that is needed is missing."""
    if not isinstance(row, dict):
        return None
    texts = [_text(row.get(key)) for key in ("id", "project_id", "version_type", "date_published")]
    if not all(texts):
        return None
    number = _text(row.get("version_number")) or texts[0]
    return ModVersion(
        id=texts[0],
        project_id=texts[1],
        number=number,
        kind=texts[2],
        loaders=frozenset(_texts(row.get("loaders"))),
        game_versions=frozenset(_texts(row.get("game_versions"))),
        published=texts[3],
        files=tuple(f for each in _rows(row.get("files"))[:MAX_FILES] if (f := _file(each)) is not None),
        required=_required(_rows(row.get("dependencies"))[:MAX_DEPENDENCIES]),
    )


def _file(row: dict[str, Any]) -> ModFile | None:
    url, name, hashes = _text(row.get("url"), 2048), _text(row.get("filename"), 255), row.get("hashes")
    known: dict[str, Any] = hashes if isinstance(hashes, dict) else {}
    if not url or not name:
        return None
    return ModFile(
        url=url,
        filename=name,
        primary=row.get("primary") is True,
        sha512=_hash(known.get("sha512"), 128),
        sha1=_hash(known.get("sha1"), 40),
    )


def _required(rows: list[dict[str, Any]]) -> tuple[tuple[str, str | None], ...]:
    needed = {
        project: _text(row.get("version_id")) or None
        for row in rows
        if row.get("dependency_type") == "required" and (project := _text(row.get("project_id")))
    }
    return tuple(needed.items())


def _hash(value: Any, digits: int) -> str | None:
    right = isinstance(value, str) and len(value) == digits and set(value.lower()) <= set("0123456789abcdef")
    return value.lower() if right else None


def _rows(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(value: Any, limit: int = 128) -> str:
    return value if isinstance(value, str) and len(value) <= limit else ""
