"""What a console request may say."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from zpack.control.accounts.models import Body


class CommandBody(Body):
    """``{command}``: one printable line (contract §4.4)."""

    command: Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]
