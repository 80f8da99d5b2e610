"""Why a dev container could not be provisioned, with a code that stays the same."""

from __future__ import annotations

from zpack.agent.problems import WorkloadError

INSTALL_FAILED = "install_failed"


class ProvisioningError(WorkloadError):
    """Provisioning failed for this reason; ``code`` is one of those that ``DevStatus`` lists."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: Exception) -> str:
    """Return the code of whatever ended a provisioning."""
    return error.code if isinstance(error, ProvisioningError) else INSTALL_FAILED
