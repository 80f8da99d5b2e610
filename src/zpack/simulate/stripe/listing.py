"""Lists newest first, a page at a time, and references that a caller wants expanded to objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing.invoicing import payment_of
from zpack.simulate.stripe.errors import invalid
from zpack.simulate.stripe.store import copied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

MOST = 100
USUAL = 10
DEEPEST = 4


def page(rows: Iterable[Body], given: dict[str, Any], url: str) -> Body:
    """Return the page of rows (oldest first) that a list call asks for. Raises ApiError."""
    found = list(rows)[::-1]
    limit = given.get("limit", USUAL)
    if not 1 <= limit <= MOST:
        raise invalid("This value must be between 1 and 100 (inclusive)", param="limit")
    after, before = given.get("starting_after"), given.get("ending_before")
    if after and before:
        raise invalid("You can only use one of `starting_after` and `ending_before`.", param="ending_before")
    idents = [row["id"] for row in found]
    if after:
        found = found[_place(idents, after, "starting_after") + 1 :]
    if before:
        found = found[: _place(idents, before, "ending_before")]
        return _list(found[-limit:], len(found) > limit, url)
    return _list(found[:limit], len(found) > limit, url)


def matching(rows: Iterable[Body], given: dict[str, Any], *names: str) -> Iterable[Body]:
    """Yield the rows whose members are as given, and that were created in the range given."""
    created = given.get("created") or {}
    for row in rows:
        if any(given.get(name) is not None and row.get(name) != given[name] for name in names):
            continue
        if _within(row["created"], created):
            yield row


def wrapped(rows: list[Body], url: str) -> Body:
    """Return all rows as a list object."""
    return _list(rows, False, url)


def expanded(world: World, body: Body, paths: list[str]) -> Body:
    """Return a copy of an answer with the named references expanded. Raises ApiError."""
    answer = copied(body)
    for path in paths:
        parts = (path or "").split(".")
        if len(parts) > DEEPEST + (parts[0] == "data"):
            raise invalid("You cannot expand more than 4 levels of a property", param="expand")
        _expand(world, answer, parts, path)
    return answer


def _list(rows: list[Body], more: bool, url: str) -> Body:  # noqa: FBT001 - the field's own value
    return {"object": "list", "data": rows, "has_more": more, "url": url}


def _place(idents: list[str], ident: str, param: str) -> int:
    if ident not in idents:
        raise invalid(f"No such object: '{ident}'", param=param, code="resource_missing")
    return idents.index(ident)


def _within(moment: int, limits: Body) -> bool:
    return (
        moment > limits.get("gt", -1)
        and moment >= limits.get("gte", 0)
        and moment < limits.get("lt", moment + 1)
        and moment <= limits.get("lte", moment)
    )


def _expand(world: World, node: Any, parts: list[str], path: str) -> None:
    for one in node if isinstance(node, list) else [node]:
        if one is None:
            continue
        if not isinstance(one, dict):
            raise _not_expandable(path)
        name = parts[0]
        hidden = HIDDEN.get((one.get("object", ""), name))
        if hidden:
            one[name] = copied(hidden(world, one))
        elif name not in one:
            if one.get("deleted"):
                continue
            raise _not_expandable(path)
        elif isinstance(one[name], str):
            one[name] = copied(_referred(world, one[name], path))
        if len(parts) > 1:
            _expand(world, one[name], parts[1:], path)
        elif isinstance(one[name], int | float):
            raise _not_expandable(path)


def _referred(world: World, ident: str, path: str) -> Body:
    found = world.store.anywhere(ident)
    if found is None:
        raise _not_expandable(path)
    return found


def _not_expandable(path: str) -> Exception:
    return invalid(f"This property cannot be expanded ({(path or '')[:100]}).", param="expand")


def _subscriptions(world: World, customer: Body) -> Body:
    rows = [
        sub
        for sub in world.store.all("subscription")
        if sub["customer"] == customer["id"] and sub["status"] != "canceled"
    ]
    return wrapped(rows, f"/v1/customers/{customer['id']}/subscriptions")


def _line_items(world: World, session: Body) -> Body:
    rows = world.store.peek(session["id"]).get("lines", [])
    return wrapped(rows, f"/v1/checkout/sessions/{session['id']}/line_items")


def _payments(world: World, invoice: Body) -> Body:
    payment = payment_of(world, invoice)
    rows = [payment] if payment["id"] else []
    return wrapped(rows, f"/v1/invoice_payments?invoice={invoice['id']}")


def _secret(world: World, invoice: Body) -> Body | None:
    payment = payment_of(world, invoice)
    pay = world.store.find("payment_intent", payment["payment"]["payment_intent"]) if payment["id"] else None
    return {"client_secret": pay["client_secret"], "type": "payment_intent"} if pay else None


HIDDEN: dict[tuple[str, str], Callable[[World, Body], Any]] = {
    ("customer", "subscriptions"): _subscriptions,
    ("checkout.session", "line_items"): _line_items,
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _secret,
}
"""What Stripe includes only when it is asked to."""
