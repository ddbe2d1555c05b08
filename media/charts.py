"""Charts as SVG that stands in a page and takes its colours from the page's own styles.

Drawn by pygal. The styles, scripts and tooltips that it brings along are taken out again: the
desk has its own colours, by day and by night, and runs no script that stands in a page.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup
from pygal import Histogram, HorizontalBar, PluginImportFixer  # type: ignore[import-untyped]
from pygal.graph.graph import Graph  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

# On its import pygal hooks itself into all others, in a way that Python warns of at each module
# that is not there. The hook is for maps, which we do not draw.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, PluginImportFixer)]

_SVG = "{http://www.w3.org/2000/svg}"
_UNSEEN = {"", "defs", "desc"}
_LETTER = 13
_PLAIN: dict[str, Any] = {
    "width": 1080,
    "js": (),
    "css": (),
    "style": Style(label_font_size=_LETTER, value_font_size=_LETTER, value_label_font_size=_LETTER),
    "no_prefix": True,
    "show_legend": False,
    "margin": 4,
    "spacing": 6,
    "no_data_text": "没有",
}
_LONGEST_NAME = 12
# Below this a single sale would fill the chart.
_LEAST_TOP = 4
_FIGURE_SPACE = "\u2007"


@dataclass(frozen=True, slots=True)
class Stretch:
    """From where to where something was; `says` is told where one points at it, `mark` written on it."""

    begins: float
    ends: float
    says: str
    mark: str = ""


def bars(rows: Sequence[tuple[str, Sequence[int]]], says: str, kind: str) -> Markup:
    """For each row a name, and a bar for each of its counts. `says` is what the chart shows."""
    # A horizontal chart begins at its foot.
    upwards = rows[::-1]
    chart = HorizontalBar(
        **_PLAIN,
        height=34 + 58 * len(rows),
        # The library takes a letter for narrower than a Chinese one is.
        margin_left=_LETTER * _LONGEST_NAME // 2,
        margin_right=40,
        print_values=True,
        print_values_position="top",
        show_x_labels=False,
        x_labels=[_short(name) for name, _ in upwards],
    )
    for counts in zip(*(counts for _, counts in upwards), strict=True):
        chart.add("", list(counts))
    return _svg(chart, says, kind)


def columns(
    counts: Sequence[tuple[Stretch, int]],
    bands: Sequence[Stretch],
    ticks: Sequence[tuple[float, str]],
    says: str,
    kind: str,
) -> Markup:
    """A column for each count, with bands behind them in two shades by turns."""
    highest = max([_LEAST_TOP, *(count for _, count in counts)])
    # What is over the highest column is for the marks of the bands.
    top = 1.2 * highest
    chart = Histogram(
        **_PLAIN,
        height=170,
        range=(0, top),
        print_labels=True,
        x_labels=[{"value": place, "label": name} for place, name in ticks],
        y_labels=_marks(highest),
        # As wide in every chart, so that the places of two charts stand above each other.
        value_formatter=lambda count: f"{count:>4.0f}".replace(" ", _FIGURE_SPACE),
    )
    for odd in (0, 1):
        chart.add("", [_column(band, top) for band in bands[odd::2]])
    chart.add("", [_column(stretch, count) for stretch, count in counts])
    return _svg(chart, says, kind)


def _column(stretch: Stretch, height: float) -> dict[str, Any]:
    return {
        "value": (height, stretch.begins, stretch.ends),
        "label": stretch.mark,
        "tooltip": stretch.says,
    }


def _marks(top: int) -> list[int]:
    """Four or five round counts from nothing up, for the left of a chart."""
    step = next(s * 10**n for n in range(18) for s in (1, 2, 5) if s * 10**n * 5 > top)
    return list(range(0, top + 1, step))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _svg(chart: Graph, says: str, kind: str) -> Markup:
    root: Element = chart.render_tree()
    root.attrib.pop("id", None)
    root.attrib.update({"class": f"chart chart-{kind}", "role": "img", "aria-label": says})
    _strip(root)
    return Markup(tostring(root, encoding="unicode"))  # noqa: S704 - pygal escapes all text


def _strip(node: Element) -> None:
    """Take out what only pygal's own styles and scripts need, and lift the marks to the top."""
    for child in list(node):
        tag = child.tag.removeprefix(_SVG) if isinstance(child.tag, str) else ""
        of_root = tag == "title" and node.attrib.get("role") == "img"
        if child.attrib.get("class") == "label":
            # In the middle, where the library puts it, a column would run through it.
            child.attrib["y"] = str(_LETTER)
        if child.attrib.get("class") == "bar":
            # The desk's word for its own head, which is not printed.
            del child.attrib["class"]
        if tag in _UNSEEN or of_root or "tooltip-overlay" in child.attrib.get("class", ""):
            node.remove(child)
        else:
            _strip(child)
