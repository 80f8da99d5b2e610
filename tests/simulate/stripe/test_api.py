"""The API's manners: keys, errors, pages, expansions and idempotency."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import stripe

from tests.simulate.stripe import spec
from tests.simulate.stripe.conftest import KEY

if TYPE_CHECKING:
    from zpack.simulate.stripe.world import World


async def called(base: str, method: str, path: str, data: str = "", **headers: str) -> tuple[int, Any, Any]:
    given = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    async with (
        aiohttp.ClientSession(
            headers=given | {k.replace("_", "-"): v for k, v in headers.items()}
        ) as session,
        session.request(method, base + path, data=data) as answer,
    ):
        return answer.status, await answer.json(), answer.headers


async def error(
    base: str, method: str, path: str, data: str = "", **headers: str
) -> tuple[int, str, str, str]:
    status, body, _ = await called(base, method, path, data, **headers)
    assert [complaint.message for complaint in spec.validator("error").iter_errors(body)] == []
    found = body["error"]
    return status, found["type"], found.get("code", ""), found.get("param", "")


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer sk_live_abc", "Basic !!", "Token sk_test_1"])
async def test_only_test_keys_are_let_in(base: str, given: str) -> None:
    refused = await error(base, "GET", "/v1/customers", Authorization=given)
    assert refused[:2] == (401, "invalid_request_error")


async def test_a_key_may_come_as_a_user_name(base: str) -> None:
    basic = f"Basic {base64.b64encode(f'{KEY}:'.encode()).decode()}"
    assert (await called(base, "GET", "/v1/customers", Authorization=basic))[0] == 200


async def test_one_key_may_be_the_only_one(base: str, world: World) -> None:
    world.settings.key = "sk_test_other"
    assert (await called(base, "GET", "/v1/customers"))[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "data", "answer"),
    [
        ("POST", "/v1/customers", "nme=x", (400, "invalid_request_error", "parameter_unknown", "nme")),
        ("POST", "/v1/customers", "address[town]=x", (400, "invalid_request_error", "parameter_unknown", "address[town]")),
        ("POST", "/v1/customers", "name[=x", (400, "invalid_request_error", "", "name[")),
        ("POST", "/v1/customers", "name=a&name[b]=c", (400, "invalid_request_error", "", "name[b]")),
        ("POST", "/v1/customers", "balance=many", (400, "invalid_request_error", "parameter_invalid_integer", "balance")),
        ("POST", "/v1/customers", "tax_exempt=maybe", (400, "invalid_request_error", "", "tax_exempt")),
        ("POST", "/v1/customers", "test_clock=clock_x", (400, "invalid_request_error", "resource_missing", "test_clock")),
        ("POST", "/v1/products", "", (400, "invalid_request_error", "parameter_missing", "name")),
        ("POST", "/v1/subscriptions", "customer=c&items[0][price]=p&payment_behavior=x", (400, "invalid_request_error", "", "payment_behavior")),
        ("POST", "/v1/subscriptions", "customer=c&items[0][price]=p", (400, "invalid_request_error", "resource_missing", "customer")),
        ("POST", "/v1/subscriptions", "customer=c&prorate=true", (400, "invalid_request_error", "parameter_unknown", "prorate")),
        ("GET", "/v1/customers/cus_x", "", (404, "invalid_request_error", "resource_missing", "id")),
        ("GET", "/v1/nothing", "", (404, "invalid_request_error", "", "")),
        ("GET", "/v1/customers?limit=101", "", (400, "invalid_request_error", "", "limit")),
        ("GET", "/v1/customers?starting_after=cus_x", "", (400, "invalid_request_error", "resource_missing", "starting_after")),
        ("GET", "/v1/events?created[gte]=soon", "", (400, "invalid_request_error", "parameter_invalid_integer", "created[gte]")),
        ("POST", "/v1/payment_methods/pm_card_chargeDeclined/attach", "customer=cus_x", (400, "invalid_request_error", "resource_missing", "customer")),
    ],
)  # fmt: skip
async def test_a_mistake_is_told_as_stripe_tells_it(
    base: str, method: str, path: str, data: str, answer: tuple[int, str, str, str]
) -> None:
    assert await error(base, method, path, data) == answer


@pytest.mark.parametrize(
    "data",
    [
        "%ff=%fe",
        "a=" + "x" * 20_000,
        "&".join(f"a{n}=1" for n in range(2000)),
        "a" + "[b]" * 50 + "=1",
        "=1",
        "[]=1",
    ],
)
async def test_no_form_breaks_the_door(base: str, data: str) -> None:
    assert (await error(base, "POST", "/v1/customers", data))[0] == 400


async def test_an_answer_names_its_request(base: str) -> None:
    _, body, headers = await called(base, "GET", "/v1/customers/cus_x", Stripe_Version="2026-05-27.dahlia")
    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == "2026-05-27.dahlia"
    assert headers["Request-Id"] in body["error"]["request_log_url"]
    assert body["error"]["doc_url"].endswith("resource-missing")


async def test_pages_go_both_ways(client: stripe.StripeClient) -> None:
    made = [(await client.v1.customers.create_async({"name": str(n)})).name for n in range(5)]
    first = await client.v1.customers.list_async({"limit": 2})
    assert ([row.name for row in first.data], first.has_more) == (["4", "3"], True)
    second = await client.v1.customers.list_async({"limit": 2, "starting_after": first.data[1].id})
    assert [row.name for row in second.data] == ["2", "1"]
    back = await client.v1.customers.list_async({"limit": 5, "ending_before": second.data[0].id})
    assert ([row.name for row in back.data], back.has_more) == (["4", "3"], False)
    assert [row.name async for row in first.auto_paging_iter()] == made[::-1]


async def test_references_are_expanded_in_lists_too(
    client: stripe.StripeClient, prices: dict[str, str]
) -> None:
    found = await client.v1.prices.list_async({"expand": ["data.product"], "lookup_keys": ["pro"]})
    assert found.data[0].product.name == "Plans"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded") as refused:
        await client.v1.prices.retrieve_async(prices["pro"], {"expand": ["currency"]})
    assert refused.value.param == "expand"


async def test_metadata_is_merged_and_unset(client: stripe.StripeClient) -> None:
    made = await client.v1.customers.create_async({"metadata": {"a": "1", "b": "2"}})
    changed = await client.v1.customers.update_async(made.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert (await client.v1.customers.update_async(made.id, {"metadata": ""})).metadata.to_dict() == {}


async def test_a_key_gets_its_first_answer_again(base: str) -> None:
    first = await called(base, "POST", "/v1/customers", "name=a", Idempotency_Key="k")
    again = await called(base, "POST", "/v1/customers", "name=a", Idempotency_Key="k")
    assert (first[1], "Idempotent-Replayed" in first[2]) == (again[1], False)
    assert again[2]["Idempotent-Replayed"] == "true"


async def test_a_key_of_another_call_is_refused(base: str) -> None:
    await called(base, "POST", "/v1/customers", "name=a", Idempotency_Key="k")
    assert (await error(base, "POST", "/v1/products", "name=a", Idempotency_Key="k"))[
        1
    ] == "idempotency_error"
    assert await error(base, "POST", "/v1/customers", "name=b", Idempotency_Key="k") == (
        400,
        "idempotency_error",
        "",
        "",
    )
    assert (await error(base, "POST", "/v1/customers", "name=a", Idempotency_Key="k" * 256))[
        1
    ] == "idempotency_error"


async def test_a_key_remembers_our_errors_but_not_the_callers(base: str, world: World) -> None:
    world.faults.plan({"call": "POST /v1/customers", "do": "error"})
    for replayed in (False, True):
        status, _, headers = await called(base, "POST", "/v1/customers", "name=a", Idempotency_Key="k")
        assert (status, "Idempotent-Replayed" in headers) == (500, replayed)
    assert (await called(base, "POST", "/v1/customers", "nme=a", Idempotency_Key="l"))[0] == 400
    assert (await called(base, "POST", "/v1/customers", "name=a", Idempotency_Key="l"))[0] == 200


async def test_two_calls_with_one_key_do_not_run_at_once(base: str, world: World) -> None:
    world.faults.plan({"call": "POST /v1/customers", "do": "latency", "seconds": 0.5})
    calls = [called(base, "POST", "/v1/customers", "name=a", Idempotency_Key="k") for _ in range(2)]
    answers = await asyncio.gather(*calls)
    assert sorted(status for status, _, _ in answers) == [200, 409]
    assert len(list(world.store.all("customer"))) == 1


async def test_what_is_deleted_says_so_as_stripe_does(client: stripe.StripeClient) -> None:
    clock = await client.v1.test_helpers.test_clocks.create_async({"frozen_time": 1_800_000_000})
    customer = await client.v1.customers.create_async({})
    product = await client.v1.products.create_async({"name": "P"})
    draft = await client.v1.invoices.create_async({"customer": customer.id})
    endpoint = await client.v1.webhook_endpoints.create_async(
        {"url": "http://127.0.0.1:9/", "enabled_events": ["*"]}
    )
    for gone in (
        await client.v1.invoices.delete_async(draft.id),
        await client.v1.customers.delete_async(customer.id),
        await client.v1.products.delete_async(product.id),
        await client.v1.test_helpers.test_clocks.delete_async(clock.id),
        await client.v1.webhook_endpoints.delete_async(endpoint.id),
    ):
        assert spec.complaints(gone.last_response.data) == []
