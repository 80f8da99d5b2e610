"""Scripts, styles, fonts, icons: built by ``make portal``, named by content, kept by browsers for good."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from starlette.responses import FileResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request

BUILT = Path(__file__).parent / "static"
MANIFEST = "manifest.json"
FOREVER = "public, max-age=31536000, immutable"
mimetypes.add_type("font/woff2", ".woff2")
PACKED = ((".br", "br"), (".gz", "gzip"))


class AssetsMissing(Exception):
    """Nothing was built yet."""


class Assets:
    """The built files, by the names that pages call them."""

    def __init__(self, folder: Path = BUILT) -> None:
        try:
            names: dict[str, str] = orjson.loads((folder / MANIFEST).read_bytes())
        except OSError as failure:
            raise AssetsMissing(
                "the portal's scripts and styles are not built: run `make portal`"
            ) from failure
        self._folder = folder
        self._names = names
        self._files = {path.name for path in folder.iterdir() if path.suffix not in {".br", ".gz"}}

    def url(self, name: str) -> str:
        """Return where a file is, by the name of its source, such as ``app.css``."""
        return f"/static/{self._names[name]}"

    async def serve(self, request: Request) -> Response:
        """Answer with a file, packed if the browser likes that."""
        name = request.path_params["name"]
        if name not in self._files or name == MANIFEST:
            return Response(status_code=404)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {"cache-control": FOREVER, "vary": "accept-encoding", "x-content-type-options": "nosniff"}
        accepted = request.headers.get("accept-encoding", "")
        for suffix, coding in PACKED:
            path = self._folder / (name + suffix)
            if coding in accepted and path.exists():
                return FileResponse(path, media_type=kind, headers=headers | {"content-encoding": coding})
        return FileResponse(self._folder / name, media_type=kind, headers=headers)
