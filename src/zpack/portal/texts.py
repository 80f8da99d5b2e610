"""The words of the portal: message catalogs (gettext), and figures and times as a language writes them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from babel.support import NullTranslations, Translations

LOCALES = Path(__file__).parent / "locale"
DEFAULT = "en"
NONE = "\N{EN DASH}"
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
STEP = 1024


class Texts:
    """One language: its catalog and its ways of writing."""

    def __init__(self, language: str, catalog: NullTranslations) -> None:
        self.language = language
        self.catalog = catalog
        self.locale = Locale.parse(language)

    def __call__(self, text: str, **values: Any) -> str:
        """Return a text in this language, with its values put in."""
        found = self.catalog.gettext(text)
        return found % values if values else found

    def plural(self, one: str, many: str, number: int, **values: Any) -> str:
        """Return the text for a number of things; ``%(num)s`` stands for it."""
        return self.catalog.ngettext(one, many, number) % {"num": self.number(number), **values}

    def number(self, value: float) -> str:
        """Write a number."""
        return format_decimal(value, locale=self.locale)

    def percent(self, share: float) -> str:
        """Write a share (0…1) in percent."""
        return format_percent(share, locale=self.locale)

    def money(self, cents: int, currency: str = "USD") -> str:
        """Write an amount of hundredths of a currency."""
        return format_currency(cents / 100, currency.upper(), locale=self.locale)

    def size(self, octets: float | None) -> str:
        """Write a number of bytes."""
        if octets is None:
            return NONE
        amount, unit = float(octets), 0
        while amount >= STEP and unit < len(UNITS) - 1:
            amount, unit = amount / STEP, unit + 1
        shape = "0" if unit == 0 or amount >= 100 else "0.#"  # noqa: PLR2004 - three digits are enough
        return f"{format_decimal(amount, shape, locale=self.locale)} {UNITS[unit]}"

    def when(self, moment: str | float | datetime | None) -> str:
        """Write a moment in full, in UTC; a dash for none."""
        found = read_moment(moment)
        return f"{format_datetime(found, 'medium', locale=self.locale)} UTC" if found else NONE

    def day(self, moment: str | float | datetime | None) -> str:
        """Write the day of a moment, in UTC; a dash for none."""
        found = read_moment(moment)
        return format_date(found, "medium", locale=self.locale) if found else NONE

    def ago(self, moment: str | float | datetime | None) -> str:
        """Write how long a moment is past, or still to come."""
        found = read_moment(moment)
        if found is None:
            return NONE
        return format_timedelta(found - datetime.now(UTC), add_direction=True, locale=self.locale)

    def span(self, seconds: float) -> str:
        """Write a length of time, roughly."""
        return format_timedelta(seconds, threshold=1.2, locale=self.locale)  # type: ignore[arg-type]


def read_moment(moment: str | float | datetime | None) -> datetime | None:
    """Return a moment of the API (ISO 8601, or seconds since 1970) as a time in UTC; None when it is none."""
    if moment is None or isinstance(moment, datetime):
        return moment
    try:
        if isinstance(moment, int | float):
            return datetime.fromtimestamp(moment, UTC)
        found = datetime.fromisoformat(moment)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


@cache
def languages() -> tuple[str, ...]:
    """Return the languages there are catalogs of."""
    return tuple(sorted(path.parent.parent.name for path in LOCALES.glob("*/LC_MESSAGES/zpack.po")))


@cache
def texts_in(language: str) -> Texts:
    """Return a language's texts."""
    path = LOCALES / language / "LC_MESSAGES" / "zpack.po"
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Texts(language, Translations(compiled))  # type: ignore[arg-type]


def texts_for(accepted: str) -> Texts:
    """Return the texts for an Accept-Language header (RFC 9110 §12.5.4)."""
    wishes = [part.partition(";")[0].strip().replace("-", "_") for part in accepted.split(",")]
    known = languages()
    found = negotiate_locale([wish for wish in wishes if wish], list(known)) if known else None
    return texts_in(found or DEFAULT)
