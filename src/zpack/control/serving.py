"""Serves the API, runs the worker, or both in one process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import httptools
import uvicorn
from redis.asyncio import Redis
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from zpack.control.app import create_app
from zpack.control.engine.packing import PackingConnection
from zpack.control.engine.relay_ws import AT_ONCE
from zpack.control.engine.splice import SPLICE
from zpack.control.leaving import Leaving, backlog, requests_read
from zpack.control.monitoring.door import FiguresDoor
from zpack.control.monitoring.loop_lag import LoopLag
from zpack.control.settings import SettingsError
from zpack.control.wiring import Hint, build_api, build_clients, build_work
from zpack.control.wiring.monitoring import begin_tracing, build_page, metrics_token
from zpack.control.worker import Worker
from zpack.lifetime import collect_rarely, say_ready
from zpack.wire.console import MAX_ASKED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from zpack.control.app import Site
    from zpack.control.monitoring.page import Page
    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients

log = logging.getLogger("zpack.control")
SPANS_SECONDS = 2.0
SWITCHING = HTTPStatus.SWITCHING_PROTOCOLS
KEEP_ALIVE_SECONDS = 130
"""Longer than reverse proxies keep idle connections (Caddy: 120 s), so that none is closed as it is used."""


class HttpProtocol(HttpToolsProtocol):
    """Uvicorn's, which looks at Host where RFC 9112 §3.2.2 says that the target's own authority counts.

    When the process is leaving, a connection ends behind its answer.
    """

    leaving: Leaving | None = None
    has_begun = False

    def on_message_begin(self) -> None:
        """Note that a request is on its way."""
        self.has_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Put the authority of an absolute target in the place of Host."""
        if not self.url.startswith(b"/") and b"://" in self.url:
            target = httptools.parse_url(self.url)
            port = b":%d" % target.port if target.port else b""
            self.headers[:] = [pair for pair in self.headers if pair[0] != b"host"]
            self.headers.append((b"host", (target.host or b"") + port))
            query = b"?" + target.query if target.query else b""
            self.url = (target.path or b"/") + query
        super().on_headers_complete()
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and self.leaving is not None and self.leaving.begun:
            cycle.keep_alive = False


class _GivenAway(asyncio.Transport):
    """Stands where a connection was that somebody else has now."""

    def is_closing(self) -> bool:
        """Say that nothing can be written."""
        return True

    def close(self) -> None:
        """Do nothing: it is not ours to close."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """Of uvicorn's implementations the one that stops reading while a message is not taken yet.

    An upgrade that the application answers with a refusal is no error of the application's.
    """

    def handle_connect(self, event: Any) -> None:
        """Offer the application the short ways, as extensions of ASGI."""
        super().handle_connect(event)
        if self.response.status_code == SWITCHING:
            extensions = cast("dict[str, Any]", self.scope)["extensions"]
            extensions[AT_ONCE] = self.send_at_once
            extensions[SPLICE] = self.give_away

    def send_at_once(self, frames: bytes) -> bool:
        """Send whole frames, thousands a second; return False when that has to wait or fail."""
        if not self.writable.is_set() or self.disconnected or self.close_sent or not self.handshake_complete:
            return False
        self.transport.write(frames)
        return True

    def give_away(self, head: bytes, protocol: asyncio.Protocol) -> asyncio.Transport | None:
        """Answer the upgrade with this head and part from the connection; None when it is lost already."""
        transport = self.transport
        if self.disconnected or transport.is_closing():
            return None
        self.handshake_complete = self.disconnected = True
        self.connections.discard(self)
        self.transport = _GivenAway()
        transport.write(head)
        transport.set_protocol(protocol)
        return transport

    async def send(self, message: Any) -> None:
        """Send one ASGI message."""
        await super().send(message)
        refusal = message["type"] == "websocket.http.response.body"
        if refusal and not message.get("more_body", False):
            self.handshake_complete = True


SOCKETS: dict[str, Any] = {
    "http": HttpProtocol,
    "ws": SocketProtocol,
    "log_level": "warning",  # below, it logs the addresses of sockets, tickets and all
    "ws_max_size": MAX_ASKED,
    "ws_per_message_deflate": False,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
}
"""What uvicorn is told about connections."""
BACKLOG = 2048


def open_redis(settings: Settings, *, embedded: bool) -> Redis:
    """Return the live-state store. Raises SettingsError when there is none that processes can share."""
    if settings.redis_url is not None:
        url = settings.redis_url.get_secret_value()
        return Redis.from_url(url, decode_responses=True, connection_class=PackingConnection)
    if not embedded:
        message = "REDIS_URL: missing; API and worker are separate processes and must share live state"
        raise SettingsError(message)
    from fakeredis import FakeAsyncRedis  # noqa: PLC0415 - 15 MB that a process with Redis does not need

    return FakeAsyncRedis(decode_responses=True)


async def serve(settings: Settings, *, embedded: bool, site: Callable[[str], Site] | None = None) -> None:
    """Serve the API until SIGTERM; with ``embedded`` the worker runs in the same process.

    ``site`` constructs the pages of an address; they are served beside the API when ``PORTAL_URL`` is set.
    """
    clients = build_clients(settings, open_redis(settings, embedded=embedded))
    hint = Hint()
    api = build_api(settings, clients, hint)
    worker = None
    if embedded:
        work = build_work(settings, clients, embedded=True)
        hint.listener = work.dispatch
        hint.billing = next(iter(work.billing), None)
        worker = Worker(work)
        api.metrics_page.watch(work.heartbeat)
    end_tracing, lag = begin_tracing(settings, "api"), LoopLag()
    if settings.admin_password is not None:
        await api.accounts.ensure_admin(
            email=settings.admin_email, password=settings.admin_password.get_secret_value()
        )
    if settings.default_plan is not None and not await api.plans.exists(settings.default_plan):
        raise SettingsError(f"ZPACK_DEFAULT_PLAN: there is no plan {settings.default_plan!r}")
    log.info("billing is %s", "on" if settings.billing_on else "off: STRIPE_SECRET_KEY is not set")

    leaving = Leaving(drain_seconds=settings.drain_seconds)

    async def ready() -> dict[str, str]:
        return {"process": "leaving"} if leaving.begun else await waiting(clients, worker)

    origins = tuple(o.strip() for o in settings.cors_origins.split(",") if o.strip())
    pages = site(settings.portal_url) if site is not None and settings.portal_url else None
    app = create_app(api, ready=ready, cors_origins=origins, site=pages)
    sockets: dict[str, Any] = SOCKETS | {
        "http": type("LeavingProtocol", (HttpProtocol,), {"leaving": leaving})
    }
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=settings.grace_seconds,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        proxy_headers=settings.trusted_proxies != "",
        forwarded_allow_ips=settings.trusted_proxies,
        **sockets,
    )
    listener = _listen(settings.host, settings.port)
    if worker is not None:
        await worker.start()
    collect_rarely()
    lag.start()

    def shut() -> None:
        api.events.shut()
        api.console_streams.shut()
        api.ide.relay.shut()

    server = _Server(config, leaving=leaving, shut=shut)
    server.obey()  # whoever reads that we are ready may tell us to stop
    announce("control", listener)
    await server.serve(sockets=[listener])
    if worker is not None:
        await worker.stop()
    lag.stop()
    _send_rest(end_tracing)
    _leave()


async def work(settings: Settings) -> None:
    """Run a worker until SIGTERM."""
    clients = build_clients(settings, open_redis(settings, embedded=False))
    work = build_work(settings, clients, embedded=False)
    worker, end_tracing, lag = Worker(work), begin_tracing(settings, "worker"), LoopLag()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await worker.start()
    collect_rarely()
    lag.start()
    page = build_page(clients, platform=False)
    page.watch(work.heartbeat)
    async with _figures(settings, page):
        announce("worker", None)
        await stop.wait()
    await worker.stop()
    lag.stop()
    _send_rest(end_tracing)
    _leave()


@contextlib.asynccontextmanager
async def _figures(settings: Settings, page: Page) -> AsyncGenerator[None]:
    """Serve a worker's own ``/metrics`` meanwhile, if an address is set. Raises SettingsError."""
    if settings.worker_metrics_at is None:
        yield
        return
    listener = _listen(*settings.worker_metrics_at, name="ZPACK_WORKER_METRICS")
    door = FiguresDoor(page=page, token=metrics_token(settings))
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False}
    config = uvicorn.Config(door, lifespan="off", ws="none", proxy_headers=False, **quiet)
    server = _Bare(config)
    serving = asyncio.create_task(server.serve([listener]), name="worker-metrics")
    try:
        yield
    finally:
        server.should_exit = True
        await serving


