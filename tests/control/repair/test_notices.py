"""Alarms reach the operator's Discord: few, retried, and without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.control.provisioning.counterparts import every_path, serving
from zpack.control.outside.discord import Discord
from zpack.control.outside.http import ForeignHttp
from zpack.control.repair.poller import Notices

if TYPE_CHECKING:
    from tests.control.repair.mender import Mender


class Webhook:
    """Discord, as far as one webhook goes."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.busy = 0

    async def answer(self, request: web.Request) -> web.Response:
        if self.busy:
            self.busy -= 1
            return web.json_response({"message": "slow down", "retry_after": 90.5}, status=429)
        self.messages.append(await request.json())
        return web.Response(status=204)


async def test_an_alarm_is_told_once_and_again_when_discord_was_busy(mender: Mender) -> None:
    webhook = Webhook()
    await mender.forget_row(5001)
    await mender.look(4)
    async with serving(every_path(webhook.answer), "127.0.0.1") as port:
        url = f"http://127.0.0.1:{port}/api/webhooks/1/secret"
        discord = Discord(webhook=url, http=ForeignHttp(name="Discord"))
        notices = Notices(database=mender.world.clients.database, discord=discord, alone=lambda: True)
        webhook.busy = 1
        for _ in range(3):
            await notices.tick()
        assert webhook.messages == []
        waits = (
            "select notice_due - now() > interval '80 seconds' from repair_events where notice is not null"
        )
        assert await mender.rows(waits) == [(True,)]
        await mender.rows("update repair_events set notice_due = now() where notice is not null returning id")
        for _ in range(3):
            await notices.tick()
        await discord.close()
    assert [m["content"] for m in webhook.messages] == ["zpack: container_without_row of 5001: found"]
    assert webhook.messages[0]["allowed_mentions"] == {"parse": []}
