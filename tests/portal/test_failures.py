"""What a person sees when a page leads nowhere, or when the API behind it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from tests.support.visitor import Visitor
    from zpack.control.db.session import Database


async def test_a_failure_of_the_api_is_a_page_with_the_number_to_tell(
    ann: Visitor, database: Database
) -> None:
    async with database.transaction() as session:
        await session.execute(text("alter table support_tickets rename to away"))
    page = await ann.get("/support/tickets")
    assert (page.status, "Request req_" in page.text, len(page.all(".hub-nav"))) == (500, True, 1)


async def test_a_page_that_is_none_keeps_the_frame_of_who_is_logged_in(ann: Visitor) -> None:
    page = await ann.get("/nowhere")
    assert (page.status, len(page.all(".hub-nav"))) == (404, 1)
