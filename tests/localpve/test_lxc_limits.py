"""Limits in the words of either control-group hierarchy, judged on folders that only look like one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zpack.localpve.backends.cgroup import Group, limits, missing

if TYPE_CHECKING:
    from pathlib import Path

WANTED = {"memory": 512, "swap": 256, "cores": 2, "pids": 100}


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    return tmp_path


@pytest.fixture
def older(tmp_path: Path) -> Path:
    for name in ("memory", "cpu", "pids", "unified"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").touch()
    (tmp_path / "memory/memory.memsw.limit_in_bytes").touch()
    return tmp_path


def test_the_unified_hierarchy(unified: Path) -> None:
    assert limits(**WANTED, root=unified) == [
        ("lxc.cgroup2.memory.max", "512M"),
        ("lxc.cgroup2.memory.swap.max", "256M"),
        ("lxc.cgroup2.cpu.max", "200000 100000"),
        ("lxc.cgroup2.pids.max", "100"),
    ]
    assert missing(unified) is None


def test_the_older_hierarchies(older: Path) -> None:
    assert limits(**WANTED, root=older) == [
        ("lxc.cgroup.memory.limit_in_bytes", "512M"),
        ("lxc.cgroup.memory.memsw.limit_in_bytes", "768M"),
        ("lxc.cgroup.cpu.cfs_period_us", "100000"),
        ("lxc.cgroup.cpu.cfs_quota_us", "200000"),
        ("lxc.cgroup.pids.max", "100"),
    ]
    assert missing(older) is None


def test_a_missing_controller_is_named(older: Path) -> None:
    (older / "pids/cgroup.procs").unlink()
    assert "pids control group is not mounted" in str(missing(older))


def test_use_is_read_from_the_unified_hierarchy(unified: Path) -> None:
    group = unified / "guest"
    group.mkdir()
    for name, text in {
        "cgroup.procs": "",
        "memory.current": "1000\n",
        "memory.stat": "anon 1\ninactive_file 400\n",
        "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
    }.items():
        (group / name).write_text(text)
    assert Group("guest", root=unified).memory() == 600
    assert Group("guest", root=unified).cpu_seconds() == 2.5
    assert Group("guest", root=unified).first() == 0
