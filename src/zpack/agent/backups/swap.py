"""Replaces a server's files by renames that a journal remembers: after any death, all of them or none.

The journal is written before the first rename and names every one; it is removed after the last. An agent
that finds one finishes what it says. Beside the server's folder, on the same file system, ``new`` holds what
comes in and ``old`` what goes out; without a journal both are rubbish.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zpack.agent.backups.limits import is_skipped
from zpack.agent.backups.record import Failed
from zpack.agent.backups.shelf import sync_folder
from zpack.agent.config.files import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from zpack.agent.faults import FaultPoint

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """Which entries of ``target`` go out, and which of ``new`` come in."""

    operation: str
    target: str
    leaving: list[str]
    coming: list[str]
    left: bool = False
    """All that leave have left: what stands under their names now has come."""

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Plan | None:
        """Read a saved plan; a damaged one counts as none."""
        return cls(**saved) if set(saved) == set(cls.__dataclass_fields__) else None


class Swap:
    """One swap at a time, in ``workshop``."""

    def __init__(self, *, journal: Path, workshop: Path, fault: FaultPoint) -> None:
        self._journal = journal
        self._workshop = workshop
        self._fault = fault

    @property
    def new(self) -> Path:
        """Where what comes in is put together."""
        return self._workshop / "new"

    @property
    def _old(self) -> Path:
        return self._workshop / "old"

    @property
    def _late(self) -> Path:
        return self._workshop / "late"

    def prepare(self) -> None:
        """Make the empty workshop. Raises ``OSError``."""
        self.clean()
        for folder in (self._workshop, self.new, self._old, self._late):
            folder.mkdir(mode=0o700, parents=True)

    def carry_out(
        self, operation: str, target: Path, *, skip: tuple[str, ...], done: Callable[[], None]
    ) -> None:
        """Swap; what is in ``skip`` stays. Raises :class:`Failed` when the files are as they were.

        Blocking: a few renames, and as many waits for the disk. ``done`` is called before the journal goes.
        """

        def names(folder: Path) -> list[str]:
            return sorted(each.name for each in folder.iterdir() if not is_skipped(each.name, skip))

        plan = Plan(operation, str(target), [], [])
        try:
            plan = replace(plan, leaving=names(target), coming=names(self.new))
            self._fault.reached("restore:before-journal")
            self._remember(plan)
            self._fault.reached("restore:journal-written")
            self._forward(plan)
        except OSError as error:
            self._back(plan)
            self._forget()
            raise Failed(f"the files could not be replaced: {error.strerror or error}") from error
        done()
        self._forget()
        self._fault.reached("restore:swapped")

    def recover(self) -> str | None:
        """Finish what a killed agent began; return its operation's id when the files were replaced."""
        plan = Plan.from_json(read_json(self._journal))
        replaced = None
        if plan is not None and Path(plan.target).is_dir() and self.new.is_dir():
            try:
                self._forward(plan)
                replaced = plan.operation
            except OSError:
                log.exception("a restore could not be finished; the files are put back")
                self._back(plan)
        self._forget()
        self.clean()
        return replaced

    def clean(self) -> None:
        """Remove the workshop."""
        shutil.rmtree(self._workshop, ignore_errors=True)

    def _remember(self, plan: Plan) -> None:
        write_json(self._journal, asdict(plan))
        sync_folder(self._journal.parent)

    def _forget(self) -> None:
        if self._journal.exists():
            self._journal.unlink()
            sync_folder(self._journal.parent)

    def _forward(self, plan: Plan) -> None:
        """Do every rename that is not done yet: first all that go out, then all that come in."""
        with self._opened(plan) as (target, new, old, late):
            if not plan.left:
                for name in plan.leaving:
                    if not _has(old, name) and _has(target, name):
                        os.rename(name, name, src_dir_fd=target, dst_dir_fd=old)
                        self._fault.reached("restore:one-left")
                _sync(old, target)
                self._fault.reached("restore:all-left")
                self._remember(replace(plan, left=True))
            for name in plan.coming:
                if _has(new, name):
                    if _has(target, name):  # somebody put it there meanwhile
                        os.rename(name, secrets.token_hex(8), src_dir_fd=target, dst_dir_fd=late)
                    os.rename(name, name, src_dir_fd=new, dst_dir_fd=target)
                    self._fault.reached("restore:one-came")
            _sync(target, new)
            self._fault.reached("restore:all-came")

    def _back(self, plan: Plan) -> None:
        """Undo every rename that was done. Raises ``OSError``; the journal stays then."""
        with self._opened(plan) as (target, new, old, _):
            for name in plan.coming:
                if not _has(new, name) and _has(target, name):
                    os.rename(name, name, src_dir_fd=target, dst_dir_fd=new)
            for name in plan.leaving:
                if _has(old, name):
                    os.rename(name, name, src_dir_fd=old, dst_dir_fd=target)
            _sync(target, old)

    @contextlib.contextmanager
    def _opened(self, plan: Plan) -> Generator[list[int]]:
        with contextlib.ExitStack() as stack:
            folders: list[int] = []
            for path in (plan.target, self.new, self._old, self._late):
                folders.append(os.open(path, FOLDER))
                stack.callback(os.close, folders[-1])
            yield folders


def _has(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _sync(*folders: int) -> None:
    for descriptor in folders:
        os.fsync(descriptor)
