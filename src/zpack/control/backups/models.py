"""What a request about backups may say."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from zpack.control.accounts.models import Body

BACKUP_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""What may become a segment of the agent's path; which ids there are is the agent's to say."""


class CreateBody(Body):
    """``{label?}``."""

    label: Annotated[str, StringConstraints(max_length=100)] | None = None
