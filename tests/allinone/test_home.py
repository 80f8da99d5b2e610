"""The home: its lock, its secrets, its ports."""

from __future__ import annotations

import socket
import stat
from typing import TYPE_CHECKING

import pytest

from zpack.allinone.home import Home, HomeBusy
from zpack.allinone.options import Options, PortTaken

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_start_on_one_home_is_refused(tmp_path: Path) -> None:
    with Home(tmp_path), pytest.raises(HomeBusy, match="another --home"), Home(tmp_path):
        pass


def test_the_lock_is_given_back(tmp_path: Path) -> None:
    with Home(tmp_path):
        pass
    with Home(tmp_path) as again:
        assert again.path == tmp_path


def test_secrets_are_made_once_for_the_owner_only(tmp_path: Path) -> None:
    first = Home(tmp_path).secrets()
    assert Home(tmp_path).secrets() == first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_the_first_password_is_forgotten_once_shown(tmp_path: Path) -> None:
    home = Home(tmp_path)
    admin = home.first_admin()
    assert admin is not None
    assert home.first_admin() == admin, "a start that failed must not change it"
    home.shown_admin()
    assert home.first_admin() is None
    assert admin["password"] not in "".join(p.read_text() for p in tmp_path.iterdir())


def test_a_taken_port_names_its_option(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        taken = holder.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {taken} .*--edge-port"):
            Options(home=tmp_path, port=0, edge_port=taken).settled()


def test_free_ports_differ(tmp_path: Path) -> None:
    options = Options(home=tmp_path, port=0, edge_port=0, edge_registry_port=0, localpve_port=0).settled()
    chosen = {options.port, options.edge_port, options.edge_registry_port, options.localpve_port}
    assert len(chosen | {options.artifacts_port}) == 5
