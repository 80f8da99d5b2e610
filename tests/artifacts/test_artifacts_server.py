"""What an agent, and anyone else, gets from the artifact server."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 100


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    home = root / "artifacts"
    (home / "java/21").mkdir(parents=True)
    (home / "java/21/OpenJDK21.tar.gz").write_bytes(CONTENT)
    (home / "_catalog.json").write_text('{"games": []}')
    (home / "SHA256SUMS").write_text("")
    (home / ".prepared.json").write_text("private")
    (root / "secrets.json").write_text("private")
    (home / "leak").symlink_to(root / "secrets.json")
    (home / "deep").symlink_to(root)
    return home


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "zpack.artifacts", "serve", "--home", str(home), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"ZPACK_PDEATHSIG": "1"}
    ) as process:
        ready = json.loads(process.stdout.readline())
        assert (ready["ready"], ready["program"]) == (True, "artifacts")
        host, _, port = ready["listen"].rpartition(":")
        yield host, int(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def get(
    served: tuple[str, int], path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(*served, timeout=10)
    try:
        connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_an_archive_comes_as_it_lies_on_disk(served: tuple[str, int]) -> None:
    answer, body = get(served, "/java/21/OpenJDK21.tar.gz", Accept_Encoding="gzip")
    assert (answer.status, body) == (200, CONTENT)
    assert answer.headers["Content-Encoding"] is None
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_a_broken_download_can_go_on(served: tuple[str, int]) -> None:
    answer, body = get(served, "/java/21/OpenJDK21.tar.gz", Range="bytes=25000-")
    assert (answer.status, body) == (206, CONTENT[25000:])
    assert answer.headers["Content-Range"] == f"bytes 25000-{len(CONTENT) - 1}/{len(CONTENT)}"


def test_a_range_beyond_the_end_is_refused(served: tuple[str, int]) -> None:
    assert get(served, "/java/21/OpenJDK21.tar.gz", Range="bytes=999999-")[0].status == 416


def test_head_tells_the_size(served: tuple[str, int]) -> None:
    answer, body = get(served, "/java/21/OpenJDK21.tar.gz", method="HEAD")
    assert (answer.status, body, answer.headers["Content-Length"]) == (200, b"", str(len(CONTENT)))


def test_the_catalog_is_json_and_always_asked_for_again(served: tuple[str, int]) -> None:
    answer, body = get(served, "/_catalog.json")
    assert json.loads(body) == {"games": []}
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (
        "application/json",
        "no-cache",
    )


def test_an_unchanged_file_is_not_sent_again(served: tuple[str, int]) -> None:
    etag = get(served, "/_catalog.json")[0].headers["ETag"]
    assert get(served, "/_catalog.json", If_None_Match=etag)[0].status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/java",
        "/java/21/",
        "/missing.jar",
        "/../secrets.json",
        "/%2e%2e/secrets.json",
        "/..%2fsecrets.json",
        "/java/../../secrets.json",
        "/java/%2e%2e/%2e%2e/secrets.json",
        "//etc/hostname",
        "/%2fetc/hostname",
        "/..%5csecrets.json",
        "/.prepared.json",
        "/leak",
        "/deep/secrets.json",
        "/_catalog.json%00",
        "/_catalog.json/",
    ],
)
def test_nothing_but_public_files_is_served(served: tuple[str, int], path: str) -> None:
    answer, body = get(served, path)
    assert answer.status == 404
    assert json.loads(body)["error"] == "not_found"
    assert b"private" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(served: tuple[str, int], method: str) -> None:
    assert get(served, "/_catalog.json", method=method)[0].status == 405


def test_a_taken_port_is_said_and_ends_with_1(served: tuple[str, int], home: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "zpack.artifacts",
        "serve",
        "--home",
        str(home),
        "--port",
        str(served[1]),
    ]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert "address already in use" in second.stderr


def test_the_server_ends_with_its_supervisor(home: Path) -> None:
    command = [sys.executable, "-m", "zpack.artifacts", "serve", "--home", str(home)]
    script = f"import subprocess, sys, time; subprocess.Popen({command!r}); time.sleep(60)"
    environment = os.environ | {"ZPACK_PDEATHSIG": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment
    ) as supervisor:
        assert json.loads(supervisor.stdout.readline())["ready"]
        supervisor.kill()
        assert supervisor.stdout.read() == b""  # the pipe closes when the last of both has gone
