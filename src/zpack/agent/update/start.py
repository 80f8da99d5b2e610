"""Starts the agent, and goes back to the release before when a new one does not become healthy.

Installed beside the releases by the template (``/opt/zlh-agent/zlh-agent-start``) and changed by nobody
after, so that no release can break what takes it back. Python's own library only:
``python -I -S start.py [home]``.

It becomes the agent (no process stays behind) and leaves it an alarm: a release on trial that has not
confirmed itself when the alarm rings is ended by the kernel; whoever keeps the service up runs this again.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

PROGRAM = "zlh-agent"
STARTS = 2
SECONDS = 60


def main() -> None:
    """Choose the release and become it."""
    script = Path(sys.argv[0]).resolve()
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else script.parent
    seconds = int(os.environ.get("ZLH_AGENT_UPDATE_HEALTH_SECONDS") or SECONDS)
    if _on_trial(home, seconds):
        signal.alarm(seconds)
    _have_a_release(home)
    program = str((home / "current").resolve() / PROGRAM)
    os.environ["ZLH_AGENT_START"] = str(script)
    os.environ.setdefault("ZLH_AGENT_HOME", str(home))
    os.execv(program, [program])  # noqa: S606 - there is no shell here, and that is wanted


def _on_trial(home: Path, seconds: int) -> bool:
    """Count this start of a release on trial; go back when it had its starts."""
    file = home / "state" / "update.json"
    state = _read(file)
    trial = state.get("trial")
    if not trial:
        return False
    if (home / "current").resolve().name != trial["version"]:
        del state["trial"]  # the update was interrupted before the switch
    elif trial["starts"] < STARTS:
        trial["starts"] += 1
    else:
        _switch(home, trial["previous"])
        reason = f"it was started {STARTS} times and did not answer within {seconds} s"
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        state["failed"] = {"version": trial["version"], "reason": reason, "at": at}
        del state["trial"]
    _write(file, state)
    return "trial" in state


def _have_a_release(home: Path) -> None:
    """Make the newest release current when the link leads nowhere: nobody else could."""
    if os.access(home / "current" / PROGRAM, os.X_OK):
        return
    there = [path.name for path in (home / "releases").iterdir() if os.access(path / PROGRAM, os.X_OK)]
    if not there:
        sys.exit("zlh-agent: there is no release to start")
    _switch(home, max(there, key=_order))


def _order(name: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else -1 for part in name.split("."))


def _switch(home: Path, version: str) -> None:
    beside = home / f".current.{os.getpid()}"
    beside.unlink(missing_ok=True)
    beside.symlink_to(f"releases/{version}")
    beside.rename(home / "current")


def _read(file: Path) -> dict[str, Any]:
    """Return the state; an empty one, with nothing on trial, when it is missing or damaged."""
    try:
        state: dict[str, Any] = json.loads(file.read_bytes())
        if trial := state.get("trial"):
            names = {name: str(trial[name]) for name in ("version", "previous")}
            state["trial"] = {**names, "starts": int(trial["starts"])}
        return state
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write(file: Path, state: dict[str, Any]) -> None:
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    with beside.open("w", encoding="utf-8") as new:
        os.fchmod(new.fileno(), 0o600)
        json.dump(state, new)
        new.flush()
        os.fsync(new.fileno())
    beside.rename(file)


if __name__ == "__main__":
    main()
