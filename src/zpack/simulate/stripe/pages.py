"""The pages a customer sees: checkout, an open invoice, the portal. Plain forms, no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.simulate.stripe.billing import cards, changes, charging, checkouts, lifecycle
from zpack.simulate.stripe.errors import ApiError, missing
from zpack.simulate.stripe.resources.portal import KIND as CONFIGURATION

if TYPE_CHECKING:
    from multidict import MultiMapping

    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

CHOICES = ("visa", "mastercard", "chargeDeclined", "chargeCustomerFail", "authenticationRequired")
STYLE = (
    "body{font:16px system-ui;max-width:34rem;margin:3rem auto}form{margin:1rem 0}button{padding:.4rem 1rem}"
)
PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
TRUE = frozenset({"1", "on", "true", "yes"})


class Pages:
    """Serves the pages of one account. Who has a page's address may use it, as at Stripe."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """Return the pages' routes."""
        return [
            web.get("/c/pay/{session}", self._checkout),
            web.post("/c/pay/{session}/complete", self._complete),
            web.post("/c/pay/{session}/cancel", self._cancel),
            web.get("/i/{invoice}", self._invoice),
            web.post("/i/{invoice}/pay", self._pay),
            web.get("/p/session/{secret}", self._portal),
            web.post("/p/session/{secret}/{deed}", self._deed),
        ]

    async def _checkout(self, request: web.Request) -> web.Response:
        try:
            session = self._world.store.get("checkout.session", request.match_info["session"])
        except ApiError as failure:
            return _failed(failure)
        return _page("Checkout", _checkout_form(self._world, session))

    async def _complete(self, request: web.Request) -> web.Response:
        """Pay with the card the form names; a browser is sent on to the success address."""
        form = await request.post()
        try:
            session = self._world.store.get("checkout.session", request.match_info["session"])
            checkouts.complete(
                self._world,
                session,
                card=_word(form, "card") or "pm_card_visa",
                email=_word(form, "email"),
                authenticated=_word(form, "authenticated") in TRUE,
                late=_word(form, "late") in TRUE,
            )
        except ApiError as failure:
            return _failed(failure)
        finally:
            self._world.store.flush()
        return _sent_on(session["success_url"].replace(PLACEHOLDER, session["id"]))

    async def _cancel(self, request: web.Request) -> web.Response:
        session = self._world.store.find("checkout.session", request.match_info["session"])
        if session is None or not session["cancel_url"]:
            return _failed(ApiError(404, "There is nowhere to go back to."))
        return _sent_on(session["cancel_url"].replace(PLACEHOLDER, session["id"]))

    async def _invoice(self, request: web.Request) -> web.Response:
        invoice = self._world.store.find("invoice", request.match_info["invoice"])
        if invoice is None or invoice["status"] == "draft":
            return _failed(missing("invoice", request.match_info["invoice"]))
        return _page("Invoice", _invoice_form(invoice))

    async def _pay(self, request: web.Request) -> web.Response:
        """Pay an open invoice with a card; the customer is there and authenticates when asked to."""
        form = await request.post()
        try:
            invoice = self._world.store.get("invoice", request.match_info["invoice"])
            _payable(invoice)
            customer = self._world.store.get("customer", invoice["customer"])
            method = _method(self._world, customer, _word(form, "card"))
            present = _word(form, "authenticated") in TRUE
            result = lifecycle.pay(self._world, invoice, method=method, present=present)
            if result.state != charging.PAID:
                raise result.error()
        except ApiError as failure:
            return _failed(failure)
        finally:
            self._world.store.flush()
        return _sent_on(self._world.link(f"/i/{invoice['id']}"))

    async def _portal(self, request: web.Request) -> web.Response:
        try:
            session = _session(self._world, request)
        except ApiError as failure:
            return _failed(failure)
        return _page("Billing", _portal_forms(self._world, session, request.path))

    async def _deed(self, request: web.Request) -> web.Response:
        """Do what a customer chose in the portal, and send the browser back."""
        form = await request.post()
        deeds = {"cancel": _cancel, "resume": _resume, "plan": _plan, "card": _card}
        try:
            session = _session(self._world, request)
            deeds.get(request.match_info["deed"], _nothing)(self._world, session, form)
        except ApiError as failure:
            return _failed(failure)
        finally:
            self._world.store.flush()
        home = request.path.rpartition("/")[0]
        return _sent_on(session["return_url"] or self._world.link(home))


def _payable(invoice: Body) -> None:
    if invoice["status"] not in {"open", "uncollectible"}:
        raise ApiError(400, f"This invoice is {invoice['status']}.")


def _nothing(world: World, session: Body, form: MultiMapping[object]) -> None:
    del world, session, form
    raise ApiError(404, "The portal has no such page.")


def _session(world: World, request: web.Request) -> Body:
    ident = world.store.peek(request.match_info["secret"]).get("session")
    return world.store.get("billing_portal.session", ident)


def _subscription(world: World, session: Body, form: MultiMapping[object]) -> Body:
    sub = world.store.find("subscription", _word(form, "subscription"))
    if sub is None or sub["customer"] != session["customer"] or sub["status"] in lifecycle.ENDED:
        raise missing("subscription", _word(form, "subscription") or "")
    return sub


def _feature(world: World, session: Body, name: str) -> Body:
    feature = world.store.get(CONFIGURATION, session["configuration"])["features"][name]
    if not feature["enabled"]:
        raise ApiError(403, "This portal does not offer that.")
    return feature


def _cancel(world: World, session: Body, form: MultiMapping[object]) -> None:
    feature = _feature(world, session, "subscription_cancel")
    sub = _subscription(world, session, form)
    if feature["mode"] == "immediately":
        lifecycle.end(world, sub, reason="cancellation_requested")
        return
    with world.changing(sub, lifecycle.UPDATED):
        sub["cancel_at_period_end"] = True
        sub["cancel_at"] = min(item["current_period_end"] for item in sub["items"]["data"])
        sub["canceled_at"] = world.now(sub["test_clock"])
        sub["cancellation_details"]["reason"] = "cancellation_requested"


def _resume(world: World, session: Body, form: MultiMapping[object]) -> None:
    sub = _subscription(world, session, form)
    with world.changing(sub, lifecycle.UPDATED):
        sub["cancel_at_period_end"] = False
        sub["cancel_at"] = sub["canceled_at"] = None
        sub["cancellation_details"]["reason"] = None


def _plan(world: World, session: Body, form: MultiMapping[object]) -> None:
    feature = _feature(world, session, "subscription_update")
    sub = _subscription(world, session, form)
    price = _word(form, "price")
    if price not in [row["id"] for row in _prices(world, feature)]:
        raise ApiError(400, "This portal does not offer that price.", param="price")
    rows = [{"id": sub["items"]["data"][0]["id"], "price": price}]
    at = world.now(sub["test_clock"])
    behavior = feature["proration_behavior"]
    change = changes.plan(world, sub, rows, behavior=behavior, at=at)
    changes.make(world, sub, change, behavior=behavior, payment="allow_incomplete", at=at)


def _card(world: World, session: Body, form: MultiMapping[object]) -> None:
    _feature(world, session, "payment_method_update")
    customer = world.store.get("customer", session["customer"])
    method = _method(world, customer, _word(form, "card") or "pm_card_visa")
    if method is None:
        return
    with world.changing(customer, "customer.updated"):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    for sub in world.store.all("subscription"):
        if sub["customer"] == customer["id"] and sub["status"] not in lifecycle.ENDED:
            with world.changing(sub, lifecycle.UPDATED):
                sub["default_payment_method"] = method["id"]


def _method(world: World, customer: Body, card: str | None) -> Body | None:
    """Return a new card of the customer's, or None when the form names none."""
    if not card:
        return None
    name = cards.name_of(card)
    if name is None:
        raise ApiError(400, "This is none of Stripe's test cards.", param="card")
    return cards.attach(world, cards.make(world, name, customer=customer["id"]), customer)


