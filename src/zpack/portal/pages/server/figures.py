"""What a server used over time, as charts and, for who cannot see them, as a table: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.portal.texts import Texts

RANGES = ("1h", "24h", "7d")
Unit = Literal["ratio", "bytes", "bytes/s", "players"]
Values = list[float | None]


@dataclass(frozen=True)
class Line:
    """One line of a chart, and its figures in words."""

    name: str
    now: str
    least: str
    average: str
    peak: str


@dataclass(frozen=True)
class Chart:
    """One chart; ``data`` is what the island draws, as JSON."""

    title: str
    unit: Unit
    lines: tuple[Line, ...]
    data: str


def charts_of(texts: Texts, metrics: dict[str, Any]) -> list[Chart]:
    """Return the charts of an answer of ``/metrics``; what is not counted or has no value has none."""
    wanted: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
        ("players", texts("Players"), (("most", texts("Online")),)),
        ("cpu", texts("Processor"), (("used", texts("Used")),)),
        ("memory", texts("Memory"), (("used", texts("Used")),)),
        ("network", texts("Network"), (("received", texts("Received")), ("sent", texts("Sent")))),
        ("disk", texts("Disk"), (("used", texts("Used")),)),
    )
    charts = [
        _chart(texts, metrics, name, title, lines)
        for name, title, lines in wanted
        if metrics[name] is not None
    ]
    return [chart for chart in charts if chart.lines]


def _chart(
    texts: Texts, metrics: dict[str, Any], name: str, title: str, lines: Sequence[tuple[str, str]]
) -> Chart:
    found, unit = metrics[name], metrics[name]["unit"]
    drawn = [(text, found[key]) for key, text in lines if any(v is not None for v in found[key])]
    most = max((v for v in found.get("total") or () if v is not None), default=None)
    series = [[_short(value, unit) for value in values] for _, values in drawn]
    data = {"times": metrics["times"], "unit": unit, "names": [t for t, _ in drawn], "series": series}
    told = tuple(_line(texts, text, values, unit, found) for text, values in drawn)
    return Chart(title, unit, told, orjson.dumps(data | {"most": most}).decode())


def _line(texts: Texts, name: str, values: Values, unit: Unit, found: dict[str, Any]) -> Line:
    """Return a line in words; of players the answer tells also how few there were within a step."""
    known, lows, means = (_known(found.get(key, values)) for key in ("most", "least", "average"))
    figures = (known[-1], min(lows), sum(means) / len(means), max(known))
    return Line(name, *(_written(texts, value, unit) for value in figures))


def _known(values: Values) -> list[float]:
    return [value for value in values if value is not None]


def _written(texts: Texts, value: float, unit: Unit) -> str:
    if unit == "ratio":
        return texts.percent(value)
    if unit == "players":
        return texts.number(round(value, 1))
    size = texts.size(value)
    return texts("%(size)s/s", size=size) if unit == "bytes/s" else size


def _short(value: float | None, unit: Unit) -> float | None:
    """Return a value no finer than a chart shows it."""
    return None if value is None else round(value, 4) if unit == "ratio" else round(value)
