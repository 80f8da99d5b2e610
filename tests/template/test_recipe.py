"""A template without Debian: what is put on a root, with which modes, and what becomes of a broken build."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.agent.renewal import lay_out
from tests.support.waiting import eventually
from zpack.template import recipe
from zpack.template.__main__ import pack_root
from zpack.template.archive import pack
from zpack.template.furnish import furnish
from zpack.template.release import BuildError, checkout
from zpack.template.root import chosen

if TYPE_CHECKING:
    from pathlib import Path

UNIT = checkout() / "packaging" / "agent" / "zlh-agent.service"
TARGETS = (
    "Vendor|bookworm|main|http://vendor.example.org/",
    "Debian|bookworm|main|http://mirror.example.org/debian/",
    "Debian|bookworm|contrib|http://mirror.example.org/debian/",
    "Debian|bookworm-updates|main|http://mirror.example.org/debian/",
    "Debian|bookworm-security|main|http://security.example.org/",
    "Debian|trixie|main|http://mirror.example.org/debian/",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Something like Debian's root, furnished."""
    made = tmp_path / "root"
    for name, text in {"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n",
                       "etc/shadow": "root:*:19700::::::\n", "etc/machine-id": "0123\n", "etc/hostname": "builder\n",
                       "etc/passwd-": "old", "var/log/apt/history.log": "x"}.items():  # fmt: skip
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    settings = recipe.settings("https://artifacts.example.org", update_mode="notify")
    furnish(made, version="1.2.3", release=lambda folder: lay_out(folder, "1.2.3"), settings=settings)
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_agent_is_where_the_contract_says(root: Path) -> None:
    home = root / "opt/zlh-agent"
    assert (home / "current").readlink().as_posix() == "releases/1.2.3"
    assert os.access(home / "current" / "zlh-agent", os.X_OK)
    assert (home / "zlh-agent-start").read_text().startswith("#!/usr/bin/python3 -IS\n")
    assert {name: mode(root / name) for name in ("opt/zlh-agent", "opt/zlh", "etc/zlh-agent")} == {
        "opt/zlh-agent": 0o700, "opt/zlh": 0o755, "etc/zlh-agent": 0o700,
    }  # fmt: skip


def test_the_service_is_enabled_and_its_settings_are_closed(root: Path) -> None:
    assert (root / recipe.ENABLED).readlink().as_posix() == f"/{recipe.UNIT}"
    assert (root / recipe.UNIT).read_bytes() == UNIT.read_bytes()
    assert mode(root / recipe.SETTINGS) == 0o600
    assert "ARTIFACT_BASE_URL=https://artifacts.example.org\n" in (root / recipe.SETTINGS).read_text()


def test_the_workloads_user_can_log_in_nowhere(root: Path) -> None:
    entry = (root / "etc/passwd").read_text().splitlines()[-1].split(":")
    assert (entry[0], entry[2], entry[6]) == ("zlh", "1500", "/usr/sbin/nologin")
    assert (root / "etc/shadow").read_text().splitlines()[-1].startswith("zlh:!:")
    assert mode(root / "etc/shadow") == 0o640


def test_nothing_of_the_builder_or_of_any_one_clone_is_left(root: Path) -> None:
    assert (root / "etc/machine-id").read_text() == ""
    assert [name for name in (*recipe.REMOVED, "etc/passwd-") if (root / name).exists()] == []
    assert not list(root.rglob("__pycache__"))


def test_an_address_cannot_bring_more_settings() -> None:
    with pytest.raises(ValueError, match="line breaks"):
        recipe.settings("https://x\nZLH_AGENT_TOKEN=known", update_mode="off")


@pytest.mark.parametrize(("suite", "wanted"), [(None, "bookworm"), ("trixie", "trixie")])
def test_the_mirrors_are_those_of_this_machines_apt(suite: str | None, wanted: str) -> None:
    found, lines = chosen(TARGETS, suite)
    assert found == wanted
    assert len(lines) == (3 if wanted == "bookworm" else 1)
    assert all(
        line.startswith("deb http") and "vendor" not in line and line.endswith(" main") for line in lines
    )