async def waiting(clients: Clients, worker: Worker | None) -> dict[str, str]:
    """Return what is not ready, with its reason."""
    found: dict[str, str] = {}
    for name, check in (("database", clients.database.ping), ("redis", clients.redis.ping)):
        try:
            async with asyncio.timeout(3):
                await check()
        except Exception as failure:  # noqa: BLE001 - any failure means not ready
            found[name] = type(failure).__name__
    if worker is not None and not worker.alive:
        found["worker"] = "not running"
    return found


def announce(program: str, listener: socket.socket | None) -> None:
    """Print the line a supervisor waits for."""
    if listener is None:
        say_ready(program)
        return
    host, port = listener.getsockname()[:2]
    say_ready(program, listen=f"{host}:{port}")


class _Server(uvicorn.Server):
    """Uvicorn, which by default raises the signal again after a clean stop, and waits for open streams."""

    def __init__(self, config: uvicorn.Config, *, leaving: Leaving, shut: Callable[[], None]) -> None:
        super().__init__(config)
        self._leaving = leaving
        self._shut = shut
        self._grace = config.timeout_graceful_shutdown or 0

    def obey(self) -> None:
        """Leave on SIGTERM or SIGINT from now on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave, number)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave in three steps (``leaving.py``), then as uvicorn does."""
        await self._leaving.drained()
        self._shut()
        taken = backlog(sockets or ())
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for one in taken:
            await loop.connect_accepted_socket(self._protocol, one)
        await requests_read(lambda: self.server_state.connections, seconds=self._grace)
        await super().shutdown(sockets=sockets)

    def _protocol(self) -> asyncio.Protocol:
        made = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        return made(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    def _leave(self, number: int) -> None:
        self._leaving.begin()
        self.handle_exit(number, None)


class _Bare(uvicorn.Server):
    """Uvicorn that leaves the process's signals alone."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)


def _listen(host: str, port: int, *, name: str = "PORT") -> socket.socket:
    """Bind before anything is announced. Raises SettingsError with the setting's name."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # before anything is announced: a client may come at once
    except OSError as failure:
        raise SettingsError(f"{name}: cannot listen on {host}:{port}: {failure.strerror}") from failure
    listener.set_inheritable(True)
    return listener


def _send_rest(end_tracing: Callable[[], None]) -> None:
    """Let the last spans leave, unless their collector keeps us; the loop's own threads are gone by now."""
    thread = threading.Thread(target=end_tracing, daemon=True)
    thread.start()
    thread.join(SPANS_SECONDS)


def _leave() -> None:
    """End at once: an interrupted workflow must not see its clients close, or it would record a failure."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
