"""What a crash was, from its exit and its last lines. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.agent.runtime.process import Exit

Classification = Literal[
    "oom", "mod_or_plugin_error", "missing_dependency", "nonzero_exit", "unexpected_exit"
]  # fmt: skip

SIGKILL = 9
SIGNS: tuple[tuple[Classification, tuple[str, ...]], ...] = (
    (
        "oom",
        (
            "java.lang.outofmemoryerror",
            "javascript heap out of memory",
            "there is insufficient memory for the java runtime",
            "cannot allocate memory",
            "memoryerror",
            "std::bad_alloc",
        ),
    ),
    (
        "missing_dependency",
        (
            "missing or unsupported mandatory dependencies",
            "missing mandatory dependencies",
            "which is missing!",
            "unknowndependencyexception",
            "unknown/missing dependency plugins",
            "cannot find module",
            "err_module_not_found",
            "modulenotfounderror",
            "noclassdeffounderror",
            "classnotfoundexception",
            "could not find or load main class",
            "unsupportedclassversionerror",
            "unable to access jarfile",
            "error while loading shared libraries",
        ),
    ),
    (
        "mod_or_plugin_error",
        (
            "mod loading has failed",
            "modloadingexception",
            "loading errors encountered",
            "incompatible mods found",
            "incompatible mod set",
            "modresolutionexception",
            "mixin apply failed",
            "mixinapplyerror",
            "could not load 'plugins",
            "invalidpluginexception",
            "error occurred while enabling",
            "could not execute entrypoint stage",
        ),
    ),
)


@dataclass(frozen=True)
class Crash:
    """One unexpected end."""

    time: str
    exit_code: int | None
    signal: int | None
    uptime_seconds: int
    log_tail: list[str]
    classification: Classification

    def __str__(self) -> str:
        how = f"exit code {self.exit_code}" if self.signal is None else f"signal {self.signal}"
        return f"the server ended unexpectedly ({self.classification}, {how}) after {self.uptime_seconds} s"


@dataclass
class CrashRecord:
    """How often it crashed, and the last time in detail; kept over the agent's own death."""

    count: int = 0
    last: Crash | None = None

    def add(self, crash: Crash) -> None:
        """Count one."""
        self.count += 1
        self.last = crash

    def as_json(self) -> dict[str, Any]:
        """For the state file."""
        return {"count": self.count, "last": asdict(self.last) if self.last else None}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> CrashRecord:
        """Read a state file's record; a damaged one counts as none."""
        count, last = saved.get("count"), saved.get("last")
        if not isinstance(count, int) or count < 0:
            return cls()
        record = cls(count)
        if isinstance(last, dict) and set(last) == set(Crash.__dataclass_fields__):
            record.last = Crash(**last)
        return record


def classify(ended: Exit, log_tail: Sequence[str], *, oom_killed: bool) -> Classification:
    """Say what a crash was; ``oom_killed``: the kernel counted a kill for want of memory meanwhile."""
    text = "\n".join(log_tail).lower()
    if oom_killed and ended.signal == SIGKILL:
        return "oom"
    for name, signs in SIGNS:
        if any(sign in text for sign in signs):
            return name
    return "nonzero_exit" if ended.code else "unexpected_exit"
