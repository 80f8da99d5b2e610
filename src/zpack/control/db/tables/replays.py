"""Owned by the room ``replays``."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now


class AnsweredKey(Base):
    """A caller's promise that two requests are one, and what came of the first; kept for 24 h.

    ``owner`` is an account, or empty where nobody was logged in: then the key alone is the secret.
    """

    __tablename__ = "answered_keys"

    owner: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    result: Mapped[str]
    created_at: Mapped[Now]
