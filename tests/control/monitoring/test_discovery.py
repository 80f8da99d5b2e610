"""What Prometheus is told to scrape: everything that exists, nothing else, and only to who knows the token."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.monitoring.conftest import BEARER, TOKEN

if TYPE_CHECKING:
    import aiohttp

    from tests.control.monitoring.conftest import Have

LISTS = ("/sd/containers", "/sd/exporters")
STRANGERS = ("", TOKEN, f"Basic {TOKEN}", "Bearer ", "Bearer wrong", "Bearer \xe9")


async def listed(plain: aiohttp.ClientSession, url: str) -> Any:
    async with plain.get(url, headers=BEARER) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        return await answer.json()


async def test_nobody_else_gets_the_list(base_url: str, plain: aiohttp.ClientSession) -> None:
    for path, shown in itertools.product(LISTS, STRANGERS):
        async with plain.get(base_url + path, headers={"Authorization": shown}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (401, "unauthorized"), shown


class TestWithoutAToken:
    @pytest.fixture
    def extra(self) -> dict[str, Any]:
        return {"prom_sd_token": ""}

    async def test_it_fails_closed(self, base_url: str, plain: aiohttp.ClientSession) -> None:
        for shown in ("", "Bearer", "Bearer ", "Bearer None"):
            async with plain.get(base_url + "/sd/containers", headers={"Authorization": shown}) as answer:
                assert answer.status == 401


async def test_no_servers_are_an_empty_list(base_url: str, plain: aiohttp.ClientSession) -> None:
    assert [await listed(plain, base_url + path) for path in LISTS] == [[], []]


async def test_containers_have_the_contract_s_labels(
    have: Have, base_url: str, plain: aiohttp.ClientSession
) -> None:
    await have(5001, ip="10.1.0.1")
    await have(6001, ip="fd00::1")
    game, dev = await listed(plain, base_url + "/sd/containers")
    labels = {"vmid": "5001", "instance": "s-5001", "container_type": "game"}
    assert game == {
        "targets": ["10.1.0.1:12345"],
        "labels": {**labels, "game": "minecraft", "variant": "paper"},
    }
    assert dev["targets"] == ["[fd00::1]:12345"]
    assert dev["labels"]["container_type"] == "dev"


async def test_the_older_shape_is_served_beside_it(
    have: Have, base_url: str, plain: aiohttp.ClientSession
) -> None:
    await have(5001, ip="10.1.0.1", owner="u-1")
    ((target),) = await listed(plain, base_url + "/sd/exporters")
    assert target["targets"] == ["10.1.0.1:9100"]
    assert target["labels"] == {
        "job": "zlh_node",
        "exporter": "node",
        "vmid": "5001",
        "customerId": "u-1",
        "ctype": "game",
        "game": "minecraft",
        "variant": "paper",
        "bridge": "vmbr3",
        "__meta_metrics_path": "/metrics",
        "__meta_scheme": "http",
    }


async def test_infrastructure_and_nonsense_are_not_listed(
    have: Have, base_url: str, plain: aiohttp.ClientSession
) -> None:
    wrong = ("10.60.0.9", "10.61.0.7", "", None, "localhost", "1.2.3.4:80/x", "0.0.0.0", "999.1.1.1")
    for number, ip in enumerate(wrong):
        await have(5000 + number, ip=ip)
    await have(5100, ip="10.61.0.8", owner="someone@example.org")
    for path in LISTS:
        found = await listed(plain, base_url + path)
        assert [target["labels"]["vmid"] for target in found] == ["5100"]
        assert "@" not in str(found)


async def test_one_odd_label_cannot_spoil_the_refresh(
    have: Have, base_url: str, plain: aiohttp.ClientSession
) -> None:
    await have(5001, ip="10.1.0.1", payload={"game": 7, "variant": None, "runtime": {"a": [1]}})
    await have(5002, ip="10.1.0.2", payload={})
    found = await listed(plain, base_url + "/sd/containers")
    assert {type(value) for target in found for value in target["labels"].values()} == {str}
