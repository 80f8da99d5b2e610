"""How scripted agents behave: a default and rules over the payload's fields.

``{"default": {"behaviour": "ready", "ready_after": 0.3},
"rules": [{"match": {"world": "broken"}, "behaviour": "error", "reason": "no space left"}]}``
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["ready", "never_ready", "error", "garbage", "hang", "dead"]


@dataclass(frozen=True)
class Behaviour:
    """What an agent does after ``/config``; ``ready_after`` is in seconds."""

    kind: Kind = "ready"
    ready_after: float = 0.0
    reason: str = "scripted failure"

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Behaviour:
        """Read one behaviour. Raises ValueError."""
        kind = body.get("behaviour", "ready")
        if kind not in get_args(Kind):
            msg = f"behaviour must be one of {', '.join(get_args(Kind))}, not {kind!r}"
            raise ValueError(msg)
        reason = str(body.get("reason", "scripted failure"))
        return cls(kind, float(body.get("ready_after", 0.0)), reason)


@dataclass(frozen=True)
class Script:
    """The default and the rules; the first rule that matches wins."""

    default: Behaviour
    rules: tuple[tuple[dict[str, Any], Behaviour], ...] = ()

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Script:
        """Read a script. Raises ValueError."""
        rules = tuple((dict(rule.get("match", {})), Behaviour.parse(rule)) for rule in body.get("rules", ()))
        return cls(Behaviour.parse(body.get("default", {})), rules)

    def behaviour(self, payload: Mapping[str, Any]) -> Behaviour:
        """Return how an agent with this payload behaves."""
        for match, behaviour in self.rules:
            if all(payload.get(key) == value for key, value in match.items()):
                return behaviour
        return self.default
