"""One server, as the pages about it know it: what they share, above all the frame with its tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

GAME_TABS = ("overview", "console", "files", "backups", "mods", "activity", "settings")
DEV_TABS = ("overview", "console", "files", "activity", "settings")


@dataclass(frozen=True)
class Server:
    """The API's ``/api/servers/{id}/status``, and what pages ask of it."""

    view: dict[str, Any]

    @property
    def id(self) -> str:
        """Return its id, which is its VMID in digits."""
        return str(self.view["id"])

    @property
    def is_dev(self) -> bool:
        """Whether it is a dev container."""
        return self.view.get("category") == "DEV"

    @property
    def base(self) -> str:
        """Return where its pages are."""
        return f"/servers/{self.id}"

    @property
    def tabs(self) -> tuple[str, ...]:
        """Return its tabs, in order."""
        return DEV_TABS if self.is_dev else GAME_TABS


async def server_of(visit: Visit) -> Server:
    """Return the server that the address names. Raises Problem."""
    return Server(await visit.api.get(f"/api/servers/{visit.path['id']}/status"))


def framed(
    visit: Visit, server: Server, template: str, *, tab: str, status: int = 200, **values: Any
) -> Response:
    """Answer with a page of a server: ``template`` extends ``server.html``; ``tab`` is the current one."""
    return visit.page(template, status=status, server=server, view=server.view, tab=tab, **values)
