"""A login that lasts longer than an access token, and is shared by processes that keep it in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class Pair:
    """An access token and the refresh token that its successor is got with."""

    token: str
    refresh_token: str | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Pair:
        """Return what the API answered; an older one gives no refresh token."""
        refresh = answer.get("refreshToken")
        return cls(str(answer["token"]), str(refresh) if refresh else None)


class KeptLogin(Protocol):
    """Where a login is kept."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes from renewing it: a refresh token is good once."""
        ...

    def read(self) -> Pair | None:
        """Return what is kept now."""
        ...

    def write(self, pair: Pair) -> None:
        """Keep another pair."""
        ...
