"""The dashboard shows the servers of the list's tests."""

from tests.portal.servers.conftest import give

__all__ = ["give"]
