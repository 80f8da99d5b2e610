"""Stripe's forms: nested brackets to values, and each value checked against what the call declares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from zpack.simulate.stripe.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIELDS_LIMIT = 1000
DEPTH_LIMIT = 8
TEXT_LIMIT = 5000
METADATA_KEYS = 50
METADATA_KEY = 40
METADATA_VALUE = 500
WHOLE = re.compile(r"-?\d{1,15}")
PART = re.compile(r"\[([^\[\]]*)\]")
NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


@dataclass(frozen=True)
class Text:
    """A string, one of ``choices`` when there are any; an empty one unsets."""

    choices: tuple[str, ...] = ()

    def read(self, raw: Any, path: str) -> str | None:
        """Return the text. Raises ApiError."""
        if not isinstance(raw, str):
            raise invalid("Invalid string", param=path, code="parameter_invalid_string_blank")
        if len(raw) > TEXT_LIMIT or "\x00" in raw:
            raise invalid(f"Invalid string: must be at most {TEXT_LIMIT} characters", param=path)
        if self.choices and raw not in self.choices:
            allowed = ", ".join(choice for choice in self.choices if choice)
            raise invalid(f"Invalid {path}: must be one of {allowed}", param=path)
        return raw or None


@dataclass(frozen=True)
class Whole:
    """An integer, or one of some words."""

    words: tuple[str, ...] = ()
    least: int = -99_999_999

    def read(self, raw: Any, path: str) -> int | str | None:
        """Return the number or the word. Raises ApiError."""
        if isinstance(raw, str) and raw in self.words:
            return raw or None
        if not isinstance(raw, str) or not WHOLE.fullmatch(raw):
            raise invalid(f"Invalid integer: {str(raw)[:80]}", param=path, code="parameter_invalid_integer")
        if int(raw) < self.least:
            raise invalid(f"Invalid value: must be greater than or equal to {self.least}", param=path)
        return int(raw)


@dataclass(frozen=True)
class Flag:
    """A boolean."""

    def read(self, raw: Any, path: str) -> bool:
        """Return the boolean. Raises ApiError."""
        if raw not in {"true", "false"}:
            raise invalid(f"Invalid boolean: {str(raw)[:80]}", param=path)
        return raw == "true"


@dataclass(frozen=True)
class Metadata:
    """Keys and texts; an empty text unsets one key, an empty value unsets all."""

    def read(self, raw: Any, path: str) -> dict[str, str | None] | None:
        """Return the pairs. Raises ApiError."""
        if raw == "":
            return None
        if not isinstance(raw, dict) or len(raw) > METADATA_KEYS:
            raise invalid("Invalid object", param=path)
        for key, value in raw.items():
            if not isinstance(value, str) or len(value) > METADATA_VALUE or len(key) > METADATA_KEY:
                raise invalid("Metadata values must be short strings", param=f"{path}[{key[:METADATA_KEY]}]")
        return {key: value or None for key, value in raw.items()}


@dataclass(frozen=True)
class Many:
    """An array."""

    item: Kind
    most: int = 100

    def read(self, raw: Any, path: str) -> list[Any] | None:
        """Return the items in their order. Raises ApiError."""
        if raw == "":
            return None
        if isinstance(raw, dict) and all(key.isdigit() for key in raw):
            raw = [raw[key] for key in sorted(raw, key=int)]
        if not isinstance(raw, list) or len(raw) > self.most:
            raise invalid("Invalid array", param=path)
        found = [self.item.read(value, f"{path}[{number}]") for number, value in enumerate(raw)]
        if None in found:
            raise invalid("Invalid array: an item is empty", param=path)
        return found


@dataclass(frozen=True)
class Fields:
    """An object with declared members. An unknown one is refused, as Stripe does."""

    members: Mapping[str, Kind]
    required: tuple[str, ...] = ()

    def read(self, raw: Any, path: str = "") -> dict[str, Any] | None:
        """Return the members that were given. Raises ApiError."""
        if raw == "" and path:
            return None
        if not isinstance(raw, dict):
            raise invalid("Invalid object", param=path)
        found: dict[str, Any] = {}
        for key, value in raw.items():
            where = f"{path}[{key}]" if path else key
            kind = self.members.get(key)
            if kind is None:
                raise invalid(
                    f"Received unknown parameter: {where[:200]}", param=where, code="parameter_unknown"
                )
            found[key] = kind.read(value, where)
        for key in self.required:
            if found.get(key) is None:
                where = f"{path}[{key}]" if path else key
                raise invalid(f"Missing required param: {where}.", param=where, code="parameter_missing")
        return found

    def __or__(self, other: Mapping[str, Kind]) -> Fields:
        return Fields({**self.members, **other}, self.required)


Kind = Text | Whole | Flag | Metadata | Many | Fields

TEXT = Text()
WHOLE_NUMBER = Whole()
FLAG = Flag()
METADATA = Metadata()
MOMENT = Whole(least=0)
RANGE = Fields({"gt": MOMENT, "gte": MOMENT, "lt": MOMENT, "lte": MOMENT})
EXPAND = Many(TEXT)
PAGE: dict[str, Kind] = {"limit": Whole(), "starting_after": TEXT, "ending_before": TEXT}


def one_of(*choices: str) -> Text:
    """Return the kind of a string that is one of some."""
    return Text(choices)


def nested(encoded: str) -> dict[str, Any]:
    """Return a form's names with brackets as nested objects and arrays. Raises ApiError."""
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=FIELDS_LIMIT, errors="strict")
    except ValueError:
        raise invalid("Invalid request: malformed or too many parameters") from None
    return nest(pairs)


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return names with brackets as nested objects; ``[]`` appends. Raises ApiError."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        match = NAME.fullmatch(name)
        if match is None:
            raise invalid(f"Invalid parameter name: {name[:100]}", param=name[:100])
        parts = [match[1], *PART.findall(match[2])]
        if len(parts) > DEPTH_LIMIT:
            raise invalid(f"Invalid parameter, too deep: {match[1][:100]}", param=match[1])
        _put(root, parts, value, name)
    return root


def _put(node: dict[str, Any], parts: list[str], value: str, name: str) -> None:
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        key = part or str(len(node))  # [] takes the next number
        if following is None:
            node[key] = value
            return
        inner = node.setdefault(key, {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid parameter: {name[:100]} is given twice", param=name[:100])
        node = inner


def merged(old: Mapping[str, str], given: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return metadata after a change: None unsets a key, no mapping unsets all."""
    if given is None:
        return {}
    return {key: value for key, value in {**old, **given}.items() if value is not None}
