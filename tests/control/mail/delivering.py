"""A worker that does nothing but deliver mail, to be killed while it does. Leases are short."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from zpack.control.db.session import Database
from zpack.control.mail.letters import Letters
from zpack.control.mail.poller import Delivery
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.resend import Resend
from zpack.control.outside.smtp import Smtp

if TYPE_CHECKING:
    from zpack.control.outside.mail import Road


def delivery(database: Database, *roads: Road, lease: float = 60.0) -> Delivery:
    return Delivery(
        database=database,
        letters=Letters(brand="Us"),
        roads=roads,
        sender="Us <us@example.org>",
        lease=timedelta(seconds=lease),
    )


def by_smtp(port: int) -> Smtp:
    return Smtp(host="127.0.0.1", port=port, secure=False, user=None, password=None, seconds=30.0)


def by_resend(url: str, key: str) -> Resend:
    return Resend(base_url=url, key=key, http=ForeignHttp(name="Resend"))


async def main(url: str, kind: str, *where: str) -> None:
    road = by_smtp(int(where[0])) if kind == "smtp" else by_resend(*where)
    await delivery(Database(url), road, lease=1.0).tick()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
