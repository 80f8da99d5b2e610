"""What the operator brings along: a name, and texts that are shown as they wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.control.conftest import served
from zpack.allinone.web import portal_at
from zpack.control.app import create_app
from zpack.control.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.visitor import Visitor
    from zpack.control.wiring import Api

IMPRINT = "Hub GmbH\nMain Street 1\n\n# Contact\n\n<script>alert(1)</script>\n"


@pytest.fixture
def legal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PORTAL_LEGAL_DIR", str(tmp_path))
    monkeypatch.setenv("PORTAL_NAME", "<b>Hub</b>")
    return tmp_path


@pytest.fixture
async def base_url(api: Api, proxies: str, port: int, legal: Path) -> AsyncIterator[str]:
    async def ready() -> dict[str, str]:
        return {}

    (legal / "imprint.txt").write_text(IMPRINT, encoding="utf-8")
    (legal / "terms-of-service.txt").write_text("Be nice.", encoding="utf-8")
    app = create_app(api, ready=ready, cors_origins=(), site=portal_at(f"http://localhost:{port}"))
    async with served(app, proxies=proxies, port=port) as url:
        yield url


async def test_the_operator_s_texts_stand_where_ours_would(visitor: Visitor) -> None:
    page = await visitor.get("/imprint")
    assert [words.text for words in page.all("article p")] == [
        "Hub GmbH\nMain Street 1",
        "<script>alert(1)</script>",
    ]
    assert page.one("article h2").text == "Contact"
    assert page.one("title").text == "Imprint · <b>Hub</b>"
    assert "Be nice." in (await visitor.get("/terms-of-service")).text
    assert "Which data this software keeps" in (await visitor.get("/privacy-policy")).text
    assert page.one('footer a[href="/imprint"]')
    assert "/imprint</loc>" in (await visitor.get("/sitemap.xml")).html


def test_texts_that_cannot_be_read_stop_the_start(legal: Path) -> None:
    (legal / "imprint.txt").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"PORTAL_LEGAL_DIR: imprint\.txt"):
        portal_at("http://localhost")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SettingsError, match="is no folder"):
        patch.setenv("PORTAL_LEGAL_DIR", str(legal / "nowhere"))
        portal_at("http://localhost")
