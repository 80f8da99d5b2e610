"""``/health``, ``/ready``, ``/status``, ``/version``, ``/game/players``."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.agent import VERSION
from zpack.agent.dev.view import dev_status
from zpack.agent.problems import Invalid, NotReady
from zpack.agent.status.ping import PingError
from zpack.agent.status.view import status

if TYPE_CHECKING:
    from zpack.agent.config.store import ConfigStore
    from zpack.agent.dev.container import DevContainer
    from zpack.agent.power.lock import OperationLock
    from zpack.agent.power.workload import Workload
    from zpack.wire.agent import Players


class StatusRoutes:
    """The doors that only look."""

    def __init__(
        self,
        *,
        workload: Workload,
        dev: DevContainer,
        configs: ConfigStore,
        lock: OperationLock,
    ) -> None:
        self._workload = workload
        self._dev = dev
        self._configs = configs
        self._lock = lock

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get("/health", self.health),
            web.get("/ready", self.ready),
            web.get("/status", self.status),
            web.get("/version", self.version),
            web.get("/game/players", self.players),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """The agent lives; says nothing of the workload."""
        return web.Response(text="ok")

    async def ready(self, _: web.Request) -> web.Response:
        """The workload serves, or 503 with the reason why not."""
        dev = self._configs.dev is not None
        body = self._dev.ready() if dev else self._workload.readiness.as_json()
        return web.json_response(
            body, status=HTTPStatus.OK if body["ready"] else HTTPStatus.SERVICE_UNAVAILABLE
        )

    async def status(self, _: web.Request) -> web.Response:
        """All that is known."""
        body = status(workload=self._workload, configs=self._configs, lock=self._lock)
        payload = self._configs.dev
        return web.json_response(dev_status(body, dev=self._dev, payload=payload) if payload else body)

    async def version(self, _: web.Request) -> web.Response:
        """The agent's version."""
        return web.json_response({"version": VERSION})

    async def players(self, _: web.Request) -> web.Response:
        """Who plays, by the server's own word now. Refuses when it is no Minecraft or does not answer."""
        payload = self._configs.payload
        if self._configs.dev is not None or (payload is not None and payload.game != "minecraft"):
            raise Invalid("players are known of Minecraft servers only", code="unsupported")
        if self._workload.process is None:
            raise NotReady("the server is not running")
        try:
            answer = await self._workload.ask()
        except PingError as error:
            msg = f"the server does not answer: {error}"
            raise NotReady(msg) from error
        body: Players = {
            "online": answer.online,
            "max": answer.max,
            "players": list(answer.players),
            "motd": answer.motd,
        }
        return web.json_response(body)
