"""Programs that were written for the real Stripe: its own command line, and scenarios by strangers."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import billing_e2e
import pytest

from zpack.artifacts.node import find_node

if TYPE_CHECKING:
    from tests.simulate.stripe.conftest import Receiver

CLI = Path(__file__).parents[2] / "node" / "stripe" / "node_modules" / ".bin" / "stripe"
SCENARIOS = Path(billing_e2e.__file__).parent / "scenarios"
QUIET = {"HTTPS_PROXY": "http://127.0.0.1:9", "STRIPE_CLI_TELEMETRY_OPTOUT": "1"}
"""The command line asks for newer versions of itself and reports its use: not from here."""
REDIRECTED = (
    "import sys, stripe._stripe_client as c; c.DEFAULT_API_BASE = sys.argv.pop(1);"
    "from billing_e2e.cli import main; main()"
)


async def ran(*words: str, cwd: Path) -> str:
    """Run a program to its end and return what it said; AssertionError when it failed."""
    path = os.pathsep.join((str(find_node().node.parent), os.environ["PATH"]))
    given = {**QUIET, "PATH": path, "HOME": str(cwd), "XDG_CONFIG_HOME": str(cwd)}
    program = await asyncio.create_subprocess_exec(
        *words, cwd=cwd, env=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(program.communicate(), 60)
    assert program.returncode == 0, said.decode()
    return said.decode()


@pytest.mark.node
@pytest.mark.parametrize(
    "event",
    [
        "charge.dispute.created",
        "charge.refunded",
        "checkout.session.completed",
        "customer.subscription.deleted",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_failed",
        "payment_intent.succeeded",
    ],
)
async def test_stripes_command_line_triggers(
    event: str, base: str, receiver: Receiver, tmp_path: Path
) -> None:
    key = ["--api-key", "sk_test_0123456789abcdefghijklmn"]
    said = await ran(str(CLI), "trigger", event, *key, "--api-base", base, cwd=tmp_path)
    assert "Trigger succeeded" in said, said
    await receiver.until(event)


async def test_the_scenarios_of_billing_e2e_hold(base: str, prices: dict[str, str], tmp_path: Path) -> None:
    plans = f"  monthly_price: {prices['starter']}\n  upgrade_price: {prices['performance']}\n"
    (tmp_path / "billing-e2e.yml").write_text(f"stripe:\n  key: sk_test_0123456789\nvars:\n{plans}")
    said = await ran(sys.executable, "-c", REDIRECTED, base, "run", str(SCENARIOS), cwd=tmp_path)
    assert "5 scenario(s) passed" in said, said