def _prices(world: World, feature: Body) -> list[Body]:
    offered = [ident for row in feature["products"] or [] for ident in row["prices"]]
    return [
        price
        for price in world.store.all("price")
        if price["recurring"] and price["active"] and (feature["products"] is None or price["id"] in offered)
    ]


def _word(form: MultiMapping[object], name: str) -> str | None:
    value = form.get(name)
    return value.strip() if isinstance(value, str) and value.strip() else None


def _checkout_form(world: World, session: Body) -> str:
    if session["status"] != "open":
        return f"<p>This session is {session['status']}.</p>"
    rows = "".join(
        f"<li>{row['quantity']} x {escape(row['description'])}</li>"
        for row in world.store.peek(session["id"])["lines"]
    )
    total = f"{session['amount_total'] / 100:.2f} {session['currency']}" if session["currency"] else ""
    back = f'<form method="post" action="/c/pay/{session["id"]}/cancel"><button>Back</button></form>'
    return (
        f"<ul>{rows}</ul><p>{total}</p>"
        f'<form method="post" action="/c/pay/{session["id"]}/complete">'
        f'<p><label>E-mail <input name="email" value="{escape(session["customer_email"] or "")}"></label></p>'
        f"{_card_fields()}<button>Pay</button></form>{back if session['cancel_url'] else ''}"
    )


