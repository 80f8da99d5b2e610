"""This room's tests use the world of provisioning."""

from tests.control.provisioning.conftest import api, extra, hint, others, world

__all__ = ["api", "extra", "hint", "others", "world"]
