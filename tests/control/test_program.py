"""``zpack serve``, ``worker``, ``migrate`` and ``doctor`` as processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.http import Caller
from tests.support.smtp import PASSWORD as MAIL_PASSWORD
from tests.support.smtp import USER, Certificates, link_in, mail_server
from tests.support.waiting import eventually
from zpack.control.operations import store
from zpack.control.operations.actions import Operations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from zpack.control.db.session import Database

CLOSED = "http://127.0.0.1:9"
STOP_SECONDS = 60.0


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "DATABASE_URL": database_url,
        "API_AUTH_SECRET": "a" * 32,
        "ZPACK_AGENT_SECRET": "b" * 32,
        "ZPACK_SECRET": "c" * 32,
        "PROXMOX_HOST": CLOSED,
        "PROXMOX_NODE": "local",
        "PROXMOX_API_TOKEN": "root@pam!zpack=d",
        "VELOCITY_URL": CLOSED,
        "ARTIFACT_BASE_URL": CLOSED,
        "ZPACK_ADMIN_PASSWORD": "an admin password",
    }


async def begin(environment: dict[str, str], *words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "zpack.control", *words, env=environment, stdout=pipe, stderr=pipe
    )


async def run(environment: dict[str, str], *words: str) -> tuple[int | None, str, str]:
    process = await begin(environment, *words)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def control(environment: dict[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run API and worker in one process; yield it and its base URL."""
    process = await begin(environment, "serve", "--embedded")
    try:
        assert process.stdout
        line = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        yield process, f"http://{line['listen']}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def stopped(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), STOP_SECONDS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"API_AUTH_SECRET": "short"}, "API_AUTH_SECRET: "),
        ({"PORT": "none"}, "PORT: "),
        ({"VELOCITY_URL": None}, "VELOCITY_URL: Field required"),
        ({"MAIL_FROM": "nobody short"}, "MAIL_FROM: "),
        ({"MAIL_FROM": "a@example.org, b@example.org"}, "MAIL_FROM: "),
    ],
)
async def test_a_wrong_setting_is_one_line(
    environment: dict[str, str], change: dict[str, str | None], says: str
) -> None:
    given: dict[str, Any] = {k: v for k, v in {**environment, **change}.items() if v is not None}
    status, _, err = await run(given, "migrate")
    assert (status, err.count("\n")) == (2, 1)
    assert says in err
    assert "short" not in err


@pytest.mark.parametrize("word", ["serve", "worker"])
async def test_separate_processes_need_redis(environment: dict[str, str], word: str) -> None:
    status, _, err = await run(environment, word)
    assert (status, err.count("\n")) == (2, 1)
    assert "REDIS_URL" in err


async def test_a_default_plan_that_is_none_stops_the_start(environment: dict[str, str]) -> None:
    status, _, err = await run({**environment, "ZPACK_DEFAULT_PLAN": "gold"}, "serve", "--embedded")
    assert (status, err.count("\n")) == (2, 1)
    assert "ZPACK_DEFAULT_PLAN: there is no plan 'gold'" in err


async def test_tables_and_migrations_agree(environment: dict[str, str]) -> None:
    assert (await run(environment, "migrate", "--check"))[0] == 0


async def test_the_doctor_says_what_is_wrong(environment: dict[str, str]) -> None:
    status, out, _ = await run(environment, "doctor", "--json")
    found = json.loads(out)
    assert status == 1
    assert {"database", "schema", "clock", "disk", "port", "mail by console"} <= set(found)
    wrong = {name: complaint for name, complaint in found.items() if complaint}
    assert set(wrong) == {"proxmox", "edge", "artifacts"}
    assert all("cannot be reached" in complaint for complaint in wrong.values())
    assert "PROXMOX_HOST" in wrong["proxmox"]


@pytest.mark.seed("S77")
async def test_the_doctor_says_how_mail_goes_out(environment: dict[str, str]) -> None:
    roads = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "9", "RESEND_API_KEY": "re_x", "RESEND_API_BASE": CLOSED}
    _, out, _ = await run(environment | roads, "doctor")
    said = [line for line in out.splitlines() if line.startswith("mail")]
    assert [line.partition(":")[0] for line in said] == ["mail by smtp", "mail by resend"]
    assert all("does not work" in line or "cannot be reached" in line for line in said)


