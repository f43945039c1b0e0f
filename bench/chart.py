"""The chart of the report: a panel for each task, a line for each program, on a logarithmic scale.

It is drawn by Vega-Lite from the same figures that stand in the tables; the same figures give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.plan import Figure

_OURS, _THEIRS, _INK = "#b3261e", "#7b93ab", "#1f2933"
_LABEL: Final = (
    "datum.value < 1 ? format(datum.value * 1000, ',~r') + ' ms' : format(datum.value, ',~r') + ' s'"
)
_NAMES: Final = {"labelPadding": 8, "labelLimit": 240, "ticks": False, "domain": False, "labelFontSize": 11}
_WIDTH: Final = 380
_STEP: Final = 20
_COLUMNS: Final = 2
_LETTERS: Final = 62
"""How many letters of a title fit on a line."""


def chart(figures: Sequence[Figure]) -> str:
    """Return the chart of all figures with a panel as SVG."""
    import vl_convert

    panels = dict.fromkeys(figure.panel for figure in figures if figure.panel)
    drawn = [_panel(panel, _bars([one for one in figures if one.panel == panel])) for panel in panels]
    return str(vl_convert.vegalite_to_svg(_whole(drawn)))


def _whole(panels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {
            "text": "What Parley costs, against its peers",
            "subtitle": "Logarithmic; further left is better. Red diamond: Parley. ≠: the peer came to another result.",
            "anchor": "start",
            "fontSize": 16,
            "offset": 16,
        },
        "concat": list(panels),
        "columns": _COLUMNS,
        "spacing": 36,
        "padding": 16,
        "background": "white",
        "config": {"view": {"stroke": None}, "font": "sans-serif", "text": {"color": _INK}},
    }


def _bars(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return a bar for each program, the quickest first, those without a time last."""
    ours = [figure.seconds[0] for figure in figures if figure.seconds]
    bars = [{"who": "Parley", "seconds": ours[0], "text": _seconds(ours[0])}] if ours else []
    for figure in figures:
        if figure.seconds:
            text = _seconds(figure.seconds[1]) + (" ≠" if figure.differs else "")
            bars.append({"who": figure.peer, "seconds": figure.seconds[1], "text": text})
        else:
            bars.append({"who": figure.peer, "seconds": None, "text": "failed"})
    return sorted(bars, key=lambda bar: (bar["seconds"] is None, bar["seconds"] or 0))


def _panel(title: str, bars: list[dict[str, Any]]) -> dict[str, Any]:
    times = [bar["seconds"] for bar in bars if bar["seconds"]]
    low, high = min(times, default=1), max(times, default=1)
    # the scale goes on to powers of ten, and leaves room for the longest time in words
    first, last = math.floor(math.log10(low / 1.2)), math.ceil(math.log10(high * (high / low) ** 0.2) + 0.1)
    low, high = 10.0**first, 10.0**last
    values = [{**bar, "seconds": bar["seconds"] or low, "low": low, "order": n} for n, bar in enumerate(bars)]
    scale = {"type": "log", "domain": [low, high]}
    axis = {
        "title": None,
        "labelExpr": _LABEL,
        "values": _powers(first, last),
        "gridColor": "#e4e7eb",
        "domain": False,
    }
    drawn = {"condition": {"test": "datum.text === 'failed'", "value": 0}, "value": 1}
    ours = {"condition": {"test": "datum.who === 'Parley'", "value": _OURS}, "value": _THEIRS}
    shape = {"condition": {"test": "datum.who === 'Parley'", "value": "diamond"}, "value": "circle"}
    return {
        "title": {"text": _wrapped(title), "anchor": "start", "fontSize": 12, "offset": 8},
        "width": _WIDTH,
        "height": {"step": _STEP},
        "data": {"values": values},
        "encoding": {
            "y": {
                "field": "who",
                "type": "nominal",
                "sort": {"field": "order"},
                "title": None,
                "axis": _NAMES,
            },
            "x": {"field": "seconds", "type": "quantitative", "scale": scale, "axis": axis},
            "color": ours,
        },
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {"x2": {"field": "low"}, "opacity": drawn},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90},
                "encoding": {"shape": shape, "opacity": drawn},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 11},
                "encoding": {"text": {"field": "text"}, "color": {"value": _INK}},
            },
        ],
    }


def _powers(first: int, last: int) -> list[float]:
    return [10.0**power for power in range(first, last + 1)]


def _seconds(seconds: float) -> str:
    if seconds < 0.9995:
        return f"{seconds * 1000:,.3g} ms"
    return f"{seconds:.3g} s" if seconds < 99.95 else f"{seconds:,.0f} s"


def _wrapped(title: str) -> list[str]:
    lines = [""]
    for word in title.split():
        if len(lines[-1]) + len(word) > _LETTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
