"""SVG as text: elements, words set as text, parts with tooltips, and the paper they are drawn on.

Pictures are plain SVG 1.1 without styles, scripts, fonts or references, so that they print and open anywhere.
Tooltips are ``title`` elements, which every browser shows and every screen reader reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from kg.drawing.wording import escaped, page

INK: Final = "#1a1a1a"
GREY: Final = "#5a5a5a"
DASHES: Final = "7 4"
"""The pattern of lines for what is derived."""

_FONT: Final = "'DejaVu Sans', Verdana, Arial, 'Noto Sans', 'Noto Sans Arabic', sans-serif"


def number(value: float) -> str:
    """Return a coordinate with one digit after the point, and none where it is zero."""
    return f"{round(value, 1) + 0:.1f}".removesuffix(".0")


def element(name: str, content: str | Iterable[str] = "", /, **attributes: str | float) -> str:
    """Return an element; ``content`` is markup already, attributes are escaped here (``_`` stands for ``-``).

    >>> element("line", x1=0, y1=1.25, stroke_width='"')
    '<line x1="0" y1="1.2" stroke-width="&quot;"/>'
    """
    inner = content if isinstance(content, str) else "".join(content)
    said = "".join(
        f' {key.strip("_").replace("_", "-")}="{_attribute(value)}"' for key, value in attributes.items()
    )
    return f"<{name}{said}>{inner}</{name}>" if inner else f"<{name}{said}/>"


def _attribute(value: str | float) -> str:
    return escaped(value) if isinstance(value, str) else number(value)


def label(  # noqa: PLR0913 - where and how a text is set, each by its name
    lines: Sequence[str],
    x: float,
    y: float,
    size: float = 12,
    *,
    anchor: str = "middle",
    fill: str = INK,
    weight: str = "normal",
    style: str = "normal",
    leading: float = 1.25,
) -> str:
    """Return lines of text, the first with its baseline at ``y``; text stays text."""
    more = {"font_weight": weight} if weight != "normal" else {}
    more |= {"font_style": style} if style != "normal" else {}
    return "".join(
        element(
            "text",
            escaped(line),
            x=x,
            y=y + n * size * leading,
            font_size=size,
            text_anchor=anchor,
            fill=fill,
            **more,
        )
        for n, line in enumerate(lines)
    )


def group(tooltip: str, *parts: str) -> str:
    """Return parts that belong together, with words that show when the pointer rests on them."""
    lines = "\n".join(escaped(line) for line in tooltip.splitlines() if line.strip())
    return element("g", [element("title", lines) if lines else "", *parts])


@dataclass(slots=True)
class Canvas:
    """A picture being drawn: its size grows by what is said of it, its parts come in the order of their drawing."""

    title: str
    description: str
    width: float = 0
    height: float = 0
    parts: list[str] = field(default_factory=list)

    def add(self, *parts: str) -> None:
        """Draw parts above all that is there."""
        self.parts += parts

    def svg(self) -> str:
        """Return the picture as an SVG document, its title at the top."""
        size = {"width": self.width, "height": self.height}
        heading = element("title", escaped(self.title), id="picture-title")
        described = element("desc", escaped(self.description), id="picture-description")
        paper = element("rect", **size, fill="#ffffff")
        return (
            element(
                "svg",
                [heading, described, paper, *(f"\n{part}" for part in self.parts), "\n"],
                xmlns="http://www.w3.org/2000/svg",
                **size,
                viewBox=f"0 0 {number(self.width)} {number(self.height)}",
                role="img",
                aria_labelledby="picture-title picture-description",
                font_family=_FONT,
            )
            + "\n"
        )

    def written(self, form: str, sections: Iterable[tuple[str, Iterable[str]]]) -> bytes:
        """Return the picture as ``svg``, or as a page (``html``) with sections of markup below it."""
        picture = self.svg()
        whole = page(self.title, self.description, picture, sections) if form == "html" else picture
        return whole.encode()
