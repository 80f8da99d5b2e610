"""Gives a file another name or folder. Blocking: called in a thread."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from zpack.agent.problems import Invalid, TooLarge
from zpack.agent.rooted.paths import Exists, Missing, OutsideRoot

if TYPE_CHECKING:
    from zpack.agent.files.policy import Policy
    from zpack.agent.rooted.root import Root


def move(root: Root, policy: Policy, path: str, to: str, *, overwrite: bool) -> int:
    """Move a file, or a folder where the policy knows them; return how many blocks became free.

    Nothing replaces a folder, and no folder anything. Raises :class:`Exists` and other refusals.
    """
    limit = policy.movable(path, to)
    about = root.stat(path)
    _check_kind(root, policy, about)
    if to.startswith(f"{path}/"):
        raise Invalid("a folder cannot be moved into itself")
    if stat.S_ISREG(about.st_mode) and about.st_size > limit:
        msg = f"at most {limit} bytes are taken for this file"
        raise TooLarge(msg)
    there = _target(root, to)
    if there is None:
        (root.rename if stat.S_ISDIR(about.st_mode) else root.rename_new)(path, to)
        return 0
    plain = stat.S_ISREG(about.st_mode) and stat.S_ISREG(there.st_mode)
    if not (overwrite and plain) or os.path.samestat(about, there):
        raise Exists("it exists already")
    root.rename(path, to)
    return there.st_blocks


def _check_kind(root: Root, policy: Policy, about: os.stat_result) -> None:
    if stat.S_ISDIR(about.st_mode):
        if not policy.folders:
            raise OutsideRoot("folders are not moved here")
    elif not stat.S_ISREG(about.st_mode):
        raise OutsideRoot("it is a link or a device")
    elif about.st_nlink > 1 and about.st_uid != root.owner.st_uid:
        raise OutsideRoot("it is a link to somebody else's file")


def _target(root: Root, to: str) -> os.stat_result | None:
    """Return what is at the target itself. Raises :class:`Missing` when its folder is not there."""
    try:
        with root.parent(to) as (holder, name), contextlib.suppress(FileNotFoundError):
            return os.stat(name, dir_fd=holder, follow_symlinks=False)
    except Missing as error:
        raise Missing("the folder it is to be in does not exist", code="parent_missing") from error
    return None
