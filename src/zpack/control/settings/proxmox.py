"""The Proxmox cluster and what is cloned on it (contract §8, §13)."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from zpack.control.settings.field import FROZEN, env


class ProxmoxSettings(BaseSettings):
    """Where containers live."""

    model_config = FROZEN

    proxmox_host: str = env("PROXMOX_HOST")
    """Base URL of the Proxmox API, such as ``https://pve:8006``."""
    proxmox_node: str = env("PROXMOX_NODE")
    """Node that new containers are cloned on."""
    proxmox_token: SecretStr = env("PROXMOX_API_TOKEN", "PVE_API_TOKEN", "PVEAPITOKEN")
    """``USER@REALM!TOKENID=SECRET``."""
    proxmox_verify_tls: bool = env("PROXMOX_VERIFY_TLS", default=True)
    """Whether Proxmox's certificate is checked."""
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
