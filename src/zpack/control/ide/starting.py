"""What a browser sees while a container that slept is starting: a page that asks again by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.control.ide.headers import Pairs

    Wake = Callable[[int], Awaitable[bool]]
    """Starts a container that sleeps; says whether it is on its way up."""

AGAIN_SECONDS = 3
PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="{AGAIN_SECONDS}"><title>Starting…</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; display: grid; place-content: center; min-height: 90vh;
  margin: 0; padding: 1rem; text-align: center; color: #24292f; background: #fff; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e6edf3; background: #0d1117; }} }}
</style></head>
<body><main><h1>Your container is starting</h1>
<p role="status">It was stopped because nobody used it. This page opens the IDE as soon as it is ready.</p>
</main></body></html>
""".encode()
HEADERS: Pairs = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("retry-after", str(AGAIN_SECONDS)),
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
]


def is_shown(method: str, headers: Pairs) -> bool:
    """Say whether an answer to this request is a page that a person looks at."""
    accepted = dict(headers).get("accept", "")
    return method in {"GET", "HEAD"} and "text/html" in accepted
