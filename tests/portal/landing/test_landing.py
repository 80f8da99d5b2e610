"""The public pages: what they cost, what search engines find, and that they hold without scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from typing import Any

    from tests.support.visitor import Visitor

PUBLIC = [
    "/", "/features", "/pricing", "/faq", "/about", "/privacy-policy", "/terms-of-service",
    "/minecraft-hosting", "/modded-minecraft-hosting", "/browser-dev-environments",
]  # fmt: skip
LIMITS = {
    "gameServers": 3, "devContainers": 0, "memoryMb": 4096, "cpus": 4, "diskMb": 20_480, "backupsPerServer": None,
}  # fmt: skip


async def plan(root: Visitor, **other: Any) -> None:
    assert root.api is not None
    body = {"name": "Big", "description": "For a party.", "priceCents": 1250, "limits": LIMITS} | other
    assert (await root.api.put("/api/admin/plans/pro", body)).status == 200


@pytest.mark.parametrize("path", PUBLIC)
async def test_a_public_page_introduces_itself(visitor: Visitor, path: str) -> None:
    page = await visitor.get(path)
    assert page.status == 200
    assert page.one("h1").get_text().strip()
    assert page.one("meta[name=description]")["content"]
    assert page.one("link[rel=canonical]")["href"] == visitor.base + path
    assert page.one('meta[property="og:title"]')["content"] == page.one("title").get_text()


async def test_every_link_of_the_public_pages_leads_to_a_page_of_ours(visitor: Visitor) -> None:
    found = {str(a["href"]) for path in PUBLIC for a in (await visitor.get(path)).all("a[href]")}
    public = {each for each in found if each in PUBLIC}
    assert public == set(PUBLIC)
    assert all(each.startswith(("/", "#")) for each in found)


async def test_the_doors_are_not_for_search_engines(visitor: Visitor) -> None:
    for path in ("/login", "/register", "/forgot-password", "/reset-password"):
        assert (await visitor.get(path)).one("meta[name=robots]")["content"] == "noindex"


async def test_the_site_map_names_every_public_page(visitor: Visitor) -> None:
    robots = await visitor.get("/robots.txt")
    assert f"Sitemap: {visitor.base}/sitemap.xml" in robots.html
    page = await visitor.get("/sitemap.xml")
    found = [each.text for each in ET.fromstring(page.html).iterfind(".//{*}loc")]
    assert found == [visitor.base + path for path in PUBLIC]


async def test_without_billing_every_plan_is_free(visitor: Visitor, root: Visitor) -> None:
    await plan(root)
    page = await visitor.get("/pricing")
    assert "takes no money" in page.text
    assert "$12.50" not in page.text
    assert not page.all(".plan a, .plan .price")


async def test_a_plan_shows_what_it_allows(visitor: Visitor, root: Visitor) -> None:
    await plan(root)
    [card] = [each for each in (await visitor.get("/")).all(".plan") if "Big" in each.get_text()]
    words = " ".join(card.get_text(" ").split())
    for said in ("3 game servers", "No dev environments", "4 GiB memory", "Unlimited backups of each server"):
        assert said in words


async def test_a_plan_with_a_hostile_name_is_only_text(visitor: Visitor, root: Visitor) -> None:
    await plan(root, name="<script>alert(1)</script>", description='"><img src=x onerror=alert(1)>')
    for path in ("/", "/pricing"):
        page = await visitor.get(path)
        assert not page.all("main script, main img")
        assert "<script>alert(1)</script>" in page.text


async def test_who_is_logged_in_is_led_inside(ann: Visitor) -> None:
    page = await ann.get("/")
    assert page.one('.public-end a[href="/dashboard"]')
    assert not page.all('a[href="/register"]')


async def test_without_texts_of_the_operator_there_is_no_imprint(visitor: Visitor) -> None:
    assert (await visitor.get("/imprint")).status == 404
    assert not (await visitor.get("/")).all('a[href="/imprint"]')


async def test_a_page_that_depends_on_a_catalog_stands_without_one(visitor: Visitor) -> None:
    assert "catalog is empty just now" in (await visitor.get("/minecraft-hosting")).text
    assert "offers no runtimes just now" in (await visitor.get("/browser-dev-environments")).text


async def test_what_browsers_ask_for_by_themselves_is_there(visitor: Visitor) -> None:
    said = json.loads((await visitor.get("/manifest.webmanifest")).html)
    assert (said["name"], said["start_url"]) == ("zpack", "/dashboard")
    icon = await visitor.get("/favicon.ico")
    assert (icon.status, icon.path) == (200, said["icons"][0]["src"])
