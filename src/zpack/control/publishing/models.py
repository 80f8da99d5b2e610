"""The proxy's callback, in any of its spellings, and the patch it becomes: pure (contract §6.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

STATUSES = frozenset({"registered_with_proxy", "proxy_ping_ok", "proxy_ping_failed"})
TEXT_LIMIT = 300
NUMBER_LIMIT = 1e9
MOMENT = {
    "registered_with_proxy": "registeredAt",
    "proxy_ping_ok": "pingOkAt",
    "proxy_ping_failed": "pingFailedAt",
}


@dataclass(frozen=True)
class ProxyReport:
    """One callback of the proxy, checked."""

    server_name: str
    status: str
    address: str | None
    port: int | None
    duplicate: bool
    latency_ms: float | None
    detail: str | None


def parse_report(body: dict[str, Any]) -> ProxyReport | str:
    """Return the report, or what is wrong with it. Both snake_case and camelCase are understood."""
    name = _text(_any(body, "server_name", "serverName", "server", "name"))
    status = _text(_any(body, "status"))
    if not name:
        return "server_name is missing"
    if status not in STATUSES:
        return f"status must be one of {', '.join(sorted(STATUSES))}"
    return ProxyReport(
        server_name=name.lower(),
        status=status,
        address=_text(_any(body, "address")),
        port=_number(_any(body, "port"), int),
        duplicate=_any(body, "duplicate") is True,
        latency_ms=_number(_any(body, "latency_ms", "latencyMs", "latency"), float),
        detail=_text(_any(body, "detail", "message")),
    )


def proxy_patch(
    report: ProxyReport, now: str, *, here: str | None = None, before: str | None = None
) -> dict[str, Any]:
    """Return what is merged into ``payload.proxy`` (contract §3.5). ``now`` is ours: clocks differ.

    ``here`` is the server's own address and ``before`` the one the section speaks of so far. What is said of
    another address than ``here`` is noted beside the verdict and changes nothing of it; what was said of
    ``before`` does not hold for a new address.
    """
    if here and report.address not in {None, here}:
        said = {"address": report.address, "port": report.port, "status": report.status, "at": now}
        return {"elsewhere": said}
    moved = bool(before and report.address and before != report.address)
    patch: dict[str, Any] = dict.fromkeys(MOMENT.values()) if moved else {}
    patch |= {
        "source": "velocity",
        "status": report.status,
        "serverName": report.server_name,
        "address": report.address,
        "port": report.port,
        "duplicate": report.duplicate,
        "latencyMs": report.latency_ms,
        "detail": report.detail,
        "lastEventAt": now,
        MOMENT[report.status]: now,
    }
    return patch


def _any(body: dict[str, Any], *keys: str) -> Any:
    for key in keys:
        if body.get(key) is not None:
            return body[key]
    return None


def _text(value: Any) -> str | None:
    """Return storable text, cut."""
    if not isinstance(value, str) or "\x00" in value:
        return None
    return value.encode("utf-8", "replace").decode()[:TEXT_LIMIT]


def _number(value: Any, kind: type[int | float]) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or abs(value) > NUMBER_LIMIT:
        return None
    return kind(value)
