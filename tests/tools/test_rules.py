"""Every house rule has a bad sample that it must catch and a good one that it must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tools.budgets import over
from tools.rules import RULES, check_source
from tools.rules.docs import check_docs

if TYPE_CHECKING:
    from pathlib import Path

BAD = {
    "name-the-subject": "class ServerManager:\n    pass\n",
    "no-inner-import": "def f():\n    from zpack.wire import edge\n    return edge\n",
    "bounded-queue": "import asyncio\nq = asyncio.Queue()\n",
    "owned-task": "import asyncio\nasync def f(x):\n    asyncio.create_task(x())\n",
    "no-network-in-transaction": (
        "async def f(db, proxmox):\n    async with db.transaction() as s:\n        await proxmox.start(1)\n"
    ),
    "no-shell": "import subprocess\nsubprocess.run('ls', shell=True)\n",
}
GOOD = {
    "name-the-subject": "class Servers:\n    pass\n",
    "no-inner-import": "from zpack.wire import edge\n",
    "bounded-queue": "import asyncio\nq = asyncio.Queue(10)\n",
    "owned-task": "import asyncio\nasync def f(x):\n    t = asyncio.create_task(x())\n    await t\n",
    "no-network-in-transaction": (
        "async def f(db, proxmox):\n    await proxmox.start(1)\n    async with db.transaction() as s:\n"
        "        await s.flush()\n"
    ),
    "no-shell": "import subprocess\nsubprocess.run(['ls'])\n",
}
PATH = "src/zpack/control/power/actions.py"


@pytest.mark.parametrize("rule", sorted(RULES))
def test_rule_catches_its_bad_sample(rule: str) -> None:
    assert [f.rule for f in check_source(BAD[rule], PATH)] == [rule]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_rule_passes_its_good_sample(rule: str) -> None:
    assert check_source(GOOD[rule], PATH) == []


def test_an_excuse_needs_a_reason() -> None:
    line = "q = asyncio.Queue()"
    assert check_source(f"import asyncio\n{line}  # house: bounded-queue - fed by one writer\n", PATH) == []
    assert check_source(f"import asyncio\n{line}  # house: bounded-queue\n", PATH)


def test_a_drawer_module_is_refused() -> None:
    assert [f.rule for f in check_source("x = 1\n", "src/zpack/agent/utils.py")] == ["name-the-subject"]


def test_a_long_function_is_over_budget(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("def f():\n" + "    x = 1\n" * 61)
    assert "61 code lines" in next(over(path))


def test_a_long_route_is_over_budget(tmp_path: Path) -> None:
    path = tmp_path / "route.py"
    path.write_text("@router.get('/x')\nasync def f():\n" + "    x = 1\n" * 16)
    assert "16 code lines" in next(over(path))


def test_docs_that_name_what_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("up:\n\ttrue\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "here.py").write_text("env('ZPACK_HOME')\n")
    good = (
        "`src/here.py`, `here.py: Here`, [here](src/here.py#x), `make up`, `ZPACK_HOME`, <https://x.org/a.py>"
    )
    (tmp_path / "README.md").write_text(f"{good}\n")
    (tmp_path / "GONE.md").write_text("`gone.py`\n[gone](src/gone.py)\n`make gone` `ZPACK_GONE`\n")
    assert [(one.path, one.line, one.message.split(":")[0]) for one in check_docs(tmp_path)] == [
        ("GONE.md", 1, "file gone.py"),
        ("GONE.md", 2, "link src/gone.py"),
        ("GONE.md", 3, "target gone"),
        ("GONE.md", 3, "setting ZPACK_GONE"),
    ]
