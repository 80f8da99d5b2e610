"""What a hostile container's page can do in the browser of somebody else: a real Chromium, both forms.

Ann is in her container, 6000. Bob owns 6001 and opens a port to everybody; Ann's browser goes there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.ide.conftest import token_of
from tests.support.chromium import chromium, driven
from tests.support.containers import answering

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import BrowserContext, Page

    from tests.support.containers import Container
    from tests.support.http import Caller

pytestmark = pytest.mark.chromium
DOMAIN = "ide.localhost"
HTML = {"Content-Type": "text/html"}
SCRIPT = {"Content-Type": "text/javascript"}
ATTEMPTS = """async ({url, socket}) => {
  const tried = async what => { try { return String(await what()) } catch (e) { return e.name } }
  const loads = (tag, attribute) => new Promise(done => {
    const made = document.createElement(tag)
    made.onload = () => done("loaded"); made.onerror = () => done("refused")
    made[attribute] = url; document.body.append(made)
  })
  return {
    read: await tried(async () => (await fetch(url, {credentials: "include"})).text()),
    blind: await tried(async () => (await fetch(url, {credentials: "include", mode: "no-cors"})).type),
    written: await tried(async () => (await fetch(url, {credentials: "include", mode: "no-cors",
      method: "POST", body: "x"})).type),
    socket: await tried(() => new Promise(done => {
      const made = new WebSocket(socket); made.onopen = () => done("open"); made.onerror = () => done("refused")
    })),
    script: await tried(() => loads("script", "src")),
    frame: await tried(async () => { await loads("iframe", "src")
      return document.querySelector("iframe").contentDocument }),
    worker: await tried(() => navigator.serviceWorker.register(url)),
  }
}"""
"""What a page may try against an address; nothing of it may arrive there."""


@dataclass
class Scene:
    """Ann's browser, with her IDE open in a tab, and a page of Bob's in another."""

    context: BrowserContext
    ann_s: Page
    bob_s: Page
    alpha: Container
    beta: Container
    base: str

    async def attempts(self, url: str) -> dict[str, str]:
        """Have Bob's page try everything; what reached Ann's container is in ``alpha.asked``."""
        self.alpha.asked.clear()
        return await self.bob_s.evaluate(ATTEMPTS, {"url": url, "socket": url.replace("http", "ws", 1)})


@pytest.fixture
def extra(extra: dict[str, Any]) -> dict[str, Any]:
    return extra | {"ide_suffix": DOMAIN}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chromium(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def context(running: str) -> AsyncIterator[BrowserContext]:
    async with driven(running) as browser, await browser.new_context() as fresh:
        yield fresh


@pytest.fixture
def pair(ann: Caller, bob: Caller) -> tuple[Caller, Caller]:
    return ann, bob


@pytest.fixture
async def scene(
    form: str, pair: tuple[Caller, Caller], alpha: Container, beta: Container, context: BrowserContext
) -> Scene:
    (ann, bob), base_url = pair, pair[0].base
    alpha.script["/"] = answering(headers=HTML | {"Set-Cookie": "secret=ann"}, body=b"<h1>Ann's IDE</h1>")
    beta.script["/"] = answering(headers=HTML, body=b"<h1>Bob's page</h1>")
    for each in (alpha, beta):
        each.script["/sw.js"] = answering(headers=SCRIPT | {"Service-Worker-Allowed": "/"}, body=b"")
    await bob.put(f"/api/dev/6001/ports/{beta.port}", {"public": True})
    port = base_url.rpartition(":")[2]
    named, token = f"dev-{{}}.{DOMAIN}:{port}", await token_of(ann, 6000)
    mine, his = f"{base_url}/__ide/6000/", f"{base_url}/__ide/6001/port/{beta.port}/"
    if form == "hosted":
        mine, his = f"http://{named.format(6000)}/", f"http://{beta.port}-{named.format(6001)}/"
    ann_s, bob_s = await context.new_page(), await context.new_page()
    await ann_s.goto(f"{mine}?token={token}")
    await bob_s.goto(his)
    assert await ann_s.inner_text("h1") == "Ann's IDE"
    assert await bob_s.inner_text("h1") == "Bob's page"
    return Scene(context, ann_s, bob_s, alpha, beta, base_url)


REFUSED = {
    "read": "TypeError", "written": "opaque", "blind": "opaque", "socket": "refused", "script": "refused",
    "frame": "null", "worker": "SecurityError",
}  # fmt: skip


@pytest.mark.seed("S94", "S100")
async def test_a_page_of_another_container_reaches_nothing(scene: Scene) -> None:
    """Reads and writes, sockets, frames, scripts, workers: none of it arrives at Ann's container."""
    assert await scene.attempts(scene.ann_s.url) == REFUSED
    assert scene.alpha.asked == []


@pytest.mark.parametrize("form", ["hosted"])
async def test_nor_the_api(scene: Scene) -> None:
    found = await scene.attempts(f"{scene.base}/api/auth/me")
    assert (found["read"], found["worker"]) == ("TypeError", "SecurityError")
    assert await scene.context.cookies(f"{scene.base}/api/auth/me") == []


async def test_it_sees_no_cookie_and_its_own_reach_nobody(scene: Scene, form: str) -> None:
    toss = """() => { try {
      for (const name of ["zlh_dev_ide_token", "secret"])
        for (const rest of ["", "; domain=ide.localhost", "; domain=localhost"])
          document.cookie = `${name}=tossed; path=/${rest}`
      return document.cookie } catch (e) { return e.name } }"""
    seen = await scene.bob_s.evaluate(toss)
    assert "ann" not in seen
    await scene.ann_s.reload()
    assert await scene.ann_s.inner_text("h1") == "Ann's IDE"
    await scene.bob_s.reload()
    assert "ann" not in str(scene.beta.last["headers"].get("cookie", ""))
    assert (seen == "SecurityError") == (form == "tunnel")


async def test_a_worker_rules_only_its_own_place(scene: Scene) -> None:
    """In a tunnel Bob's public page has no workers at all, and Ann's rule only below her own path."""
    register = """scope => navigator.serviceWorker.register("sw.js", {scope}).then(
      made => made.scope, e => e.name)"""
    assert await scene.ann_s.evaluate(register, "./") == scene.ann_s.url
    beyond = "SecurityError" if "/__ide/" in scene.ann_s.url else f"{scene.ann_s.url}"
    assert await scene.ann_s.evaluate(register, "/") == beyond
    attempt = (
        "async () => { try { await navigator.serviceWorker.register('sw.js') } catch (e) { return e.name } }"
    )
    found = await scene.bob_s.evaluate(attempt)
    assert (found == "SecurityError") == ("/__ide/" in scene.bob_s.url)
    await scene.ann_s.reload()
    worker = "navigator.serviceWorker.ready.then(made => made.active.scriptURL)"
    assert await scene.ann_s.evaluate(worker) == f"{scene.ann_s.url}sw.js"


@pytest.mark.parametrize("form", ["hosted"])
async def test_an_opener_is_no_handle(scene: Scene) -> None:
    """A page that Bob's opens in Ann's place cannot be read from where it was opened."""
    opened = """url => new Promise(done => { const made = open(url); setInterval(() => {
      try { made.document.body && made.location.href != "about:blank" && done(made.document.body.innerText) }
      catch (e) { done(e.name) } }, 20) })"""
    assert await scene.bob_s.evaluate(opened, scene.ann_s.url) == "SecurityError"