def _invoice_form(invoice: Body) -> str:
    amount = f"{invoice['amount_due'] / 100:.2f} {invoice['currency']}"
    text = f"<p>{invoice['number']}: {amount}, {invoice['status']}</p>"
    if invoice["status"] not in {"open", "uncollectible"}:
        return text
    action = f"/i/{invoice['id']}/pay"
    return f'{text}<form method="post" action="{action}">{_card_fields()}<button>Pay</button></form>'


def _portal_forms(world: World, session: Body, path: str) -> str:
    features = world.store.get(CONFIGURATION, session["configuration"])["features"]
    parts: list[str] = []
    options = "".join(
        f'<option value="{row["id"]}">{escape(row["nickname"] or row["id"])}</option>'
        for row in _prices(world, features["subscription_update"])
    )
    for sub in world.store.all("subscription"):
        if sub["customer"] != session["customer"] or sub["status"] in lifecycle.ENDED:
            continue
        hidden = f'<input type="hidden" name="subscription" value="{sub["id"]}">'
        deed = "resume" if sub["cancel_at_period_end"] else "cancel"
        parts.append(
            f"<h2>{sub['id']}: {sub['status']}</h2>"
            f'<form method="post" action="{path}/{deed}">{hidden}<button>{deed.title()}</button></form>'
            f'<form method="post" action="{path}/plan">{hidden}<select name="price">{options}</select>'
            "<button>Change plan</button></form>"
        )
    parts.append(
        f'<form method="post" action="{path}/card">{_card_fields()}<button>Save card</button></form>'
    )
    if session["return_url"]:
        parts.append(f'<p><a href="{escape(session["return_url"])}">Back</a></p>')
    return "".join(parts)


def _card_fields() -> str:
    options = "".join(f'<option value="pm_card_{name}">{name}</option>' for name in CHOICES)
    return (
        f'<p><label>Card <select name="card">{options}</select></label></p>'
        '<p><label><input type="checkbox" name="authenticated"> authenticate when asked</label></p>'
    )


def _page(title: str, inner: str, status: int = 200) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title} (simulated)</h1>{inner}</html>"
    )
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def _failed(failure: ApiError) -> web.Response:
    return _page("Refused", f"<p>{escape(failure.body['message'])}</p>", failure.status)


def _sent_on(url: str) -> web.Response:
    return web.Response(status=303, headers={"Location": url, "Referrer-Policy": "no-referrer"})
