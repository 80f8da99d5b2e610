"""What watches the platform, and what of it may be watched (contract §2.11, §11, §13)."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.field import BASE_URL, FROZEN, at_least, env, words

TOKEN_MIN = 16
ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:/]+):(?P<port>[0-9]{1,5})")


class MonitoringSettings(BaseSettings):
    """Metrics, discovery, charts, traces."""

    model_config = FROZEN

    prom_sd_token: SecretStr | None = env("PROM_SD_TOKEN", default=None)
    """Bearer of Prometheus' discovery; without one nobody gets the list."""
    metrics_token: SecretStr | None = env("ZPACK_METRICS_TOKEN", default=None)
    """Bearer of ``/metrics``, else ``PROM_SD_TOKEN``; without both only callers on this host may."""
    worker_metrics: str | None = env("ZPACK_WORKER_METRICS", default=None)
    """``host:port`` where a worker process serves its own ``/metrics``; off without."""
    sd_exclude: str = env("ZPACK_SD_EXCLUDE_CIDRS", default="")
    """Networks, comma separated, whose addresses discovery never lists: infrastructure."""
    collector_port: int = env("ZPACK_COLLECTOR_PORT", default=12345)
    """Port of the collector (Grafana Alloy) in every container."""
    prometheus_url: str | None = env("PROMETHEUS_URL", default=None)
    """Base URL of the Prometheus that servers' charts are read from; without it Proxmox's own figures are."""
    prometheus_token: SecretStr | None = env("PROMETHEUS_TOKEN", default=None)
    """Bearer for it, if it wants one."""
    otlp_endpoint: str | None = env("OTEL_EXPORTER_OTLP_ENDPOINT", default=None)
    """Collector that traces are sent to by OTLP over HTTP; without it nothing is traced."""

    @field_validator("prom_sd_token", "metrics_token")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        return at_least(value, TOKEN_MIN) if value and value.get_secret_value() else None

    @field_validator("worker_metrics")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value and not ADDRESS.fullmatch(value):
            raise ValueError("must be host:port")
        return value or None

    @field_validator("prometheus_url", "otlp_endpoint")
    @classmethod
    def _is_base(cls, value: str | None) -> str | None:
        if value and not BASE_URL.fullmatch(value):
            raise ValueError("must begin with http:// or https:// and have neither a query nor credentials")
        return value.rstrip("/") if value else None

    @field_validator("sd_exclude")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for word in words(value):
            ip_network(word)
        return value

    @property
    def sd_excluded(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks discovery leaves out."""
        return tuple(ip_network(word) for word in words(self.sd_exclude))

    @property
    def worker_metrics_at(self) -> tuple[str, int] | None:
        """Host and port of a worker's own metrics."""
        found = ADDRESS.fullmatch(self.worker_metrics or "")
        return (found["host"].strip("[]"), int(found["port"])) if found else None
