"""``/v1/test_helpers/test_clocks``: customers that live by a time of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing.calendar import DAY
from zpack.simulate.stripe.billing.due import pass_time
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import invalid
from zpack.simulate.stripe.forms import MOMENT, TEXT
from zpack.simulate.stripe.listing import page
from zpack.simulate.stripe.resources import customers
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

KIND = "test_helpers.test_clock"
LONGEST = 2 * 366 * DAY


def create(world: World, call: Call) -> Body:
    """Make a clock that stands still."""
    now = world.wall()
    body: Body = {
        "id": new_id("clock"),
        "object": KIND,
        "created": now,
        "deletes_after": now + 30 * DAY,
        "frozen_time": call.given["frozen_time"],
        "livemode": False,
        "name": call.given.get("name"),
        "status": "ready",
        "status_details": {},
    }
    return world.add(body, "test_helpers.test_clock.created")


def advance(world: World, call: Call) -> Body:
    """Move a clock on and do all that is due until then; the answer says that it is under way."""
    clock, until = world.store.get(KIND, call["test_clock"]), call.given["frozen_time"]
    if until <= clock["frozen_time"]:
        raise invalid("The frozen time must be after the clock's.", param="frozen_time")
    if until - clock["frozen_time"] > LONGEST:
        raise invalid("You can advance at most two years at once.", param="frozen_time")
    answer = {
        **clock,
        "frozen_time": until,
        "status": "advancing",
        "status_details": {"advancing": {"target_frozen_time": until}},
    }
    world.emit("test_helpers.test_clock.advancing", answer)
    pass_time(world, clock["id"], until)
    world.emit("test_helpers.test_clock.ready", clock)
    return answer


def delete(world: World, call: Call) -> Body:
    """Delete a clock with its customers."""
    clock = world.store.get(KIND, call["test_clock"])
    for customer in world.store.all("customer"):
        if customer["test_clock"] == clock["id"]:
            customers.remove(world, customer)
    world.store.drop(KIND, clock["id"])
    world.emit("test_helpers.test_clock.deleted", clock)
    return {"id": clock["id"], "object": KIND, "deleted": True}


ROUTES = [
    route(
        "POST",
        "/v1/test_helpers/test_clocks",
        create,
        {"frozen_time": MOMENT, "name": TEXT},
        required=("frozen_time",),
    ),
    listed(
        "/v1/test_helpers/test_clocks",
        lambda world, call: page(world.store.all(KIND), call.given, "/v1/test_helpers/test_clocks"),
        created=False,
    ),
    route(
        "GET",
        "/v1/test_helpers/test_clocks/{test_clock}",
        lambda world, call: world.store.get(KIND, call["test_clock"]),
    ),
    route("DELETE", "/v1/test_helpers/test_clocks/{test_clock}", delete),
    route(
        "POST",
        "/v1/test_helpers/test_clocks/{test_clock}/advance",
        advance,
        {"frozen_time": MOMENT},
        required=("frozen_time",),
    ),
]
