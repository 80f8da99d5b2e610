"""Debian's nginx as a proxy in front of one address, unpacked beside the benchmark and never installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("nginx", "nginx-common")
CONFIG = """\
user root;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{ worker_connections 768; }}
http {{
  sendfile on;
  tcp_nopush on;
  types_hash_max_size 2048;
  default_type application/octet-stream;
  access_log {folder}/access.log;
  gzip on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0;
    location / {{ proxy_pass {upstream}; {more} }}
  }}
}}
"""
"""Debian's ``nginx.conf`` without what includes other files; only the size limit of bodies is lifted."""
UNBUFFERED = "proxy_buffering off; proxy_request_buffering off; proxy_http_version 1.1;"


def program(folder: Path) -> Path | None:
    """Return an nginx: the machine's, or Debian's unpacked into ``folder``; None when there is none."""
    if found := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        return type(folder)(found)
    folder.mkdir()
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            ["apt-get", "download", *PACKAGES], cwd=folder, check=True, capture_output=True, timeout=60
        )
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, folder / "x"], check=True, capture_output=True)
        return folder / "x" / "usr" / "sbin" / "nginx"
    return None


@contextlib.contextmanager
def proxying(binary: Path, folder: Path, upstream: str, *, more: str = "") -> Iterator[str]:
    """Run it in front of ``upstream``; yield its address."""
    folder.mkdir()
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, upstream=upstream, more=more))
    process = subprocess.Popen([binary, "-c", config, "-p", folder, "-e", folder / "error.log"])
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5).close()
                break
            except urllib.error.URLError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()
