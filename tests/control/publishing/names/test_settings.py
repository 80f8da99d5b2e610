"""What a configuration of DNS must say, and what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.control.publishing.names.sides import place
from zpack.control.settings import SettingsError, read_settings
from zpack.control.wiring.names import build_names

if TYPE_CHECKING:
    from zpack.control.publishing.links import Link

NEEDED = {
    "DATABASE_URL": "postgresql://x", "API_AUTH_SECRET": "a" * 32, "ZPACK_AGENT_SECRET": "b" * 32,
    "ZPACK_SECRET": "c" * 32, "PROXMOX_HOST": "http://127.0.0.1:9", "PROXMOX_NODE": "n",
    "PROXMOX_API_TOKEN": "root@pam!zpack=d", "VELOCITY_URL": "http://127.0.0.1:9",
    "ARTIFACT_BASE_URL": "http://127.0.0.1:9", "GAME_DOMAIN": "play.example.org", "DNS_ZONE": "example.org",
}  # fmt: skip
INSIDE = {"TECHNITIUM_API_URL": "http://127.0.0.1:9/api", "TECHNITIUM_API_TOKEN": "t"}
PUBLIC = {"CLOUDFLARE_ZONE_ID": "z", "CLOUDFLARE_API_TOKEN": "t", "EDGE_PUBLIC_IP": "203.0.113.5"}


def links(monkeypatch: pytest.MonkeyPatch, **words: str) -> dict[str, Link]:
    for name, value in (NEEDED | words).items():
        monkeypatch.setenv(name, value)
    return {link.name: link for link in build_names(read_settings())}


def test_nothing_configured_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert links(monkeypatch) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            {**INSIDE, "VELOCITY_EDGE_IP": "10.0.0.5", "TECHNITIUM_API_TOKEN": ""},
            "needs TECHNITIUM_API_TOKEN",
        ),
        (INSIDE, "TECHNITIUM_API_URL needs VELOCITY_EDGE_IP or TRAEFIK_EDGE_IP"),
        ({**PUBLIC, "EDGE_PUBLIC_IP": ""}, "CLOUDFLARE_ZONE_ID needs CLOUDFLARE_EDGE_IP"),
        ({**PUBLIC, "CF_ZONE_NAME": "example.net"}, "GAME_DOMAIN must be the zone example.net or lie in it"),
        ({**PUBLIC, "EDGE_PUBLIC_IP": "edge.example.org"}, "EDGE_IP.*octets"),
        (
            {"RFC2136_SERVER": "ns", "TRAEFIK_EDGE_IP": "10.0.0.5", "RFC2136_KEY_NAME": "k"},
            "RFC2136_KEY_SECRET",
        ),
    ],
)
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, words: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        links(monkeypatch, **words)


@pytest.mark.parametrize("own", ["VELOCITY_EDGE_IP", "TRAEFIK_EDGE_IP"])
def test_one_edge_address_is_both(monkeypatch: pytest.MonkeyPatch, own: str) -> None:
    link = links(monkeypatch, **INSIDE, **{own: "10.0.0.5"})["technitium"]
    assert all("A 10.0.0.5" in link.wanted(place(5000, game)) for game in ("minecraft", "valheim"))


def test_each_game_leads_to_its_own_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    found = links(
        monkeypatch, **INSIDE, **PUBLIC, VELOCITY_EDGE_IP="10.0.0.5", TRAEFIK_EDGE_IP="10.0.0.6",
        TRAEFIK_EDGE_IPV6="2001:DB8:0::6", CLOUDFLARE_ZONE_NAME="example.org",
    )  # fmt: skip
    assert "A 10.0.0.5" in found["technitium"].wanted(place(5000))
    assert "AAAA" not in found["technitium"].wanted(place(5000))
    assert "A 10.0.0.6; AAAA 2001:db8::6" in found["technitium"].wanted(place(5000, "valheim"))
    assert "A 203.0.113.5" in found["cloudflare"].wanted(place(5000, "valheim"))


@pytest.mark.parametrize("port", ["0", "65536", "mc"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    with pytest.raises(SettingsError, match="EDGE_PUBLIC_PORT"):
        links(monkeypatch, EDGE_PUBLIC_PORT=port)
