"""Docs keep their word: every link, file, make target and setting that they name is there.

A file may be named by the end of its path, as pages do that say once below which folder they are.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tools.rules.check import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "docs-keep-their-word"
PAGES = ("*.md", "docs/**/*.md", "deploy/**/*.md", "packaging/**/*.md")
OLD = {"CHANGELOG.md"}
"""Pages that may name what is gone."""
NOT_OURS = {".git", ".venv", "node_modules", "static", "__pycache__"}
SETTINGS_ARE_IN = (".py", ".toml", ".yaml", ".service", ".example", "Makefile")
LINK = re.compile(r"\]\(([^)#\s]+)")
QUOTED = re.compile(r"`([^`]+)`")
FILE = re.compile(r"[\w./-]+\.(?:py|ts|html|css|mjs|md)")
TARGET = re.compile(r"\bmake ([a-z][\w-]*)")
SETTING = re.compile(r"\b(?:ZPACK|ZLH|EDGE|LOCALPVE)_[A-Z0-9_]*[A-Z0-9]\b")


def check_docs(root: Path) -> list[Finding]:
    """Return what the pages below a folder name in vain."""
    files = list(_files(root))
    parts = [file.split("/") for file in files]
    ends = {"/".join(one[start:]) for one in parts for start in range(len(one))}
    makefile = (root / "Makefile").read_text() if (root / "Makefile").exists() else ""
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))
    told = (root / file for file in files if file.endswith(SETTINGS_ARE_IN))
    settings = {name for file in told for name in SETTING.findall(file.read_text())}
    found: list[Finding] = []
    for page in sorted({page for pattern in PAGES for page in root.glob(pattern)}):
        if page.name in OLD or NOT_OURS & set(page.relative_to(root).parts):
            continue
        for number, line in enumerate(page.read_text().splitlines(), 1):
            in_vain = [f"link {to}" for to in LINK.findall(line) if not _leads(page, to)]
            for quoted in QUOTED.findall(line):
                in_vain += _named_in_vain(quoted, ends=ends, targets=targets, settings=settings)
            path = page.relative_to(root).as_posix()
            found += [Finding(path, number, RULE, f"{what}: there is none (any more)") for what in in_vain]
    return found


def _named_in_vain(quoted: str, *, ends: set[str], targets: set[str], settings: set[str]) -> list[str]:
    path = quoted.split(":", maxsplit=1)[0].split(",", maxsplit=1)[0].strip()
    files = [path] if FILE.fullmatch(path) and path.lstrip("./") not in ends else []
    return [
        *(f"file {name}" for name in files),
        *(f"target {name}" for name in TARGET.findall(quoted) if name not in targets),
        *(f"setting {name}" for name in SETTING.findall(quoted) if name not in settings),
    ]


def _leads(page: Path, to: str) -> bool:
    return "://" in to or to.startswith("mailto:") or (page.parent / to).exists()


def _files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)  # noqa: PTH118 - of thousands
