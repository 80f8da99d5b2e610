"""The program itself: its ready line, its state over a restart, and what it refuses at the start."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import stripe
from typer.testing import CliRunner

from tests.simulate.stripe.conftest import KEY, SECRET
from zpack.entry import app
from zpack.simulate.command import main

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.simulate.stripe.conftest import Receiver

START = (sys.executable, "-m", "zpack.simulate.command", "stripe", "--port", "0")


@asynccontextmanager
async def running(*words: str) -> AsyncIterator[tuple[stripe.StripeClient, list[str]]]:
    """Run the program; yield a client for it, and what it logged once it has ended."""
    program = await asyncio.create_subprocess_exec(
        *START, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    logged: list[str] = []
    http = stripe.AIOHTTPClient()
    try:
        assert program.stdout is not None
        ready = json.loads(await asyncio.wait_for(program.stdout.readline(), 60))
        yield stripe.StripeClient(KEY, base_addresses={"api": ready["url"]}, http_client=http), logged
    finally:
        program.send_signal(signal.SIGTERM)
        _, said = await program.communicate()
        logged.append(said.decode())
        await http.close_async()
    assert program.returncode == 0, logged


async def test_what_it_knows_outlives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    words = ("--state", str(tmp_path / "state"), "--webhook", receiver.url, "--secret", SECRET)
    receiver.status = 500
    async with running(*words, "--delivery-seconds", "3600") as (client, logged):
        made = await client.v1.customers.create_async({"name": "a"}, {"idempotency_key": "k"})
        await receiver.until("customer.created")
    assert not [secret for secret in (SECRET, KEY) if secret in logged[0]]
    receiver.status = 200
    async with running(*words) as (client, _):
        assert (await client.v1.customers.retrieve_async(made.id)).name == "a"
        assert (await client.v1.customers.create_async({"name": "a"}, {"idempotency_key": "k"})).id == made.id
        assert len((await client.v1.webhook_endpoints.list_async()).data) == 1
        assert len((await client.v1.events.list_async({"delivery_success": False})).data) == 1


async def test_faults_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "faults").write_text('[{"call": "GET /v1/customers", "do": "rate_limit"}]')
    async with running("--fault", str(tmp_path / "faults")) as (client, _):
        with pytest.raises(stripe.RateLimitError):
            await client.v1.customers.list_async()
        assert (await client.v1.customers.list_async()).data == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
        (["--webhook", "nowhere"], "Invalid URL"),
        (["--fault", "/nonexistent"], "No such file"),
        (["--retry-days", "0"], "must be positive"),
        (["--retry-days", "x"], "could not convert"),
    ],
)
def test_it_says_in_one_line_why_it_cannot_start(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stripe", "--port", "0", *words]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_it_is_one_of_the_commands() -> None:
    assert CliRunner().invoke(app, ["simulate", "stripe", "--help"]).exit_code == 0
