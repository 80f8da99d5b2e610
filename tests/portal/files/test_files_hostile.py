"""Every hostile text as a file's name: shown, linked to itself, and never more than text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.data.hostile_texts import HOSTILE_TEXTS, as_file_name
from tests.portal.files.conftest import FILES
from tests.support.hostile_pages import intrusions

if TYPE_CHECKING:
    from tests.agent.bench import Client
    from tests.support.visitor import Visitor


async def test_hostile_names_are_text_and_lead_to_themselves(hers: Visitor, agent: Client) -> None:
    names = {name for text in HOSTILE_TEXTS if (name := as_file_name(text))}
    assert len(names) >= 60
    for name in names:
        (agent.folder / "mods" / name).write_text(name)
    page = await hers.get(f"{FILES}?path=mods")
    assert intrusions(page) == []
    links = [str(link["href"]) for link in page.all(".files th a")]
    led = {parse_qs(urlsplit(link).query)["path"][0].removeprefix("mods/") for link in links}
    assert led - {"old.jar"} == names
    for link in links[:: max(1, len(links) // 8)]:
        page = await hers.get(link)
        assert (page.status, intrusions(page)) == (200, [])
