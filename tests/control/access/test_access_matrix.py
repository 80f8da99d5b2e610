"""Every route meets everybody as its line says: over HTTP, with real rows, and no foreign system in reach."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.access.matrix import ADMIN, EDGE, PUBLIC, ROWS, RULES, RUN, Met, Row, Who
from tests.control.access.people import People, nothing, things_of
from zpack.control.app import SOCKET, access_rules, create_app

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

    from tests.control.access.people import Badge
    from zpack.control.wiring import Api

NAMED = re.compile(r"\{(\w+)\}")
OUT = {"Missing authorization token", "Invalid or expired token", "unauthorized"}
FORBIDDING = {
    "forbidden": Met.FORBIDDEN,
    "hosted_form_needed": Met.FORBIDDEN,
    "account_suspended": Met.SUSPENDED,
}
SHUT = OUT | {"forbidden", "account_suspended", "insufficient_scope", "user_not_found", "not_found"}
BROKEN = {"invalid_request", "internal_error", "method_not_allowed"}
"""Neither let through nor kept out: the line's request is wrong, or the route is."""
UNSEEN = {404, 502}
"""What is said where there is nothing; the second when Proxmox was to be asked whether there is."""
WORDS = {"public": PUBLIC, "edge": EDGE, "admin": ADMIN, "scraper": PUBLIC, "discoverer": EDGE}
NO_LIVE_SESSION = {Who.ANONYMOUS, Who.EXPIRED, Who.REVOKED, Who.WRONG_AUDIENCE}


@dataclass(frozen=True)
class Heard:
    """What came back, without what differs every time."""

    status: int
    raw: str
    code: str


@pytest.fixture
def served_routes(api: Api) -> dict[str, str | None]:
    async def ready() -> dict[str, str]:
        return {}

    app = create_app(api, ready=ready, cors_origins=())
    listed = {f"{verb.upper()} {path}" for path, verbs in app.openapi()["paths"].items() for verb in verbs}
    found = dict(access_rules(app))
    assert listed <= set(found)
    return found


def named(route: str) -> str:
    """Return the route as FastAPI knows it; the matrix tells the two types of servers apart."""
    return route.replace("{dev_id}", "{server_id}")


def line_for(route: str, rule: str | None) -> str:
    """Return the line that a new route needs, with the rule it seems to mean."""
    guess = {"public": "PUBLIC", "edge": "EDGE", "admin": "ADMIN"}.get(rule or "")
    guess = guess or ("SERVER" if re.search(r"\{(server_id|vmid)\}", route) else "ACCOUNT")
    return f'    Row("{route}", {guess}),'


def test_every_route_has_a_line(served_routes: dict[str, str | None]) -> None:
    lines = {named(row.route) for row in ROWS}
    missing = [line_for(route, rule) for route, rule in served_routes.items() if route not in lines]
    message = "add to ROWS in tests/control/access/matrix.py, and see that the rule is the one you mean:\n"
    assert not missing, message + "\n".join(missing)
    assert lines <= set(served_routes), f"no longer served: {lines - set(served_routes)}"


def test_a_missing_line_is_said_as_it_is_to_be_written() -> None:
    assert line_for("GET /api/servers/{server_id}/x", "user") == (
        '    Row("GET /api/servers/{server_id}/x", SERVER),'
    )
    assert line_for("GET /api/x", "admin") == '    Row("GET /api/x", ADMIN),'


def test_lines_and_access_rules_say_the_same(served_routes: dict[str, str | None]) -> None:
    for row in ROWS:
        word = served_routes[named(row.route)] or ""
        assert (row.rule in WORDS.values()) == (word in WORDS), row.route
        assert WORDS.get(word, row.rule) == row.rule, row.route


def test_nobody_is_forgotten() -> None:
    assert all(set(rule) == set(Who) for rule in RULES.values())
    assert all(
        rule[who] is Met.OUT for rule in RULES.values() if rule is not PUBLIC for who in NO_LIVE_SESSION
    )


