"""What Proxmox says when it does not do what was asked, sorted by what a caller can do about it.

    ForeignError
     ├── Missing, AlreadyExists          look again: the container is not there, or it is already
     ├── AlreadyRunning, NotRunning,
     │   SameSize                        nothing to do
     ├── Locked, NoQuorum, Overloaded,
     │   TookTooLong                     wait and try again
     ├── Unreachable                     wait; another API host may reach the node
     ├── Lost                            whether it was done is not known: look, then try again
     ├── Garbled                         what answered is not Proxmox, or not well
     ├── Interrupted                     the task was ended from outside: look, then try again
     ├── Denied, Misconfigured, NoSpace  the operator has to act
     └── BadParameter                    we asked for nonsense: a bug

The text is ``message`` of the body, which Proxmox has since 8.3, else the reason phrase; a failed task's is
its exit status. Proxmox has no codes, so the kinds are told by its words.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Generator

    from zpack.control.outside.http import Answer

MESSAGE_LIMIT = 300
BAD_REQUEST, TOO_MANY = 400, 429
DENIED = frozenset({401, 403})
NEVER_SENT = frozenset({503, 595})
"""A proxy had nobody to send it to; pveproxy could not connect to the node: nothing was done."""
GATEWAY = frozenset({502, 503, 504, 595, 596, 597, 598, 599})
"""What answered could not reach who should."""


class Unreachable(ForeignError):
    """Nothing answered, or pveproxy could not reach the node."""


class Lost(Unreachable):
    """The answer to a change was lost."""


class Garbled(ForeignError):
    """The answer is not what Proxmox sends."""


class Locked(ForeignError):
    """The container's configuration is locked by another task."""


class NoQuorum(ForeignError):
    """The cluster has no majority and changes nothing."""


class Overloaded(ForeignError):
    """The node has no processes, memory or connections to spare."""


class TookTooLong(ForeignError):
    """A command that the node ran did not end in time."""


class AlreadyExists(ForeignError):
    """The VMID is taken."""


class Missing(ForeignError):
    """There is no such container."""


class AlreadyRunning(ForeignError):
    """The container runs already."""


class NotRunning(ForeignError):
    """The container does not run."""


class SameSize(ForeignError):
    """The volume is that large already."""


class Interrupted(ForeignError):
    """The task was ended by a signal or with its node."""


class Denied(ForeignError):
    """The API token or the user is wrong, or may not do this."""


class Misconfigured(ForeignError):
    """A storage, bridge, pool, node or template that is configured is not there."""


class NoSpace(ForeignError):
    """A storage is full."""


class BadParameter(ForeignError):
    """Proxmox does not accept a parameter."""


def _words(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


TRANSIENT = True
KINDS: tuple[tuple[re.Pattern[str], type[ForeignError], bool], ...] = (
    (_words(r"no quorum|/etc/pve/\S+' - Permission denied"), NoQuorum, TRANSIENT),
    (_words(r"\bis locked\b|can't lock file|got lock request timeout|to acquire"), Locked, TRANSIENT),
    (_words(r"got timeout|timed out"), TookTooLong, TRANSIENT),
    (_words(r"already running"), AlreadyRunning, False),
    (_words(r"already at specified size"), SameSize, False),
    (_words(r"not running"), NotRunning, False),
    (_words(r"already exists"), AlreadyExists, False),
    (_words(r"Configuration file '[^']*' does not exist|no such (CT|container)"), Missing, False),
    (_words(r"CT \d+ does not exist"), Missing, False),
    (_words(r"no space left|not enough (free )?space|out of (free )?space|quota exceeded"), NoSpace, False),
    (
        _words(r"unable to fork|cannot (allocate memory|fork)|temporarily unavailable|too many"),
        Overloaded,
        True,
    ),
    (_words(r"unexpected status|interrupted by signal|received interrupt"), Interrupted, TRANSIENT),
    (_words(r"no such task|worker upid"), Interrupted, TRANSIENT),
    (_words(r"(storage|bridge|pool|volume|interface) '[^']*' (does not exist|is not)"), Misconfigured, False),
    (_words(r"no such (cluster node|storage|pool|bridge)|hostname lookup"), Misconfigured, False),
    (
        _words(r"is not a template|non-shared storage|uses local storage|parent directory"),
        Misconfigured,
        False,
    ),
)


def message_of(answer: Answer) -> str:
    """Return what Proxmox says: ``message``, else the reason phrase; with the named parameter errors."""
    body = answer.json
    said = answer.reason
    if isinstance(body, dict):
        if isinstance(body.get("message"), str) and body["message"].strip():
            said = body["message"]
        if isinstance(body.get("errors"), dict):
            said = f"{said.strip()} {body['errors']}"
    return said.strip()[:MESSAGE_LIMIT]


def error_for(status: int, message: str) -> ForeignError:
    """Return the error for an HTTP status, or for a failed task's exit status."""
    text = message[:MESSAGE_LIMIT]
    if status in DENIED:
        return Denied(f"Proxmox refused: {text}", transient=False, status=status)
    if status in GATEWAY:
        return Unreachable(f"the Proxmox node cannot be reached: {text}", transient=True, status=status)
    for pattern, kind, transient in KINDS:
        if pattern.search(text):
            return kind(f"Proxmox: {text}", transient=transient, status=status)
    if status == TOO_MANY:
        return Overloaded(f"Proxmox: {text}", transient=True, status=status)
    if status == BAD_REQUEST:
        return BadParameter(f"Proxmox: {text}", transient=False, status=status)
    return ForeignError(f"Proxmox: {text}", transient=False, status=status)


@contextmanager
def following() -> Generator[None]:
    """Within it, a container that is not where the cluster listed it is worth another look.

    Between the look and the call it may have been migrated, or removed: only the cluster's list can say.
    """
    try:
        yield
    except Missing as failure:
        message = f"the container moved or went meanwhile: {failure.message}"
        raise ForeignError(message, transient=True) from failure
