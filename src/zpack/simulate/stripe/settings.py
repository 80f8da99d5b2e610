"""What an operator may choose of the simulated account."""

from __future__ import annotations

from dataclasses import dataclass

API_VERSION = "2026-10-28.endive"


@dataclass
class Settings:
    """Choices that are dashboard settings at Stripe, and the pace of deliveries."""

    api_version: str = API_VERSION
    key: str | None = None
    retry_days: tuple[float, ...] = (3, 5, 7)
    exhausted: str = "cancel"
    delivery_seconds: tuple[float, ...] = (1, 5, 30, 300)
    delivery_timeout: float = 10.0
    base_url: str = ""

    def check(self) -> None:
        """Refuse what makes no sense. Raises ValueError."""
        if self.exhausted not in {"cancel", "unpaid", "past_due"}:
            msg = "exhausted must be cancel, unpaid or past_due"
            raise ValueError(msg)
        if any(days <= 0 for days in (*self.retry_days, *self.delivery_seconds)):
            msg = "days and seconds between attempts must be positive"
            raise ValueError(msg)
