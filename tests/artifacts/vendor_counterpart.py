"""A vendor's API on this machine; the server is the standard library's, our client is not."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Counterpart:
    """Serves what is put in `answers`: path → body, or (status, location) for a redirect."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | tuple[int, str]] = {}
        self.asked: list[tuple[str, str]] = []
        owner = self

        class Door(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append((self.path, self.headers.get("User-Agent", "")))
                answer = owner.answers.get(self.path)
                if isinstance(answer, tuple):
                    self.send_response(answer[0])
                    self.send_header("Location", answer[1])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200 if answer is not None else 404)
                self.send_header("Content-Length", str(len(answer or b"")))
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *_: Any) -> None:
                """Quiet: pytest shows what was asked through `asked`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