@pytest.mark.parametrize("suite", [None, "sarge"])
def test_a_suite_that_apt_does_not_know_is_said(suite: str | None) -> None:
    with pytest.raises(BuildError, match="apt on this machine knows no"):
        chosen(TARGETS[:1], suite)


@pytest.mark.root
@pytest.mark.parametrize("ending", ["tar.gz", "tar.zst"])
def test_one_root_makes_the_same_archive_twice(root: Path, tmp_path: Path, ending: str) -> None:
    one, two = tmp_path / f"one.{ending}", tmp_path / f"two.{ending}"
    pack_root(root, one)
    shutil.copytree(root, tmp_path / "again", symlinks=True, copy_function=shutil.copy)  # other times
    pack_root(tmp_path / "again", two)
    assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(two.read_bytes()).digest()
    assert {path.name for path in tmp_path.glob(".*")} == set()


def test_a_release_is_packed_without_the_builders_name_and_time(tmp_path: Path) -> None:
    lay_out(tmp_path / "release", "1.2.3")
    for name in ("one.tar.gz", "two.tar.gz"):
        pack(tmp_path / "release", tmp_path / name)
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "one.tar.gz") as tar:
        seen = {(m.uid, m.uname, m.mode & ~0o755) for m in tar if m.name != "zlh-agent"}
        assert (seen, tar.getmember("zlh-agent").mode) == ({(0, "root", 0)}, 0o755)


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    text = UNIT.read_text()
    assert {"KillMode=process", "Restart=always", "NoNewPrivileges=yes"} <= set(text.splitlines())
    if shutil.which("systemd-analyze"):
        there = tmp_path / UNIT.name
        there.write_text(text.replace("/opt/zlh-agent/zlh-agent-start", "/bin/true"))
        done = subprocess.run(
            ("systemd-analyze", "verify", there), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


MAKERS = {
    "fails": "#!/bin/sh\necho 'E: no such mirror' >&2\nexit 25\n",
    "takes long": "#!/bin/sh\nmkdir -p \"$(eval echo \\${$(($# - 1))})/proc\"\necho 'I: downloading' >&2\nexec sleep 600\n",
}


def builder(tmp_path: Path, maker: str) -> subprocess.Popen[str]:
    """``zpack template build`` with something else in mmdebstrap's place."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mmdebstrap").write_text(MAKERS[maker])
    (tmp_path / "bin" / "mmdebstrap").chmod(0o755)
    (tmp_path / "tmp").mkdir()
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "TMPDIR": str(tmp_path / "tmp")}
    words = (sys.executable, "-m", "zpack.template", "build", "--out", str(tmp_path / "t.tar.gz"))
    return subprocess.Popen(words, env=env, text=True, stdout=-1, stderr=-1)


@pytest.mark.root
def test_a_failure_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    _, said = (build := builder(tmp_path, "fails")).communicate(timeout=120)
    assert (build.returncode, said.splitlines()[-1]) == (
        1,
        "zpack template: mmdebstrap failed: E: no such mirror",
    )
    assert (list((tmp_path / "tmp").iterdir()), list(tmp_path.glob("*.tar.gz"))) == ([], [])


@pytest.mark.root
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_broken_off_it_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    build = builder(tmp_path, "takes long")
    await eventually(lambda: list((tmp_path / "tmp").glob("zpack-template-*/root/proc")), timeout=120)
    build.send_signal(number)
    _, said = build.communicate(timeout=120)
    assert (build.returncode, "broken off" in said) == (130, True)
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.root
def test_without_root_it_says_what_is_missing() -> None:
    words = ("unshare", "--user", sys.executable, "-m", "zpack.template", "build")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, "needs root" in done.stderr) == (1, True)
