"""The agent renews itself: to a whole release and back from a broken one, killed at any moment, games running."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tests.agent.bench import agent_here, alive, eventually
from tests.agent.renewal import BROKEN, KILLS, KILLS_NEW, NEW, OLD, Service, installed, offer

from zpack.agent.runtime.family import marked
from zpack.agent.settings import SettingsError, read_settings
from zpack.agent.update.versions import offered, order, path_of

if TYPE_CHECKING:
    from tests.agent.bench import Client, StoreServer


async def update_status(client: Client) -> dict[str, Any]:
    code, body = await client.get("/agent/update/status")
    assert code == 200
    return body


async def version(client: Client) -> str | None:
    try:
        return (await client.get("/version"))[1]["version"].removeprefix("v")
    except (aiohttp.ClientError, OSError):
        return None


async def serves(client: Client, wanted: str, *, seconds: float = 60) -> dict[str, Any]:
    """Wait until a release answers and is no longer on trial."""

    async def there() -> bool:
        return await version(client) == wanted and "trial" not in state(client)

    await eventually(there, seconds=seconds)
    return await update_status(client)


def state(client: Client) -> dict[str, Any]:
    path = client.home / "state" / "update.json"
    return json.loads(path.read_text()) if path.exists() else {}


async def asked(client: Client, body: Any = None) -> None:
    code, answer = await client.post("/agent/update", body)
    assert code == 202, answer


async def refused(client: Client, body: Any = None) -> str:
    code, answer = await client.post("/agent/update", body)
    assert code in {400, 409}
    return answer["error"]


async def settled(client: Client) -> dict[str, Any]:
    """Wait until the change that was begun came to nothing."""

    async def done() -> Any:
        status = await update_status(client)
        return status if status["state"] == "idle" and status["error"] else None

    return await eventually(done)


async def test_a_new_release_takes_over_in_the_same_process_and_the_game_goes_on(
    tmp_path: Path, store: StoreServer
) -> None:
    offer(store, tmp_path, NEW)
    async with installed(tmp_path, store) as (client, service):
        await serves(client, OLD)
        await client.run()
        await client.type("join ann")
        game, agent = int(await said_pid(client)), service.process.pid
        await asked(client)
        status = await serves(client, NEW)
        assert (status["currentVersion"], status["previousVersion"], status["error"]) == (
            f"v{NEW}",
            f"v{OLD}",
            None,
        )
        assert (service.process.pid, service.starts) == (agent, 1)
        assert alive(game)
        assert (await client.reaches("running"))["crashCount"] == 0
        assert (await client.get("/game/players"))[1]["players"] == ["ann"]
        assert (client.home / "current").readlink().name == NEW


async def test_a_game_that_would_end_with_the_agent_is_waited_for(tmp_path: Path, store: StoreServer) -> None:
    offer(store, tmp_path, NEW)
    async with installed(tmp_path, store, ZLH_AGENT_KEEP_WORKLOAD="0") as (client, _):
        await serves(client, OLD)
        await client.run()
        await asked(client)

        async def waits() -> bool:
            return (await update_status(client))["state"] == "waiting"

        await eventually(waits)
        assert (await client.post("/stop"))[0] == 204
        await serves(client, NEW)


async def said_pid(client: Client) -> str:
    found = [pid for pid in marked(f"ZPACK_GAME_OF={client.home}") if _is_game(pid)]
    return str(found[0])


def _is_game(pid: int) -> bool:
    return "server.py" in Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.parametrize("how", BROKEN)
async def test_a_broken_release_is_taken_back_and_says_why(
    tmp_path: Path, store: StoreServer, how: str
) -> None:
    offer(store, tmp_path, NEW, code=BROKEN[how])
    async with installed(tmp_path, store, ZLH_AGENT_UPDATE_HEALTH_SECONDS="1") as (client, _):
        await serves(client, OLD)
        await client.run()
        game = await said_pid(client)
        await asked(client)
        await eventually(lambda: _failed(client), seconds=60)
        status = await serves(client, OLD)
        assert status["failedVersion"] == f"v{NEW}"
        assert f"{NEW} was taken back: it was started 2 times" in status["error"]
        assert alive(int(game))
        assert (await client.reaches("running"))["crashCount"] == 0


async def _failed(client: Client) -> bool:
    return "failed" in state(client)


@pytest.mark.parametrize("moment", KILLS)
async def test_killed_at_any_moment_of_an_update_one_of_both_serves(
    tmp_path: Path, store: StoreServer, moment: str
) -> None:
    offer(store, tmp_path, NEW)
    async with installed(tmp_path, store, code=KILLS[moment]) as (client, service):
        await serves(client, OLD)
        await asked(client)
        await eventually(lambda: _started(service, 2), seconds=60)
        wanted = NEW if moment == "after the switch" else OLD
        await serves(client, wanted)
        if wanted == OLD:
            await asked(client)
            await serves(client, NEW)
        assert not list(client.home.glob(".current*"))
        assert not list((client.home / "releases").glob(".staging/*"))


@pytest.mark.parametrize("moment", KILLS_NEW)
async def test_a_new_release_that_is_killed_once_is_kept(
    tmp_path: Path, store: StoreServer, moment: str
) -> None:
    offer(store, tmp_path, NEW, code=KILLS_NEW[moment])
    async with installed(tmp_path, store) as (client, service):
        await serves(client, OLD)
        await asked(client)
        await eventually(lambda: _started(service, 2), seconds=60)
        assert (await serves(client, NEW))["failedVersion"] is None


async def _started(service: Service, times: int) -> bool:
    return service.starts >= times


async def test_what_is_not_whole_is_not_installed(tmp_path: Path, store: StoreServer) -> None:
    path = offer(store, tmp_path, NEW)
    whole = store.files[path]
    async with installed(tmp_path, store) as (client, _):
        await serves(client, OLD)
        for content, reason in (
            (whole[:-100] + bytes(100), "does not have the checksum"),
            (whole[: len(whole) // 2], "checksum"),
        ):
            store.files[path] = content
            await asked(client)
            assert reason in (await settled(client))["error"]
        store.put(path, whole[: len(whole) // 2])
        await asked(client)
        assert "cannot be unpacked" in (await settled(client))["error"]
        store.put(path, b"")
        await asked(client)
        assert "archive" in (await settled(client))["error"]
        assert sorted(p.name for p in (client.home / "releases").iterdir() if order(p.name)) == [OLD]
        assert await version(client) == OLD


async def test_a_release_that_is_not_what_its_name_says_is_not_switched_to(
    tmp_path: Path, store: StoreServer
) -> None:
    store.put(path_of("9.9.9"), store.files[offer(store, tmp_path, NEW)])
    async with installed(tmp_path, store) as (client, _):
        await serves(client, OLD)
        await asked(client)
        assert "release 9.9.9 does not run here" in (await settled(client))["error"]


async def test_a_step_back_is_taken_only_when_asked_for(tmp_path: Path, store: StoreServer) -> None:
    offer(store, tmp_path, "0.9.0")
    async with installed(tmp_path, store) as (client, _):
        await serves(client, OLD)
        assert (await refused(client), await refused(client, {"version": "0.9.0"})) == (
            "downgrade_refused",
        ) * 2
        assert not (await update_status(client))["updateAvailable"]
        await asked(client, {"version": "0.9.0", "allowDowngrade": True})
        assert (await serves(client, "0.9.0"))["previousVersion"] == f"v{OLD}"


async def test_what_cannot_be_asked_for(tmp_path: Path, store: StoreServer) -> None:
    offer(store, tmp_path, OLD)
    async with installed(tmp_path, store) as (client, _):
        await serves(client, OLD)
        assert await refused(client, {"version": "3.0.0"}) == "update_not_found"
        assert await refused(client) == "up_to_date"
        for body in (
            [],
            {"version": 1},
            {"version": "../1.0"},
            {"version": "1.0.0\n"},
            {"allowDowngrade": "yes"},
        ):
            assert await refused(client, body) == "invalid_request"
        store.statuses["SHA256SUMS"] = [404]
        assert await refused(client) == "update_failed"


async def test_one_update_at_a_time_and_it_may_be_broken_off(tmp_path: Path, store: StoreServer) -> None:
    offer(store, tmp_path, NEW)
    async with installed(tmp_path, store) as (client, service):
        await serves(client, OLD)
        store.hold = asyncio.Event()
        await asked(client)
        assert await refused(client) == "update_in_progress"
        service.process.terminate()
        await eventually(lambda: _started(service, 2))
        store.hold.set()
        assert (await serves(client, OLD))["state"] == "idle"


@pytest.mark.parametrize(("mode", "wanted"), [("notify", OLD), ("auto", NEW)])
async def test_it_looks_by_itself(tmp_path: Path, store: StoreServer, mode: str, wanted: str) -> None:
    offer(store, tmp_path, NEW)
    changes = {"ZLH_AGENT_UPDATE_MODE": mode, "ZLH_AGENT_UPDATE_INTERVAL": "1s"}
    async with installed(tmp_path, store, **changes) as (client, _):

        async def looked() -> Any:
            if await version(client) != wanted:
                return None
            status = await update_status(client)
            return status if status["latestVersion"] == f"v{NEW}" else None

        status = await eventually(looked, seconds=60)
        assert (status["mode"], status["updateAvailable"]) == (mode, wanted == OLD)


async def test_in_mode_auto_a_release_that_was_taken_back_is_not_tried_again(
    tmp_path: Path, store: StoreServer
) -> None:
    offer(store, tmp_path, NEW, code=BROKEN["exits"])
    changes = {"ZLH_AGENT_UPDATE_MODE": "auto", "ZLH_AGENT_UPDATE_INTERVAL": "1s"}
    async with installed(tmp_path, store, **changes) as (client, service):
        await eventually(lambda: _failed(client), seconds=60)
        await serves(client, OLD)
        starts, looks = service.starts, store.asked.count("SHA256SUMS")

        async def looked_again() -> bool:
            return store.asked.count("SHA256SUMS") >= looks + 2

        await eventually(looked_again)
        assert (service.starts, await version(client)) == (starts, OLD)


async def test_with_no_release_to_go_to_the_newest_there_is_started(
    tmp_path: Path, store: StoreServer
) -> None:
    async with installed(tmp_path, store) as (client, service):
        await serves(client, OLD)
        (client.home / "current").unlink()
        service.process.kill()
        await eventually(lambda: _started(service, 2))
        assert (await serves(client, OLD))["currentVersion"] == f"v{OLD}"


async def test_a_damaged_record_starts_what_is_current(tmp_path: Path, store: StoreServer) -> None:
    async with installed(tmp_path, store) as (client, service):
        await serves(client, OLD)
        for text in (
            '{"trial": {"version": 1}}',
            "[]",
            "{",
            '{"trial": {"version": "1.0.0", "previous": "x", "starts": "y"}}',
        ):
            starts = service.starts
            (client.home / "state").mkdir(exist_ok=True)
            (client.home / "state" / "update.json").write_text(text)
            service.process.kill()
            await eventually(lambda: _started(service, starts + 1))  # noqa: B023 - awaited here

            async def answers() -> bool:
                return await version(client) == OLD

            await eventually(answers)


async def test_an_agent_without_releases_says_so(agent: Client) -> None:
    assert await refused(agent) == "update_unsupported"
    assert (await update_status(agent))["mode"] == "off"


async def test_only_who_has_the_token_may_update(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_TOKEN="a-token-of-its-own") as client:
        assert (await client.post("/agent/update"))[0] == 401


def test_versions_are_numbers() -> None:
    sums = {path_of(v): "" for v in ("1.10.0", "1.9.0", "01.0.0", "1.0", "2.0.0-rc1", "x")}
    sums |= {path_of("9.0.0", "cpython-399-riscv"): "", "agent/7.0.0/other.tar.gz": "", "agent/8.0.0": ""}
    assert offered(sums) == ["1.9.0", "1.10.0"]


@pytest.mark.parametrize("interval", ["0s", "x", "30", "1w", "-1m", "9999d"])
def test_a_bad_interval_is_named(interval: str) -> None:
    with pytest.raises(SettingsError, match="ZLH_AGENT_UPDATE_INTERVAL"):
        read_settings({"ZLH_AGENT_UPDATE_INTERVAL": interval})
    assert read_settings({}).updating.interval_seconds == 30 * 60
