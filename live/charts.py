"""The charts of a report: what happened when, and what each piece drew."""

import math
from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from catalog.checks import BEIJING
from live.report import Report, ReportItem
from media.charts import Stretch, bars, columns

_MOST_TICKS = 12


def item_chart(items: Sequence[ReportItem]) -> Markup:
    """For each line-up item a bar for its scans, its holds and the pieces that were paid for."""
    rows = [
        (f"{n} {item.name}", (item.scans_in_window, item.holds, item.sold))
        for n, item in enumerate(items, 1)
    ]
    return bars(rows, "每件作品的扫码、预留和已付件数；下面的表里有同样的数", "items")


def timeline_charts(report: Report) -> list[tuple[str, Markup]]:
    """Scans, and pieces sold, over the time of the show, each with its airings behind."""
    if not report.timeline:
        return []
    scans, sold = [one.scans for one in report.timeline], [one.sold for one in report.timeline]
    return [
        ("扫码（次）", _over_time(report, "扫码", scans, "scans")),
        ("卖出（件）", _over_time(report, "卖出", sold, "sold")),
    ]


def _over_time(report: Report, what: str, counts: Sequence[int], kind: str) -> Markup:
    starts = [one.at for one in report.timeline]
    step, start = report.step_minutes, starts[0]
    slices = [
        Stretch(n * step, (n + 1) * step, f"{_clock(at)} 起 {step} 分钟 {what} {count}")
        for n, (at, count) in enumerate(zip(starts, counts, strict=True))
    ]
    every = math.ceil(len(starts) / _MOST_TICKS)
    return columns(
        list(zip(slices, counts, strict=True)),
        _bands(report, start, starts[-1]),
        [(n * step, _clock(at)) for n, at in enumerate(starts) if n % every == 0],
        f"从 {_clock(start)} 起每 {step} 分钟的{what}",
        kind,
    )


def _bands(report: Report, start: datetime, end: datetime) -> list[Stretch]:
    """The airings in the order of time; one that goes on ends where the chart does."""
    shown = [
        (airing.started_at, airing.ended_at or end, n, item.name)
        for n, item in enumerate(report.items, 1)
        for airing in item.airings
    ]
    return [
        Stretch(
            _minutes(start, begins),
            _minutes(start, ends),
            f"{_clock(begins)}–{_clock(ends)} {name}",
            str(n),
        )
        for begins, ends, n, name in sorted(shown)
    ]


def _minutes(start: datetime, at: datetime) -> float:
    return (at - start).total_seconds() / 60


def _clock(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%H:%M}"
