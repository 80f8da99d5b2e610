"""How scripted agents behave: a default, rules over the payload's fields, and a mix by share.

``{"default": {"behaviour": "ready", "ready_after": 0.3},
"rules": [{"match": {"world": "broken"}, "behaviour": "error", "reason": "no space left"}],
"mix": [{"share": 0.05, "behaviour": "flapping", "period": 20}]}``

The first rule that matches wins. Of the others each share of the mix takes its part, always the same
servers, by a hash of their address; the rest behave as the default says.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal[
    "ready", "never_ready", "error", "garbage", "hang", "dead", "slow", "flapping", "lying"
]  # fmt: skip


@dataclass(frozen=True)
class Behaviour:
    """What an agent does after ``/config``. Times are in seconds.

    ``slow`` answers after ``delay``; ``flapping`` is ready for half of each ``period`` and stopped for the
    other; ``lying`` says ready in ``/ready`` while ``/status`` tells of a crash. An agent is well for
    ``after`` seconds before it misbehaves.
    """

    kind: Kind = "ready"
    ready_after: float = 0.0
    reason: str = "scripted failure"
    delay: float = 3.0
    period: float = 20.0
    after: float = 0.0

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Behaviour:
        """Read one behaviour. Raises ValueError."""
        kind = body.get("behaviour", "ready")
        if kind not in get_args(Kind):
            msg = f"behaviour must be one of {', '.join(get_args(Kind))}, not {kind!r}"
            raise ValueError(msg)
        return cls(
            kind=kind,
            ready_after=_number(body, "ready_after", 0.0),
            reason=str(body.get("reason", "scripted failure")),
            delay=_number(body, "delay", 3.0),
            period=max(0.1, _number(body, "period", 20.0)),
            after=_number(body, "after", 0.0),
        )


@dataclass(frozen=True)
class Script:
    """The default, the rules and the mix."""

    default: Behaviour
    rules: tuple[tuple[dict[str, Any], Behaviour], ...] = ()
    mix: tuple[tuple[float, Behaviour], ...] = ()

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Script:
        """Read a script. Raises ValueError."""
        rules = tuple((dict(rule.get("match", {})), Behaviour.parse(rule)) for rule in body.get("rules", ()))
        mix = tuple((_number(part, "share", 0.0), Behaviour.parse(part)) for part in body.get("mix", ()))
        return cls(Behaviour.parse(body.get("default", {})), rules, mix)

    def behaviour(self, payload: Mapping[str, Any], ip: str) -> Behaviour:
        """Return how an agent with this payload and address behaves."""
        for match, behaviour in self.rules:
            if all(payload.get(key) == value for key, value in match.items()):
                return behaviour
        at = zlib.crc32(ip.encode()) / 2**32
        for share, behaviour in self.mix:
            if at < share:
                return behaviour
            at -= share
        return self.default


def _number(body: Mapping[str, Any], key: str, default: float) -> float:
    """Return a field that must be a number of at least 0. Raises ValueError."""
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:  # noqa: PLR2004
        msg = f"{key} must be a number of at least 0, not {value!r}"
        raise ValueError(msg)
    return float(value)
