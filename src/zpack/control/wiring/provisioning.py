"""Constructs the create: workers run it, the repair undoes what nobody runs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.provisioning.lanes import Lanes
from zpack.control.provisioning.placing import Placing
from zpack.control.provisioning.steps import CreateSteps
from zpack.control.provisioning.workflow import create_workflow
from zpack.control.wiring.clients import build_stores
from zpack.control.wiring.proxmox import build_volumes

if TYPE_CHECKING:
    from zpack.control.engine.steps import Workflow
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.provisioning.settings import ProvisioningSettings
    from zpack.control.publishing.actions import Publishing
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients


def build_create(
    settings: Settings,
    clients: Clients,
    group: ProvisioningSettings,
    *,
    entitlements: Entitlements,
    publishing: Publishing,
) -> Workflow:
    """Construct the create as a workflow."""
    stores = build_stores(clients)
    steps = CreateSteps(
        database=clients.database,
        proxmox=clients.proxmox,
        agents=clients.agents,
        entitlements=entitlements,
        publishing=publishing,
        words=stores.words,
        hosts=stores.hosts,
        lanes=Lanes(database=clients.database, width=group.clone_width),
        volumes=build_volumes(settings, clients.proxmox),
        placing=Placing(database=clients.database, proxmox=clients.proxmox, settings=group),
        settings=group,
    )
    return create_workflow(steps, group)
