"""This room's tests use the world of provisioning."""

from tests.control.provisioning.conftest import extra, others, world

__all__ = ["extra", "others", "world"]
