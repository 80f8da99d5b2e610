"""The child process of a backup or restore: ``python -I -m zpack.agent.backups.child <job as JSON>``.

A child, because the agent must go on answering, because a long manifest needs memory that an idle agent
should not keep, and because a killed child leaves nothing running. It says how far it is, and at last what it
came to, one JSON object a line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zpack.agent.backups.limits import Room
from zpack.agent.backups.pack import Packer
from zpack.agent.backups.unpack import Unpacker
from zpack.agent.faults import FaultPoint
from zpack.agent.problems import Refusal
from zpack.agent.rooted.refusing import refusing
from zpack.agent.rooted.root import Root

NICENESS = 5
TELL_SECONDS = 0.5


def say(**words: Any) -> None:
    """Write one line to the agent."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


class Progress:
    """Tells a share now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + TELL_SECONDS

    def __call__(self, share: float) -> None:
        """Tell it, if it is time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_SECONDS
            say(progress=round(min(share, 1.0), 3))


def carry_out(job: dict[str, Any], fault: FaultPoint) -> dict[str, Any]:
    """Pack or unpack. Raises refusals and ``OSError``."""
    room = Room(max_bytes=job["max_bytes"], min_free_bytes=job["min_free_bytes"])
    archive, manifest, folder = Path(job["archive"]), Path(job["manifest"]), Path(job["folder"])
    with refusing(), Root.open(folder) as root:
        if job["what"] == "pack":
            packer = Packer(root=root, skip=tuple(job["skip"]), room=room, tell=Progress(), fault=fault)
            return asdict(packer.pack(archive, manifest))
        owner = (root.owner.st_uid, root.owner.st_gid)
        unpacker = Unpacker(owner=owner, room=room, tell=Progress(), fault=fault)
        target = Path(job["target"])
        return {"items": unpacker.unpack(archive, manifest, checksum=job["checksum"], target=target)}


def main() -> int:
    """Carry the job out; 0 when it came about, 1 with ``failed`` as the last word."""
    os.nice(NICENESS)
    fault = FaultPoint.from_environment(os.environ, agent=os.getppid())
    try:
        say(done=carry_out(json.loads(sys.argv[1]), fault))
    except Refusal as refusal:
        say(failed={"kind": refusal.kind, "code": refusal.code, "message": refusal.message})
        return 1
    except OSError as error:
        say(failed={"kind": "unavailable", "code": "backup_failed", "message": str(error.strerror or error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
