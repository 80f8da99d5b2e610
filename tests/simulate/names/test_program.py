"""Both programs themselves: the ready line, faults from a file, and what they refuse at the start."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING

import aiohttp
import pytest

from zpack.simulate.command import main

if TYPE_CHECKING:
    from pathlib import Path

ASKS = {"cloudflare": "/zones/z/dns_records", "technitium": "/zones/records/get?domain=example.org"}


@pytest.mark.parametrize("system", list(ASKS))
async def test_it_serves_until_it_is_told_to_stop(system: str, tmp_path: Path) -> None:
    (tmp_path / "faults").write_text('[{"call": "GET *", "do": "rate_limit", "seconds": 3}]')
    words = [
        system,
        "--port",
        "0",
        "--zone",
        "example.org",
        "--token",
        "t",
        "--fault",
        str(tmp_path / "faults"),
    ]
    words += ["--zone-id", "z"] if system == "cloudflare" else []
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "zpack.simulate.command", *words, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    ready = json.loads(await asyncio.wait_for(program.stdout.readline(), 60))
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer t"}) as session:
        said = []
        for _ in range(2):
            async with session.get(ready["url"] + ASKS[system]) as answer:
                said.append(answer.status)
    program.send_signal(signal.SIGTERM)
    assert (await program.wait(), said) == (0, [429, 200])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "192.0.2.1"], "simulate technitium: cannot listen on 192.0.2.1"),
        (["--fault", "/nonexistent"], "No such file"),
        (["--zone", "example.org"], "Zone already exists"),
    ],
)
def test_what_it_refuses(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["technitium", "--zone", "example.org", *words]) == 1
    assert said in capsys.readouterr().err
