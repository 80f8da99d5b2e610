"""What the operator may say of the Proxmox cluster, and what is refused at the start."""

from __future__ import annotations

from typing import Any

import pytest

from zpack.control.outside.proxmox_access import Ticket, Token
from zpack.control.settings import Settings, SettingsError, read_settings
from zpack.control.wiring.proxmox import build_access, build_trust

TOKEN = {"PROXMOX_API_TOKEN": "root@pam!zpack=secret"}
PARTS = {"PROXMOX_API_TOKEN_ID": "zpack", "PROXMOX_API_TOKEN_SECRET": "secret"}
PASSWORD = {"PROXMOX_USER": "zpack@pve", "PROXMOX_PASSWORD": "secret"}
REQUIRED = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/x",
    "API_AUTH_SECRET": "a" * 32,
    "ZPACK_AGENT_SECRET": "b" * 32,
    "ZPACK_SECRET": "c" * 32,
    "VELOCITY_URL": "http://127.0.0.1:9",
    "ARTIFACT_BASE_URL": "http://127.0.0.1:9",
    "PROXMOX_HOST": "https://pve1:8006, https://pve2:8006",
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what reads the settings of an environment that has nothing else."""

    def read(*words: dict[str, str]) -> Settings:
        for name, value in (REQUIRED | {k: v for each in words for k, v in each.items()}).items():
            monkeypatch.setenv(name, value)
        return read_settings()

    return read


async def opened(settings: Settings) -> Any:
    return await build_access(settings).headers("GET", None)  # type: ignore[arg-type]


async def test_the_token_whole_or_in_parts_is_the_same(said: Any) -> None:
    in_parts = await opened(said(PARTS))
    assert in_parts == {"Authorization": "PVEAPIToken=root@pam!zpack=secret"}
    assert await opened(said(TOKEN)) == in_parts


def test_a_token_goes_before_a_login(said: Any) -> None:
    assert isinstance(build_access(said(PASSWORD)), Ticket)
    assert isinstance(build_access(said(PASSWORD, PARTS)), Token)


@pytest.mark.parametrize(
    ("words", "placed", "nodes"),
    [
        ({"PROXMOX_NODE": "pve1"}, False, ""),
        ({"PROXMOX_NODE": "pve1", "PROXMOX_NODES": "pve1, pve2"}, True, "pve1, pve2"),
        ({}, True, ""),
    ],
)
def test_a_node_alone_takes_all_else_they_are_placed(
    said: Any, words: dict[str, str], placed: bool, nodes: str
) -> None:
    settings = said(TOKEN, words)
    assert (settings.places_containers, settings.proxmox_nodes) == (placed, nodes)


def test_templates_of_single_nodes(said: Any) -> None:
    assert said(TOKEN, {"PROXMOX_TEMPLATES": "pve1=820, pve2 = 821"}).node_templates == {
        "pve1": 820,
        "pve2": 821,
    }


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"PROXMOX_API_TOKEN_ID": "zpack"},
        {"PROXMOX_USER": "root@pam"},
        TOKEN | {"PROXMOX_HOST": "pve1:8006"},
        TOKEN | {"PROXMOX_HOST": " , "},
        TOKEN | {"PROXMOX_FINGERPRINT": "AA:BB"},
        TOKEN | {"PROXMOX_FINGERPRINT": "AA" * 32, "PROXMOX_CA_FILE": "/tmp/x.pem"},
        TOKEN | {"PROXMOX_CA_FILE": "/nonexistent/pve-root-ca.pem"},
        TOKEN | {"PROXMOX_TEMPLATES": "pve1"},
        TOKEN | {"ZPACK_DISK_GIB": "20"},
        TOKEN | {"ZPACK_DISK_GIB": "0", "PVE_ALLOW_RESIZE": "1"},
    ],
)
def test_what_cannot_work_stops_the_start(said: Any, words: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as failed:
        said(words)
    assert "secret" not in str(failed.value)


def test_a_disk_may_be_larger_where_resizing_is_allowed(said: Any) -> None:
    assert said(TOKEN, {"ZPACK_DISK_GIB": "20", "PVE_ALLOW_RESIZE": "1"}).disk_gib == 20


def test_fingerprints_are_read_with_and_without_colons(said: Any) -> None:
    assert build_trust(said(TOKEN, {"PROXMOX_FINGERPRINT": "AA:" * 31 + "AA, " + "bb" * 32})) is not None


def test_without_checks_nobody_is_pinned(said: Any) -> None:
    pin = {"PROXMOX_FINGERPRINT": "AA" * 32}
    assert build_trust(said(TOKEN, pin)) is not None
    assert build_trust(said(TOKEN, pin, {"PROXMOX_VERIFY_TLS": "false"})) is None
