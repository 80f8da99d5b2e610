"""What is wrong with a field, said to a person: the validator's own words are for programmers.

A sentence comes with a stable reason and, where there is one, the limit, so that a client can say it in
another language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "required": "Please fill this in.",
    "text": "This has to be text.",
    "too_short": "Use at least {limit} characters.",
    "too_long": "Use at most {limit} characters.",
    "too_few": "Name at least {limit}.",
    "too_many": "Name at most {limit}.",
    "form": "This is not written as it has to be here.",
    "whole_number": "Enter a whole number.",
    "number": "Enter a number.",
    "at_least": "Enter {limit} or more.",
    "at_most": "Enter {limit} or less.",
    "above": "Enter more than {limit}.",
    "below": "Enter less than {limit}.",
    "choice": "Choose one of these: {limit}.",
    "yes_no": "Say yes or no.",
    "moment": "Enter a day and a time.",
    "list": "This has to be a list.",
    "object": "This has to be an object.",
    "json": "This is no JSON that can be read.",
    "unfit": "This does not fit here.",
}
REASONS: Mapping[str, tuple[str, str]] = {
    "missing": ("required", ""),
    "string_type": ("text", ""),
    "string_sub_type": ("text", ""),
    "string_unicode": ("text", ""),
    "string_too_short": ("too_short", "min_length"),
    "string_too_long": ("too_long", "max_length"),
    "string_pattern_mismatch": ("form", ""),
    "too_short": ("too_few", "min_length"),
    "too_long": ("too_many", "max_length"),
    "int_type": ("whole_number", ""),
    "int_parsing": ("whole_number", ""),
    "int_parsing_size": ("whole_number", ""),
    "int_from_float": ("whole_number", ""),
    "float_type": ("number", ""),
    "float_parsing": ("number", ""),
    "finite_number": ("number", ""),
    "greater_than_equal": ("at_least", "ge"),
    "less_than_equal": ("at_most", "le"),
    "greater_than": ("above", "gt"),
    "less_than": ("below", "lt"),
    "literal_error": ("choice", "expected"),
    "enum": ("choice", "expected"),
    "bool_type": ("yes_no", ""),
    "bool_parsing": ("yes_no", ""),
    "datetime_type": ("moment", ""),
    "datetime_parsing": ("moment", ""),
    "datetime_from_date_parsing": ("moment", ""),
    "timezone_aware": ("moment", ""),
    "list_type": ("list", ""),
    "dict_type": ("object", ""),
    "model_type": ("object", ""),
    "model_attributes_type": ("object", ""),
    "json_invalid": ("json", ""),
}
"""The validator's kinds of error: our reason, and which of its facts is the limit."""


def said(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{field, message, reason, limit?}`` of one of the validator's errors."""
    field, facts = ".".join(str(part) for part in error["loc"][1:]), error.get("ctx") or {}
    if error["type"] == "value_error":  # raised by a rule of ours, in words of ours
        return {"field": field, "message": str(facts["error"]), "reason": "unfit"}
    reason, key = REASONS.get(error["type"], ("unfit", ""))
    limit = facts.get(key)
    if isinstance(limit, float) and limit.is_integer():
        limit = int(limit)
    if reason in {"too_short", "too_few"} and limit == 1:
        reason, limit = "required", None
    found = {"field": field, "message": SENTENCES[reason].format(limit=limit), "reason": reason}
    return found if limit is None else found | {"limit": limit}
