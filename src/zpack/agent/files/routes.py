"""The verbs of ``/game/files`` (contract §2.5), and of any other place with a policy of its own."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.agent.files.transfers import to_end
from zpack.agent.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.agent.files.actions import Files
    from zpack.agent.files.incoming import Incoming
    from zpack.agent.files.outgoing import Outgoing
    from zpack.agent.files.place import Place, Places

FLAGS = {"true": True, "1": True, "false": False, "0": False}


class FilesRoutes:
    """The doors to the files of one kind of place."""

    def __init__(
        self,
        *,
        prefix: str,
        places: Places,
        files: Files,
        incoming: Incoming,
        outgoing: Outgoing,
        folders: bool = False,
    ) -> None:
        self._folders = folders
        self._prefix = prefix
        self._places = places
        self._files = files
        self._incoming = incoming
        self._outgoing = outgoing

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        at = self._prefix
        return [
            web.get(at, self.list, allow_head=False),
            web.get(f"{at}/list", self.list, allow_head=False),
            web.get(f"{at}/stat", self.stat, allow_head=False),
            web.get(f"{at}/read", self.read, allow_head=False),
            web.get(f"{at}/download", self.download),
            web.put(at, self.write),
            web.delete(at, self.delete),
            web.post(f"{at}/revert", self.revert),
            web.post(f"{at}/move", self.move),
            web.post(f"{at}/upload", self.upload),
            *([web.post(f"{at}/folder", self.make_folder)] if self._folders else []),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """What is in a folder; the root without ``path``."""
        return await self._look(self._files.list, request, default="")

    async def stat(self, request: web.Request) -> web.Response:
        """What is known of one file."""
        return await self._look(self._files.stat, request)

    async def read(self, request: web.Request) -> web.Response:
        """A text file's content."""
        return await self._look(self._files.read, request)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A file's bytes, or a range of them."""
        return await self._outgoing.send(self._places.now(), path_of(request), request)

    async def write(self, request: web.Request) -> web.Response:
        """Overwrite a file with the body."""
        facts, new = await self._incoming.write(self._places.changing(), path_of(request), request)
        return web.json_response(facts, status=HTTPStatus.CREATED if new else HTTPStatus.OK)

    async def upload(self, request: web.Request) -> web.Response:
        """Take the file of a multipart body."""
        facts, new = await self._incoming.upload(
            self._places.changing(), path_of(request), request, overwrite=flag_of(request, "overwrite")
        )
        return web.json_response(facts, status=HTTPStatus.CREATED if new else HTTPStatus.OK)

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a file."""
        return await self._change(self._files.delete, request)

    async def revert(self, request: web.Request) -> web.Response:
        """Put back the content from before the first write."""
        return await self._change(self._files.revert, request)

    async def move(self, request: web.Request) -> web.Response:
        """Give a file another name or folder."""
        path, to = path_of(request), path_of(request, "to")
        overwrite = flag_of(request, "overwrite")
        async with self._incoming.changing:
            facts = await to_end(self._files.move, self._places.changing(), path, to, overwrite=overwrite)
        return web.json_response(facts)

    async def make_folder(self, request: web.Request) -> web.Response:
        """Create a folder, where the policy knows folders."""
        return await self._change(self._files.make_folder, request)

    async def _look(
        self, verb: Callable[[Place, str], Any], request: web.Request, *, default: str | None = None
    ) -> web.Response:
        path = path_of(request, default=default)
        return web.json_response(await to_end(verb, self._places.now(), path))

    async def _change(self, verb: Callable[[Place, str], Any], request: web.Request) -> web.Response:
        path = path_of(request)
        async with self._incoming.changing:
            return web.json_response(await to_end(verb, self._places.changing(), path))


def path_of(request: web.Request, name: str = "path", *, default: str | None = None) -> str:
    """Return the one path of this name in the query. Raises :class:`Invalid`."""
    given = request.query.getall(name, [] if default is None else [default])
    if len(given) != 1:
        msg = f"exactly one {name} is needed"
        raise Invalid(msg, code="invalid_query")
    return given[0]


def flag_of(request: web.Request, name: str) -> bool:
    """Return a yes or no of the query; no when it is missing. Raises :class:`Invalid`."""
    given = request.query.getall(name, ["false"])
    if len(given) != 1 or given[0].lower() not in FLAGS:
        msg = f"{name} must be true or false"
        raise Invalid(msg, code="invalid_query")
    return FLAGS[given[0].lower()]
