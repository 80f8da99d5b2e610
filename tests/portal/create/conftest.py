"""The create pages need a catalog, and a worker for what comes after."""

from tests.control.provisioning.conftest import hint, others, worker, world
from tests.portal.create.world import api, extra

__all__ = ["api", "extra", "hint", "others", "worker", "world"]
