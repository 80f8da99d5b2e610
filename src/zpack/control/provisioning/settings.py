"""What provisioning may be told: one frozen group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from zpack.control.instances.models import ContainerType
    from zpack.control.routing.models import PortRange


@dataclass(frozen=True)
class ProvisioningSettings:
    """Where containers come from and how long a create may take."""

    template_vmid: int
    """``AGENT_TEMPLATE_VMID``: the template that is cloned."""
    storage: str | None
    """``PROXMOX_STORAGE``."""
    pool: str | None
    """``PROXMOX_POOL``."""
    bridges: Mapping[ContainerType, str]
    """Network bridge of each type of container (contract §1.3)."""
    clone_width: int
    """Clones at once per node and storage."""
    budget: timedelta
    """From the request to ready; after it the operation fails and is undone."""
    delete_budget: timedelta
    """How long a delete is tried before it is reported as failed."""
    require_verified_email: bool = False
    """Whether only accounts with a confirmed e-mail address may create; admins always may."""
    public_ports: Sequence[PortRange] = ()
    """Where games that are not Minecraft are reached."""