@pytest.mark.seed("S90")
@pytest.mark.parametrize("who", list(Who))
async def test_every_route_meets_them_as_its_line_says(
    who: Who, people: People, base_url: str, http: aiohttp.ClientSession
) -> None:
    complaints: list[str] = []
    badge: Badge | None = None
    for row in ROWS:
        badge = badge or await people.badge(who)
        heard = await ask(http, base_url, row, badge, things_of(who))
        met = met_with(heard)
        if row.rule[who] is Met.HIDDEN:
            absent = await ask(http, base_url, row, badge, nothing())
            met = Met.HIDDEN if heard == absent and heard.status in UNSEEN else met
            heard = heard if heard == absent else replace(heard, raw=f"{heard.raw}, of nothing {absent.raw}")
        if met is not row.rule[who]:
            complaints.append(f"{row.route} {dict(row.fill)}: not {row.rule[who]!r} but {heard}")
        if "/api/auth/" in row.route:
            badge = None  # it may have ended the session
    assert not complaints, "\n".join(complaints)


async def test_not_even_an_administrator_runs_what_is_suspended(
    people: People, base_url: str, http: aiohttp.ClientSession
) -> None:
    badge, things = await people.badge(Who.ADMIN), things_of(Who.SUSPENDED)
    running = [row for row in ROWS if row.rule is RUN]
    heard = {f"{row.route} {row.fill}": await ask(http, base_url, row, badge, things) for row in running}
    assert running
    assert {route: said for route, said in heard.items() if met_with(said) is not Met.SUSPENDED} == {}


def met_with(heard: Heard) -> Met | None:
    """Return how an answer meets its asker; None when that cannot be told from it alone."""
    if heard.code in BROKEN or heard.status in {404, 405}:
        return None
    if heard.status == 401 and (heard.code in OUT or not heard.code):
        return Met.OUT
    if heard.status == 403:
        return FORBIDDING.get(heard.code)
    return Met.IN if heard.code not in SHUT else None


async def ask(
    http: aiohttp.ClientSession, base: str, row: Row, badge: Badge, things: Mapping[str, str]
) -> Heard:
    """Ask as a row says."""
    known = {**things, **row.fill, "refresh": badge.refresh}
    method, _, path = filled(row.route, known).partition(" ")
    url = f"{base}{path}?{filled(row.query, known)}"
    if method == SOCKET:
        return await ask_for_socket(http, url, badge)
    body: dict[str, Any] = {}
    if isinstance(row.body, str):
        body["data"] = row.body
    elif row.body is not None:
        body["json"] = json.loads(filled(json.dumps(row.body), known))
    async with http.request(method, url, headers=badge.headers, **body) as answer:
        endless = answer.content_type == "text/event-stream"
        raw = "" if endless else await answer.text()
        return heard_from(answer.status, raw, answer.headers.get("X-Request-Id", ""))


async def ask_for_socket(http: aiohttp.ClientSession, url: str, badge: Badge) -> Heard:
    """Ask for an upgrade by hand: aiohttp's own client throws the body of a refusal away."""
    headers = badge.headers | {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with http.get(url, headers=headers) as answer:
        raw = "" if answer.status == 101 else await answer.text()
        return heard_from(answer.status, raw, answer.headers.get("X-Request-Id", ""))


def heard_from(status: int, raw: str, request_id: str) -> Heard:
    """Return an answer without its request id."""
    said = raw.replace(request_id, "req") if request_id else raw
    try:
        body = json.loads(said) if said else {}
    except ValueError:
        body = {}
    code = body.get("error", "") if isinstance(body, dict) else ""
    return Heard(status, said if status >= 400 else "", code if isinstance(code, str) else "")


def filled(text: str, known: Mapping[str, str]) -> str:
    """Return a text with its names filled in; braces that name nothing stay."""
    return NAMED.sub(lambda found: known.get(found[1], found[0]), text)
