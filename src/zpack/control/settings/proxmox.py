"""The Proxmox cluster and what is cloned on it (contract §8, §13)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from pydantic import SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.field import BASE_URL, FROZEN, env, words

SHA256 = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}|[0-9A-F]{64}", re.IGNORECASE)


class ProxmoxSettings(BaseSettings):
    """Where containers live."""

    model_config = FROZEN

    proxmox_host: str = env("PROXMOX_HOST")
    """Base URL of the Proxmox API, such as ``https://pve:8006``; several of one cluster, comma separated."""
    proxmox_node: str = env("PROXMOX_NODE", default="")
    """Node that new containers are cloned on; without it each is placed on the node with the most room."""
    proxmox_nodes: str = env("PROXMOX_NODES", default="")
    """Nodes, comma separated, that containers are placed on; it goes before ``PROXMOX_NODE``."""
    proxmox_templates: str = env("PROXMOX_TEMPLATES", default="")
    """Templates of single nodes, ``node=VMID``, comma separated: for clusters without shared storage."""
    proxmox_token: SecretStr | None = env("PROXMOX_API_TOKEN", "PVE_API_TOKEN", "PVEAPITOKEN", default=None)
    """``USER@REALM!TOKENID=SECRET``."""
    proxmox_user: str = env("PROXMOX_USER", default="root@pam")
    """Owner of the token whose parts follow, or who logs in with the password."""
    proxmox_token_id: str = env("PROXMOX_API_TOKEN_ID", default="")
    """Id of the token."""
    proxmox_token_secret: SecretStr | None = env("PROXMOX_API_TOKEN_SECRET", default=None)
    """Secret of the token."""
    proxmox_password: SecretStr | None = env("PROXMOX_PASSWORD", default=None)
    """Password to log in with; only where there can be no token."""
    proxmox_verify_tls: bool = env("PROXMOX_VERIFY_TLS", default=True)
    """Whether Proxmox's certificate is checked."""
    proxmox_ca_file: Path | None = env("PROXMOX_CA_FILE", default=None)
    """Authority that is trusted instead of the system's: the cluster's ``/etc/pve/pve-root-ca.pem``."""
    proxmox_fingerprint: str = env("PROXMOX_FINGERPRINT", default="")
    """SHA-256 fingerprints of the hosts' certificates, comma separated, trusted instead of any authority."""
    proxmox_shutdown_seconds: int = env("PVE_SHUTDOWN_TIMEOUT", default=60)
    """Seconds that a container has to shut down before it is stopped."""
    proxmox_stop_seconds: int = env("PVE_STOP_TIMEOUT", default=60)
    """Seconds that a stop may take."""
    proxmox_allow_resize: bool = env("PVE_ALLOW_RESIZE", default=False)
    """Whether volumes may be grown."""
    disk_gib: int | None = env("ZPACK_DISK_GIB", default=None)
    """GiB of a new container's root disk; needs ``PVE_ALLOW_RESIZE=1``. By default as the template's."""
    proxmox_allow_options: bool = env("PVE_ALLOW_OPTIONS", default=False)
    """Whether mount points may be added."""
    proxmox_storage: str | None = env("PROXMOX_STORAGE", "PROXMOX_DEFAULT_STORAGE", default="zlh-thin")
    """Storage of clones."""
    proxmox_pool: str | None = env("PROXMOX_POOL", default=None)
    """Resource pool of clones."""
    template_vmid: int = env(
        "AGENT_TEMPLATE_VMID", "BASE_TEMPLATE_VMID", "PROXMOX_AGENT_TEMPLATE_VMID", default=820
    )
    """Template that is cloned."""
    bridge: str = env("ZPACK_GAME_BRIDGE", default="vmbr3")
    """Network bridge of game containers."""
    dev_bridge: str = env("ZPACK_DEV_BRIDGE", default="vmbr2")
    """Network bridge of dev containers."""
    clone_width: int = env("ZPACK_CLONE_WIDTH", default=1)
    """Clones at once per node and storage."""

    @field_validator("proxmox_host")
    @classmethod
    def _some_hosts(cls, value: str) -> str:
        if not words(value) or not all(BASE_URL.fullmatch(url) for url in words(value)):
            raise ValueError("must be base URLs that begin with http:// or https://, comma separated")
        return value

    @field_validator("proxmox_ca_file")
    @classmethod
    def _authority(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("must be a file that we can read")
        return value

    @field_validator("proxmox_fingerprint")
    @classmethod
    def _fingerprints(cls, value: str) -> str:
        for text in words(value):
            if not SHA256.fullmatch(text):
                raise ValueError("must be SHA-256 fingerprints, AA:BB:…, comma separated")
        return value

    @field_validator("proxmox_templates")
    @classmethod
    def _templates(cls, value: str) -> str:
        for text in words(value):
            node, _, vmid = text.partition("=")
            if not (node.strip() and vmid.strip().isdecimal()):
                raise ValueError("must be node=VMID, comma separated")
        return value

    @model_validator(mode="after")
    def _let_in_somehow(self) -> Self:
        if not (self.proxmox_token or self.proxmox_password or self._has_parts):
            raise ValueError(
                "PROXMOX_API_TOKEN is missing; or set PROXMOX_API_TOKEN_ID with PROXMOX_API_TOKEN_SECRET, or "
                "PROXMOX_USER with PROXMOX_PASSWORD"
            )
        if self.disk_gib is not None and not (self.proxmox_allow_resize and self.disk_gib > 0):
            raise ValueError("ZPACK_DISK_GIB must be at least 1, and needs PVE_ALLOW_RESIZE=1")
        if self.proxmox_ca_file and words(self.proxmox_fingerprint):
            raise ValueError("PROXMOX_CA_FILE and PROXMOX_FINGERPRINT exclude each other")
        return self

    @property
    def _has_parts(self) -> bool:
        return bool(self.proxmox_token_id and self.proxmox_token_secret)

    @property
    def places_containers(self) -> bool:
        """Whether each new container gets the node with the most room."""
        return bool(words(self.proxmox_nodes)) or not self.proxmox_node

    @property
    def node_templates(self) -> dict[str, int]:
        """Templates of single nodes."""
        parts = (text.partition("=") for text in words(self.proxmox_templates))
        return {node.strip(): int(vmid) for node, _, vmid in parts}
