"""Create and delete, declared: these step names are the phases people see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.steps import Step, Workflow

if TYPE_CHECKING:
    from zpack.control.provisioning.removal import DeleteSteps
    from zpack.control.provisioning.settings import ProvisioningSettings
    from zpack.control.provisioning.steps import CreateSteps

CREATE = "instance-create"
DELETE = "instance-delete"


def create_workflow(steps: CreateSteps, settings: ProvisioningSettings) -> Workflow:
    """Return the create (contract §5.2)."""
    return Workflow(
        kind=CREATE,
        budget=settings.budget,
        steps=(
            Step("allocate-vmid", steps.allocate_vmid, steps.release_vmid),
            Step("clone-container", steps.clone_container, steps.destroy_container),
            Step("configure-container", steps.configure_container),
            Step("start-container", steps.start_container, steps.stop_container),
            Step("wait-for-ip", steps.wait_for_ip),
            Step("build-agent-payload", steps.build_agent_payload),
            Step("send-agent-config", steps.send_agent_config),
            Step("await-ready", steps.await_ready),
            Step("persist-instance", steps.persist_instance, steps.remove_instance),
            Step("publish-edge", steps.publish_edge, steps.unpublish_edge),
        ),
    )


def delete_workflow(steps: DeleteSteps, settings: ProvisioningSettings) -> Workflow:
    """Return the delete (contract §2.6)."""
    return Workflow(
        kind=DELETE,
        budget=settings.delete_budget,
        forward_only=True,
        steps=(
            Step("archive-instance", steps.archive_instance),
            Step("unpublish-edge", steps.unpublish_edge),
            Step("delete-container", steps.delete_container),
            Step("remove-instance", steps.remove_instance),
        ),
    )
