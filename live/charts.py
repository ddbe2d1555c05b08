"""The charts of a report: SVG that stands in the page and takes its colours from the page's styles.

Drawn by pygal. The styles, scripts and tooltips that it brings along are taken out again: the
desk has its own colours, by day and by night, and runs no script that stands in a page.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup
from pygal import Histogram, HorizontalBar  # type: ignore[import-untyped]
from pygal.graph.graph import Graph  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

from catalog.checks import BEIJING
from live.report import Report, ReportItem

_SVG = "{http://www.w3.org/2000/svg}"
_UNSEEN = {"", "defs", "desc"}
_LETTER = 13
_STYLE = Style(label_font_size=_LETTER, value_font_size=_LETTER, value_label_font_size=_LETTER)
_PLAIN: dict[str, Any] = {
    "width": 1080,
    "js": (),
    "css": (),
    "style": _STYLE,
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


def item_chart(items: Sequence[ReportItem]) -> Markup:
    """For each line-up item a bar for its scans, its holds and the pieces that were paid for."""
    # A horizontal chart begins at its foot.
    upwards = list(enumerate(items, 1))[::-1]
    chart = HorizontalBar(
        **_PLAIN,
        height=34 + 58 * len(items),
        # The library takes a letter for narrower than a Chinese one is.
        margin_left=_LETTER * _LONGEST_NAME // 2,
        margin_right=40,
        print_values=True,
        print_values_position="top",
        show_x_labels=False,
        x_labels=[f"{n} {_short(item.name)}" for n, item in upwards],
    )
    chart.add("扫码", [item.scans_in_window for _, item in upwards])
    chart.add("预留", [item.holds for _, item in upwards])
    chart.add("已付", [item.sold for _, item in upwards])
    return _svg(chart, "每件作品的扫码、预留和已付件数；下面的表里有同样的数", "items")


def timeline_charts(report: Report) -> list[tuple[str, Markup]]:
    """Scans, and pieces sold, over the time of the show, each with its airings behind."""
    if not report.timeline:
        return []
    bands = _bands(report)
    scans, sold = [one.scans for one in report.timeline], [one.sold for one in report.timeline]
    return [
        ("扫码（次）", _over_time(report, bands, "扫码", "scans", scans)),
        ("卖出（件）", _over_time(report, bands, "卖出", "sold", sold)),
    ]


def _over_time(
    report: Report,
    bands: Sequence[dict[str, Any]],
    what: str,
    kind: str,
    counts: Sequence[int],
) -> Markup:
    start, step = report.timeline[0].at, timedelta(minutes=report.step_minutes)
    # What is over the highest column is for the numbers of the pieces.
    top = 1.2 * max(_LEAST_TOP, *counts)
    chart = Histogram(
        **_PLAIN,
        height=170,
        range=(0, top),
        print_labels=True,
        # As wide in every chart, so that the times of two charts stand above each other.
        y_labels=_marks(max(_LEAST_TOP, *counts)),
        value_formatter=lambda count: f"{count:>4.0f}".replace(" ", _FIGURE_SPACE),
    )
    chart.x_value_formatter = lambda minutes: _clock(start + timedelta(minutes=minutes))
    chart.x_labels = _ticks(report)
    for odd in (0, 1):
        chart.add("讲解", [_bar(start, top, **band) for band in bands[odd::2]])
    columns = [
        _bar(start, count, one.at, one.at + step, f"{what} {count}")
        for one, count in zip(report.timeline, counts, strict=True)
    ]
    chart.add(what, columns)
    return _svg(chart, f"从 {_clock(start)} 起每 {report.step_minutes} 分钟的{what}", kind)


def _bands(report: Report) -> list[dict[str, Any]]:
    """What `_bar` draws for each airing, in the order of time."""
    end = report.timeline[-1].at
    bands = [
        {"begins": airing.started_at, "ends": airing.ended_at or end, "what": item.name, "mark": n}
        for n, item in enumerate(report.items, 1)
        for airing in item.airings
    ]
    return sorted(bands, key=lambda band: band["begins"])


def _bar(
    start: datetime, height: float, begins: datetime, ends: datetime, what: str, mark: object = ""
) -> dict[str, Any]:
    return {
        "value": (height, _minutes(begins - start), _minutes(ends - start)),
        "label": str(mark),
        "tooltip": f"{_clock(begins)}–{_clock(ends)} {what}",
    }


def _ticks(report: Report) -> list[float]:
    """Where times are written: at most a dozen, at slices that begin a round number of them."""
    every = math.ceil(len(report.timeline) / 12)
    return [n * report.step_minutes for n in range(0, len(report.timeline), every)]


def _marks(top: int) -> list[int]:
    """Four or five round counts from nothing up, for the left of a chart."""
    step = next(s * 10**n for n in range(18) for s in (1, 2, 5) if s * 10**n * 5 > top)
    return list(range(0, top + 1, step))


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60


def _clock(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%H:%M}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _svg(chart: Graph, says: str, kind: str) -> Markup:
    root: Element = chart.render_tree()
    root.attrib.pop("id", None)
    root.attrib.update({"class": f"chart chart-{kind}", "role": "img", "aria-label": says})
    _strip(root)
    return Markup(tostring(root, encoding="unicode"))  # noqa: S704 - pygal escapes all text


def _strip(node: Element) -> None:
    """Take out what only pygal's own styles and scripts need, and lift the labels to the top."""
    for child in list(node):
        tag = child.tag.removeprefix(_SVG) if isinstance(child.tag, str) else ""
        of_root = tag == "title" and node.attrib.get("role") == "img"
        if child.attrib.get("class") == "label":
            # In the middle, where the library puts it, a column would run through it.
            child.attrib["y"] = str(_LETTER)
        if tag in _UNSEEN or of_root or "tooltip-overlay" in child.attrib.get("class", ""):
            node.remove(child)
        else:
            _strip(child)
