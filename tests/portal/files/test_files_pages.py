"""The files' pages without scripts: folders, the editor, what the agent refuses, hostile names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.agent.files.world import form
from tests.portal.files.conftest import FILES

if TYPE_CHECKING:
    from tests.agent.bench import Client
    from tests.support.visitor import Visitor


async def test_a_folder_is_listed_and_led_into(hers: Visitor) -> None:
    page = await hers.get(FILES)
    assert [link.get_text() for link in page.all(".files th a")][:3] == ["config", "logs", "mods"]
    page = await hers.get(str(page.all(".files th a")[0]["href"]))
    assert page.one('.crumbs [aria-current="page"]').get_text() == "config"
    assert page.one(".files tbody tr").select("a[download]")


async def test_a_file_is_edited_by_a_form_and_reverted(hers: Visitor, agent: Client) -> None:
    await hers.get(f"{FILES}/edit?path=config/a.toml")
    page = await hers.submit("form[data-editor]", content="a = 2\r\n")
    assert (agent.folder / "config" / "a.toml").read_bytes() == b"a = 2\n"
    assert "Saved." in page.text
    await hers.submit('form[action$="/revert"]')
    assert (agent.folder / "config" / "a.toml").read_bytes() == b"a = 1\n"


async def test_a_change_meanwhile_is_told_and_what_was_typed_is_kept(hers: Visitor, agent: Client) -> None:
    await hers.get(f"{FILES}/edit?path=config/a.toml")
    (agent.folder / "config" / "a.toml").write_text("a = 3\n")
    page = await hers.submit("form[data-editor]", content="a = 2")
    assert page.status == 412
    assert page.one("textarea").get_text().strip() == "a = 2"
    assert (agent.folder / "config" / "a.toml").read_text() == "a = 3\n"
    (agent.folder / "config" / "a.toml").unlink()
    page = await hers.submit("form[data-editor]", content="a = 2")
    assert (page.status, page.one("textarea").get_text().strip()) == (412, "a = 2")
    await hers.submit("form[data-editor]")
    assert (agent.folder / "config" / "a.toml").read_text().strip() == "a = 2"


async def test_a_file_is_renamed_and_replaces_another_only_when_told_so(hers: Visitor, agent: Client) -> None:
    (agent.folder / "logs" / "gnp\u202ejar.log").write_text("hidden")
    page = await hers.get(f"{FILES}?path=logs")
    assert "gnp\u2039U+202E\u203ajar.log" in page.text
    [link] = [a["href"] for a in page.all('.files a[href*="/rename"]') if "202E" in str(a["aria-label"])]
    page = await hers.get(str(link))
    assert page.one("#to")["value"] == "logs/gnpjar.log"
    page = await hers.submit('form[action$="/rename"]', to="logs/latest.log")
    assert (page.status, "a file of this name already" in page.text) == (409, True)
    page = await hers.submit('form[action$="/rename"]', overwrite="true")
    assert page.path == f"{FILES}?path=logs"
    assert (agent.folder / "logs" / "latest.log").read_text() == "hidden"


async def test_what_is_no_text_or_not_theirs_to_change_is_said_in_words(hers: Visitor) -> None:
    assert "This is no text file" in (await hers.get(f"{FILES}/edit?path=world/level.dat")).text
    assert (await hers.get(f"{FILES}/edit?path=ops.json")).one("textarea").has_attr("readonly")
    page = await hers.get(f"{FILES}/edit?path=../../outside/f.jar")
    assert (page.status, "This file is protected" in page.text) == (403, True)
    assert (await hers.get(f"{FILES}?path=nowhere")).one("[role=alert]")


async def test_deleting_asks_first(hers: Visitor, agent: Client) -> None:
    page = await hers.get(f"{FILES}/delete?path=logs/latest.log")
    assert "Delete this file?" in page.text
    page = await hers.submit('form[action$="/delete"]')
    assert page.path == f"{FILES}?path=logs"
    assert not (agent.folder / "logs" / "latest.log").exists()


async def test_a_download_and_a_range_of_it_come_as_they_are(hers: Visitor, agent: Client) -> None:
    (agent.folder / "logs" / "latest.log").write_text("0123456789" * 1000)
    where, range_ = f"{hers.base}{FILES}/download?path=logs/latest.log", {"Range": "bytes=5-8"}
    async with hers.session.get(where, headers=range_) as answer:
        assert (answer.status, await answer.read()) == (206, b"5678")
        assert answer.headers["Content-Disposition"].startswith("attachment")
    async with hers.session.get(where) as answer:
        assert (answer.headers["Content-Length"], len(await answer.read())) == ("10000", 10000)


async def test_an_upload_is_passed_on_for_a_page_of_ours_only(hers: Visitor, agent: Client) -> None:
    where = f"{hers.base}{FILES}/upload?path=mods/new.jar"
    page = await hers.get(f"{FILES}?path=mods")
    token = str(page.all("input[name=csrf]")[0]["value"])
    async with hers.session.post(where, data=form(b"x" * 3_000_000)) as answer:
        assert answer.status == 403
    async with hers.session.post(
        where, data=form(b"x" * 3_000_000), headers={"X-CSRF-Token": token}
    ) as answer:
        assert answer.status == 201
    assert (agent.folder / "mods" / "new.jar").stat().st_size == 3_000_000


async def test_another_ones_files_are_not_there(hers: Visitor) -> None:
    for verb in ("", "/edit", "/download", "/delete"):
        assert (await hers.get(f"/servers/5999/files{verb}?path=x")).status == 404
