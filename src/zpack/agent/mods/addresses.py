"""Which addresses are the public Internet. Pure.

What is asked is the address that is connected to, not what a name or a text looks like: the filters that
looked at text (MCSManager 155acc92) or resolved twice (CVE-2024-34068 in Wings) were walked around.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is given out as global unicast (RFC 4291 §2.4); outside of it is no Internet."""
NOT_ROUTED = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "3ffe::/16")
)  # Teredo and other protocols' own, documentation, 6to4, documentation, the ended 6bone


def is_public(address: str) -> bool:
    """Say whether an address is somewhere on the Internet; a text that is no address is not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        return _is_public_v6(found)
    return _is_public_v4(found)


def is_loopback(address: str) -> bool:
    """Say whether an address is this machine."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_public_v6(address: IPv6Address) -> bool:
    # Mapped, translated and tunnelled addresses lead to an IPv4 address that nobody has looked at.
    if address not in UNICAST or address.scope_id is not None:
        return False
    return address.is_global and not any(address in network for network in NOT_ROUTED)
