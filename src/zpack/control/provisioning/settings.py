"""What provisioning may be told: one frozen group."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    disk_gib: int | None = None
    """``ZPACK_DISK_GIB``: root disk of a new container; by default as the template's."""
    placed: bool = False
    """Whether each container is placed on the node with the most room; else all go to ``PROXMOX_NODE``."""
    nodes: tuple[str, ...] = ()
    """``PROXMOX_NODES``: the nodes that may be chosen; without any, all that are up."""
    templates: Mapping[str, int] = field(default_factory=dict[str, int])
    """``PROXMOX_TEMPLATES``: nodes that have a template of their own."""
    require_verified_email: bool = False
    """Whether only accounts with a confirmed e-mail address may create; admins always may."""
    public_ports: Sequence[PortRange] = ()
    """Where games that are not Minecraft are reached."""
