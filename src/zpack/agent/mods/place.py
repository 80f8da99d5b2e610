"""Finds the folder that holds the mods of this container's server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from zpack.agent.mods.folder import ModFolder
from zpack.agent.mods.refusals import Unsupported
from zpack.agent.problems import NotReady
from zpack.agent.rooted.paths import Missing
from zpack.agent.rooted.root import Root

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from zpack.agent.config.store import ConfigStore
    from zpack.agent.games.engine import Engine
    from zpack.agent.install.server import ServerFolder


class ModPlace:
    """Where mods go is the engine's to say, in its file; where the server is, the payload's."""

    def __init__(
        self, *, configs: ConfigStore, engines: Mapping[tuple[str, str], Engine], servers: ServerFolder
    ) -> None:
        self._configs = configs
        self._engines = engines
        self._servers = servers

    @contextmanager
    def open(self) -> Generator[ModFolder]:
        """Open the server's folder. Raises :class:`NotReady`, :class:`Unsupported` and refusals."""
        payload = self._configs.payload
        if payload is None:
            raise NotReady("there is no server yet", code="not_configured")
        engine = self._engines.get((payload.game, payload.variant))
        if engine is None or not engine.mods_folder:
            raise Unsupported(f"{engine.name if engine else payload.variant} takes no mods")
        try:
            root = Root.open(self._servers.path(payload))
        except Missing:
            raise NotReady("the server is not installed yet") from None
        with root:
            yield ModFolder(root, engine.mods_folder, server=self._servers.path(payload))
