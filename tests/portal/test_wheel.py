"""What is installed has the pages and what they are built to, and none of what they are built from."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_has_the_portal_as_it_is_served(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name.removeprefix("zpack/portal/") for name in archive.namelist()}
    assert {"static/manifest.json", "templates/shell.html", "pages/login/login.html"} <= names
    assert "locale/en/LC_MESSAGES/zpack.po" in names
    assert not [name for name in names if name.startswith("assets/")]
