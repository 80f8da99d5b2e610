"""What the operator brings along: the platform's name, and legal texts (``PORTAL_LEGAL_DIR``).

Our own texts only describe what the software does; a privacy policy, terms and an imprint are for
who answers for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "zpack"
NAME_MOST = 40
LEGAL = ("privacy-policy", "terms-of-service", "imprint")
HEADING = "# "


class HouseError(Exception):
    """What the operator gave cannot be read; the text says what."""


class HouseSettings(BaseSettings):
    """Where it is found."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    name: str = Field(default=NAME, validation_alias="PORTAL_NAME", min_length=1, max_length=NAME_MOST)
    """The platform's name on its pages."""
    legal: Path | None = Field(default=None, validation_alias="PORTAL_LEGAL_DIR")
    """Folder of the operator's own ``privacy-policy.txt``, ``terms-of-service.txt`` and ``imprint.txt``."""


@dataclass(frozen=True)
class Section:
    """A heading, which may be empty, and the paragraphs below it."""

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class House:
    """The platform as its operator presents it."""

    name: str = NAME
    legal: Mapping[str, tuple[Section, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Their own texts, by the names of their pages."""


def read_house(settings: HouseSettings) -> House:
    """Read what there is; a page without a text of theirs shows ours. Raises HouseError."""
    folder = settings.legal
    if folder is None:
        return House(settings.name)
    if not folder.is_dir():
        message = f"PORTAL_LEGAL_DIR: {folder} is no folder"
        raise HouseError(message)
    found = {name: _read(path) for name in LEGAL if (path := folder / f"{name}.txt").exists()}
    return House(settings.name, MappingProxyType(found))


def sections_of(text: str) -> tuple[Section, ...]:
    """Return a text's sections: blank lines part paragraphs, and one that begins with ``# `` is a heading."""
    found: list[tuple[str, list[str]]] = []
    for block in "\n".join(line.rstrip() for line in text.splitlines()).split("\n\n"):
        words = block.strip()
        if words.startswith(HEADING):
            heading, _, words = words.removeprefix(HEADING).partition("\n")
            found.append((heading.strip(), []))
        if words.strip():
            if not found:
                found.append(("", []))
            found[-1][1].append(words.strip())
    return tuple(Section(heading, tuple(paragraphs)) for heading, paragraphs in found)


def _read(path: Path) -> tuple[Section, ...]:
    try:
        return sections_of(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as failure:
        message = f"PORTAL_LEGAL_DIR: {path.name}: {failure}"
        raise HouseError(message) from failure
