"""What ``zpack traefik`` prints: Traefik's static part."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from zpack.control.__main__ import main
from zpack.control.settings import Settings
from zpack.control.wiring.traefik import traefik_static

if TYPE_CHECKING:
    from pathlib import Path

NEEDED: dict[str, Any] = {
    "database_url": "postgresql://x",
    "auth_secret": "x" * 32,
    "agent_secret": "x" * 32,
    "edge_secret": "x" * 16,
    "proxmox_host": "http://x",
    "proxmox_node": "local",
    "proxmox_token": "root@pam!a=b",
    "velocity_url": "http://x",
    "artifact_base_url": "http://x",
    "traefik_provider_token": "a provider token",
}


def static(**changed: Any) -> dict[str, Any]:
    return traefik_static(Settings(**(NEEDED | changed)), host="10.0.0.9")


def test_every_public_port_is_an_entry_point() -> None:
    points = static(port_ranges="7777/tcp,30000-30001/udp")["entryPoints"]
    assert {name: point["address"] for name, point in points.items()} == {
        "tcp-7777": "10.0.0.9:7777",
        "udp-30000": "10.0.0.9:30000/udp",
        "udp-30001": "10.0.0.9:30001/udp",
    }


def test_the_provider_that_is_configured_is_named(tmp_path: Path) -> None:
    http = static(traefik_service_urls="http://10.0.0.1:4000/,http://10.0.0.2:4000")["providers"]["http"]
    assert http["endpoint"] == "http://10.0.0.1:4000/internal/traefik/config"
    assert http["headers"] == {"Authorization": "Bearer a provider token"}
    file = static(traefik_provider_token=None, traefik_dynamic_dir=tmp_path)["providers"]
    assert file == {"file": {"directory": str(tmp_path), "watch": True}}


@pytest.mark.parametrize(("scheme", "address"), [("https", "10.0.0.9:443"), ("http", "10.0.0.9:80")])
def test_ide_hosts_have_an_entry_point_where_uploads_may_last(scheme: str, address: str) -> None:
    point = static(ide_suffix="ide.example.com", ide_scheme=scheme)["entryPoints"]["websecure"]
    assert point["address"] == address
    assert point["transport"]["respondingTimeouts"]["readTimeout"] == "0s"


@pytest.mark.parametrize(
    ("url", "opened"), [("http://127.0.0.1:8099", True), ("http://traefik:8099", False), (None, False)]
)
def test_the_api_is_opened_on_this_machine_alone(url: str | None, opened: bool) -> None:
    config = static(traefik_api_url=url)
    assert ("traefik" in config["entryPoints"], "insecure" in config["api"]) == (opened, opened)


@pytest.mark.parametrize(
    "wrong",
    [
        {"port_ranges": "all"},
        {"traefik_provider_token": "short"},
        {"traefik_dynamic_dir": "/etc/traefik/dynamic"},
        {"traefik_api_url": "traefik:8080"},
        {"traefik_service_urls": "http://user:secret@x"},
    ],
)
def test_settings_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        static(**wrong)


def test_the_command_prints_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It needs nothing of the platform: it may be printed beside ``zpack up``, or where Traefik runs."""
    monkeypatch.setenv("TRAEFIK_PROVIDER_TOKEN", "a provider token")
    monkeypatch.setenv("ZPACK_PORT_RANGES", "7777/tcp")
    assert main(["traefik"]) == 0
    assert json.loads(capsys.readouterr().out)["entryPoints"] == {"tcp-7777": {"address": ":7777"}}
