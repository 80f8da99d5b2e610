"""What is live takes nothing from who uses the page: each part is shown anew while it is read, typed in and tabbed through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.person import person

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.portal.scene import Scene
    from tests.support.person import Person

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]
PAGES = {
    "ann": (
        "/dashboard", "/servers/{online}", "/servers/{online}/console", "/servers/{maintenance}/backups",
        "/servers/{online}/settings", "/servers/{dev}/dev", "/servers/create/op_running", "/support/tickets/{ticket}",
    ),
    "admin": (
        "/admin", "/admin/fleet", "/admin/drift", "/admin/operations", "/admin/support", "/admin/health",
    ),
}  # fmt: skip
USED = """async () => {
  const parts = [...document.querySelectorAll("main [hx-trigger]")].filter((one) => /from:body|every/.test(one.getAttribute("hx-trigger")))
  const within = (selector) => parts.flatMap((part) => [...part.querySelectorAll(selector)]).filter((one) => one.checkVisibility())
  const complaints = new Set(parts.length ? [] : ["nothing is live"])
  const say = (what, one) => complaints.add(`${what}: ${one.outerHTML.slice(0, 120)}`)
  let shift = 0
  new PerformanceObserver((list) => list.getEntries().forEach((one) => (shift += one.value))).observe({ type: "layout-shift" })

  const shownAnew = (part, event) => new Promise((done) => {
    const never = setTimeout(() => done(say(`${event} does not show it anew`, part)), 8000)
    const heard = ({ detail }) => {
      if (detail.ctx.target?.id !== part.id) return
      document.removeEventListener("htmx:after:swap", heard)
      clearTimeout(never)
      done()
    }
    document.addEventListener("htmx:after:swap", heard)
    if (event === "every") part.dispatchEvent(new Event(event))
    else document.body.dispatchEvent(new Event(event))
  })
  for (const one of within("details:not(.menu)")) one.open = true
  for (const one of within("input:not([type=hidden]), textarea")) {
    one.type === "checkbox" ? one.click() : (one.value = "typed")
    one.dispatchEvent(new Event("input", { bubbles: true }))
  }
  for (const one of within(".table-wrap, pre")) one.scrollLeft = one.scrollTop = 7
  const seen = within("details, input, textarea, .table-wrap, pre, h2").map((one) => [one, one.open, one.value, one.checked, one.scrollLeft, one.scrollTop])

  for (const part of parts) {
    const controls = [...part.querySelectorAll("a[href], button, summary, input:not([type=hidden]), textarea")]
      .filter((one) => one.checkVisibility() && one.tabIndex === 0 && !one.disabled)
    const sample = new Set([controls[0], controls[controls.length >> 1], controls.at(-1)])
    const named = part.getAttribute("hx-trigger").match(/[a-z]+[a-z0-9_-]*(?= from:body)/)?.[0]
    let event = named ?? "every"
    for (const control of sample) {
      if (!control) continue
      control.focus({ preventScroll: false })
      const words = [...control.parentElement.childNodes].find((one) => one.nodeType === 3 && one.data.trim())
      getSelection().selectAllChildren(words ?? control)
      const at = scrollY, selected = String(getSelection())
      await shownAnew(part, event)
      if (named) event = "live-resumed"
      if (document.activeElement !== control) say(`${event} of #${part.id} took the focus to ${document.activeElement.outerHTML.slice(0, 60)}, from`, control)
      const least = Math.min(at, document.documentElement.scrollHeight - innerHeight)
      if (scrollY !== least) say(`${event} scrolled the page from ${at} to ${scrollY}`, control)
      if (selected !== String(getSelection())) say("the selection is lost", control)
      for (const [one, ...before] of seen)
        if (!one.isConnected || String(before) !== String([one.open, one.value, one.checked, one.scrollLeft, one.scrollTop])) say("not as it was left", one)
    }
  }
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
  if (shift > 0.01) complaints.add(`what is seen moved: ${shift}`)
  return [...complaints]
}"""

FOCUSED = "() => { const { id, dataset, innerText } = document.activeElement; return id || dataset.dialog || innerText }"
SHOWN_ANEW = """part => new Promise((told) => {
  document.addEventListener("htmx:after:swap", ({ target }) => target.id === part && told())
  document.body.dispatchEvent(new Event("live-resumed"))
})"""
CARD = "vmid => document.body.dispatchEvent(new CustomEvent('servers', { detail: { id: vmid } }))"


@pytest.mark.parametrize("who", PAGES)
async def test_nothing_is_taken(who: str, browser: Browser, scene: Scene) -> None:
    found: dict[str, list[str]] = {}
    async with person(browser, scene.base, f"live-{who}", reduced_motion="reduce") as visitor:
        await visitor.logs_in(*scene.people[who])
        await visitor.arrives("/dashboard")
        for path in PAGES[who]:
            await visitor.goes(path.format(**scene.names))
            found[path] = await visitor.page.evaluate(USED)
    assert {path: lines for path, lines in found.items() if lines} == {}


async def test_what_is_gone_leaves_the_focus_beside_it(browser: Browser, scene: Scene) -> None:
    async with person(browser, scene.base, "live-gone", reduced_motion="reduce") as root:
        page = root.page
        await root.logs_in(*scene.people["admin"])
        await root.arrives("/dashboard")
        await root.goes("/admin/operations")
        cancel = page.locator("#op_operator1 .actions a")
        await cancel.focus()
        await scene.operation("op_newest", "host-start", "start-host", 0.5, hostname="mc-paper-5200")
        await page.evaluate(SHOWN_ANEW, "operations")
        await page.locator("#op_newest").wait_for()
        assert await cancel.evaluate("link => link === document.activeElement")
        await scene.execute("update operations set status = 'succeeded' where id = 'op_operator1'")
        await page.evaluate(SHOWN_ANEW, "operations")
        assert await page.evaluate(FOCUSED) == "op_operator1"
        await scene.execute("delete from operations where id = 'op_operator1'")
        await page.evaluate(SHOWN_ANEW, "operations")
        assert (await page.evaluate(FOCUSED)).startswith("op_")


async def test_a_card_and_a_question_keep_their_place(browser: Browser, scene: Scene) -> None:
    vmid = scene.names["online"]
    async with person(browser, scene.base, "live-asks", reduced_motion="reduce") as ann:
        page = ann.page
        await ann.logs_in(*scene.people["ann"])
        await ann.arrives("/dashboard")
        await ann.goes("/servers")
        await page.locator(f"#card-{vmid} summary").click()
        copy = page.locator(f"#card-{vmid} [data-copy]")
        await copy.focus()
        await scene.word(int(vmid), players={"online": 7, "max": 20, "players": []})
        await page.evaluate(CARD, vmid)
        await page.locator(f"#card-{vmid} summary").get_by_text("7 / 20").wait_for()
        assert await copy.evaluate("button => button === document.activeElement && button.checkVisibility()")
        await asks_and_declines(ann, scene)


async def asks_and_declines(ann: Person, scene: Scene) -> None:
    """Open the question from the menu and from the part below, which is without it when the question is declined."""
    page, vmid = ann.page, int(scene.names["online"])
    await ann.goes(f"/servers/{vmid}/settings")
    await page.locator(".server-power summary").click()
    await page.locator(".server-power [data-dialog]").click()
    await page.locator("dialog[open] [data-close]").click()
    assert await page.evaluate(FOCUSED) == "host-stop"
    await page.keyboard.press("Escape")
    assert await page.evaluate(FOCUSED) == "Host"
    assert await page.locator("details.menu[open]").count() == 0
    await page.locator("#delete [data-dialog]").click()
    await scene.power(vmid, "stopped")
    await page.evaluate(SHOWN_ANEW, "delete")
    await scene.power(vmid, "running")
    await page.keyboard.press("Escape")
    await page.locator("#delete-title:focus").wait_for()
