"""The chart of the report: a panel for each task, a bar for each program, on a logarithmic scale.

It is drawn by Vega-Lite from the same figures that stand in the tables; the same figures give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.plan import Figure

_OURS, _THEIRS, _INK = "#b3261e", "#9fb3c8", "#1f2933"
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
            "subtitle": "Seconds, logarithmic; shorter is better. Red: Parley. ≠: the peer came to another result.",
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
    # a bar needs somewhere to begin: the power of ten below the shortest, which keeps even that one visible
    low = 10 ** math.floor(math.log10(min(times, default=1) / 1.5))
    high = max(times, default=1) * (max(times, default=1) / low) ** 0.3
    values = [{**bar, "seconds": bar["seconds"] or low, "low": low, "order": n} for n, bar in enumerate(bars)]
    where = {"field": "seconds", "type": "quantitative", "scale": {"type": "log", "domain": [low, high]}}
    who = {"field": "who", "type": "nominal", "sort": {"field": "order"}, "title": None}
    ours = {"condition": {"test": "datum.who === 'Parley'", "value": _OURS}, "value": _THEIRS}
    return {
        "title": {"text": _wrapped(title), "anchor": "start", "fontSize": 12, "offset": 8},
        "width": _WIDTH,
        "height": {"step": _STEP},
        "data": {"values": values},
        "encoding": {
            "y": {**who, "axis": {"labelLimit": 240, "ticks": False, "domain": False, "labelFontSize": 11}}
        },
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.7}},
                "encoding": {
                    "x": {**where, "axis": {"format": "~s", "title": None, "grid": True, "tickCount": 5}},
                    "x2": {"field": "low"},
                    "color": ours,
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11},
                "encoding": {"x": {**where, "axis": None}, "text": {"field": "text"}},
            },
        ],
    }


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:,.3g} ms" if seconds < 0.9995 else f"{seconds:,.1f} s"


def _wrapped(title: str) -> list[str]:
    lines = [""]
    for word in title.split():
        if len(lines[-1]) + len(word) > _LETTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
