"""This room's tests use the world of provisioning."""

from tests.control.provisioning.conftest import database, world, world_url

__all__ = ["database", "world", "world_url"]