@pytest.mark.seed("S88")
async def test_the_doctor_asks_stripe_when_billing_is_on(environment: dict[str, str]) -> None:
    billing = {
        "STRIPE_SECRET_KEY": "sk_test_x",
        "STRIPE_WEBHOOK_SECRET": "whsec_x",
        "STRIPE_API_BASE": CLOSED,
    }
    _, out, _ = await run(environment | billing, "doctor", "--json")
    assert "did not answer" in json.loads(out)["stripe"]
    assert "sk_test_x" not in out


async def test_billing_without_a_secret_for_webhooks_stops_the_start(environment: dict[str, str]) -> None:
    status, _, err = await run({**environment, "STRIPE_SECRET_KEY": "sk_test_x"}, "serve", "--embedded")
    assert (status, err.count("\n"), "STRIPE_WEBHOOK_SECRET" in err) == (2, 1, True)
    assert "sk_test_x" not in err


async def test_it_serves_stops_cleanly_and_makes_one_admin(environment: dict[str, str]) -> None:
    for _ in range(2):
        async with control(environment) as (process, url), Caller(url) as caller:
            assert (await caller.get("/api/ready")).body == {"ready": True, "waiting": {}}
            async with await caller.logged_in("admin", "an admin password") as admin:
                assert (await admin.get("/api/auth/me")).body["user"]["role"] == "admin"
            assert await stopped(process) == 0


@pytest.mark.seed("S77", "S82", "S85")
async def test_a_running_program_mails_over_tls_with_a_login(
    environment: dict[str, str], tmp_path: Path
) -> None:
    certificates = Certificates()
    authority = tmp_path / "authority.pem"
    certificates.authority.cert_pem.write_to_path(str(authority))
    async with mail_server(at_once=certificates.server(), login=True) as box:
        mail = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(box.port), "SMTP_SECURE": "true"}
        mail |= {"SMTP_USER": USER, "SMTP_PASS": MAIL_PASSWORD, "SSL_CERT_FILE": str(authority)}
        mail |= {"RESET_PASSWORD_URL_BASE": "https://reset.example", "PORTAL_URL": "https://portal.example"}
        async with control(environment | mail) as (_, url), Caller(url) as caller:
            await caller.post("/api/auth/forgot-password", {"email": "ADMIN@localhost"})
            got = await box.arrived()
    assert (got["To"], box.secured, box.logins) == ("admin@localhost", [True], [USER])
    assert got["From"] == "ZeroLag Hub Support <support@zerolaghub.com>"
    assert link_in(got).startswith("https://reset.example/reset-password?token=")


@pytest.mark.seed("S77")
async def test_a_program_without_mail_prints_the_link(environment: dict[str, str]) -> None:
    async with control(environment) as (process, url), Caller(url) as caller:
        await caller.post("/api/auth/forgot-password", {"email": "admin@localhost"})
        assert process.stderr
        async with asyncio.timeout(30):
            while b"http://localhost:3000/reset-password?token=" not in await process.stderr.readline():
                pass


async def phase(database: Database, operation_id: str) -> tuple[str, str | None]:
    async with database.transaction() as session:
        row = await store.find(session, operation_id)
    assert row is not None
    return row.status, row.phase


async def test_work_in_progress_survives_a_stop(environment: dict[str, str], database: Database) -> None:
    """Proxmox is away: the operation waits in its first step, across a stop, until it is cancelled."""
    operations = Operations(database=database, hint=lambda: None)
    async with database.transaction() as session:
        operations.begin(
            session, operation_id="op_1", kind="instance-delete", customer_id=None, request_id="r",
            budget=timedelta(minutes=5), vmid=5000, hostname="mc-5000",
            state={"vmid": 5000, "hostname": "mc-5000", "customer_id": None, "ctype": "game"},
        )  # fmt: skip
    async with control(environment) as (process, _):
        await eventually(lambda: at_work(database), timeout=20)
        assert await stopped(process) == 0
    assert (await phase(database, "op_1"))[0] == "running"
    async with control(environment) as (_, url), Caller(url) as caller:
        async with await caller.logged_in("admin", "an admin password") as admin:
            await admin.post("/api/operations/op_1/cancel")
        await eventually(lambda: cancelled(database), timeout=20)


async def at_work(database: Database) -> bool:
    return (await phase(database, "op_1"))[0] == "running"


async def cancelled(database: Database) -> bool:
    return (await phase(database, "op_1"))[0] == "cancelled"
