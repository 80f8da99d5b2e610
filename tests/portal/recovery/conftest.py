"""A portal whose mail arrives in a mailbox that we read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.recovery.conftest import box, post
from tests.support.smtp import link_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.control.recovery.conftest import Post
    from tests.support.smtp import MailServer

__all__ = ["box", "post"]


@pytest.fixture
def extra(box: MailServer, port: int) -> dict[str, Any]:
    return {"smtp_host": "127.0.0.1", "smtp_port": box.port, "portal_url": f"http://localhost:{port}"}


@pytest.fixture
def mailed(post: Post) -> Callable[[str], Awaitable[str]]:
    """Return the link in the newest mail with this word in its subject."""

    async def newest(subject: str) -> str:
        return link_in((await post.all(subject))[-1])

    return newest
