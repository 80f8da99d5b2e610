"""The whole way of a developer, in a real Chromium: ``zpack up``, a container, its IDE, in both forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.ide.browsing import tab
from tests.journeys.stack import finished
from tests.support.http import Caller
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from tests.support.platform import Platform

pytestmark = [pytest.mark.ide, pytest.mark.timeout(1800), pytest.mark.asyncio(loop_scope="package")]
WANTED = {"container_type": "dev", "runtime": "node", "version": "24", "enable_code_server": True}


@dataclass
class Container:
    """Ann's dev container, and its workspace as it lies on disk."""

    ann: Caller
    vmid: int
    workspace: Path

    def holds(self, file: str, text: str) -> bool:
        path = self.workspace / file
        return path.exists() and text in path.read_text()


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def made(platform: Platform) -> AsyncIterator[Container]:
    async with Caller(platform.api) as anyone, await anyone.registered("ann") as ann:
        begun = await ann.post("/api/instances", WANTED | {"memoryMiB": 1024})
        assert begun.status == 202, begun
        operation = await finished(ann, begun.body["statusUrl"], seconds=600)
        assert operation["status"] == "succeeded", operation
        vmid = operation["vmid"]
        [workspace] = (platform.home / "localpve" / "guests" / str(vmid)).rglob("home/dev/workspace")
        yield Container(ann, vmid, workspace)


async def address_of(made: Container, form: str) -> str:
    said = (await made.ann.post(f"/api/dev/{made.vmid}/ide-token")).body
    return said["url"] if form == "hosted" else made.ann.base + said["tunnelUrl"]


async def power(made: Container, action: str) -> None:
    reply = await made.ann.post(f"/api/dev/{made.vmid}/codeserver/{action}")
    assert reply.status == 200, reply


@pytest.mark.seed("S93", "S94", "S95", "S98")
@pytest.mark.parametrize("form", ["tunnel", "hosted"])
async def test_a_developer_works_in_it(form: str, made: Container, browser: Browser) -> None:
    (made.workspace / f"{form}.txt").write_text("the end\n")
    async with tab(browser, form) as developer:
        await developer.page.goto(await address_of(made, form))
        await developer.sees_workbench()
        assert "token=" not in developer.page.url
        await developer.opens(f"{form}.txt")
        await developer.types(f"typed in the {form} form ")
        await eventually(lambda: made.holds(f"{form}.txt", f"typed in the {form} form the end"))
        await developer.runs(f"echo run in $PWD > {form}.ran")
        await eventually(lambda: made.holds(f"{form}.ran", f"run in {made.workspace}"), timeout=30)
        await developer.pictured("worked")
        await developer.page.reload()
        await developer.sees_workbench()
        await developer.pictured("reloaded")
        await power(made, "restart")
        await developer.reloads_when_asked()
        await developer.sees_workbench()
        await developer.runs(f"echo again > {form}.again")
        await eventually(lambda: made.holds(f"{form}.again", "again"), timeout=30)
        await developer.pictured("after-restart")


async def test_an_ide_that_is_stopped_says_so_and_opens_when_it_runs(
    made: Container, browser: Browser
) -> None:
    await power(made, "stop")
    async with tab(browser, "stopped") as developer:
        await developer.page.goto(await address_of(made, "hosted"))
        await developer.reads("The IDE is not running")
        await developer.pictured("page")
        await power(made, "start")
        await developer.sees_workbench()
