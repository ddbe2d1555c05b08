"""Charts: what they draw, and what they must not bring into a page."""

from xml.etree.ElementTree import Element, fromstring

from catalog.interface import Named
from live.charts import item_chart, timeline_charts
from live.models import ShowState
from live.report import AiringView, Figures, Report, ReportItem, Slice
from tests.live.test_windows import at

_SVG = "{http://www.w3.org/2000/svg}"


def item(number: int, name: str = "福字", **figures: int) -> ReportItem:
    airings = [AiringView(at(5 * number - 5), at(5 * number))]
    return ReportItem(
        line_up_item=number,
        product=number,
        name=name,
        workshop=Named(1, "王家木作"),
        airings=airings,
        **figures,
    )


def told(items: list[ReportItem], timeline: list[Slice]) -> Report:
    return Report(
        show=1,
        title="周日专场",
        state=ShowState.ENDED,
        rehearsal=False,
        started_at=at(0),
        ended_at=at(10),
        items=items,
        others=Figures(),
        workshops=[],
        totals=Figures(),
        step_minutes=5,
        timeline=timeline,
    )


def drawn(svg: str) -> Element:
    return fromstring(svg)  # noqa: S314 - our own


def texts(node: Element, tag: str = "text") -> list[str]:
    return [(one.text or "").strip("\u2007 ") for one in node.iter(f"{_SVG}{tag}")]


def test_a_bar_says_how_many() -> None:
    chart = drawn(item_chart([item(1, scans_in_window=30, holds=4, sold=2), item(2, "荷塘")]))
    assert {"1 福字", "2 荷塘", "30", "4", "2", "0"} <= set(texts(chart))


def test_a_long_name_is_cut_and_markup_is_text() -> None:
    svg = item_chart([item(1, "<b>" + "长" * 30)])
    assert "<b>" not in svg
    assert "1 <b>长长长长长长…" in texts(drawn(svg))


def test_columns_and_airings_are_told_in_words_too() -> None:
    timeline = [Slice(at=at(0), scans=7, sold=0), Slice(at=at(5), scans=0, sold=1)]
    items = [item(1), item(2, "荷塘")]
    scans, sold = [drawn(svg) for _, svg in timeline_charts(told(items, timeline))]
    both = ["12:00–12:05 福字", "12:05–12:10 荷塘"]
    assert [one for one in texts(scans, "title") if one in both] == both
    assert "12:00 起 5 分钟 扫码 7" in texts(scans, "title")
    assert "12:05 起 5 分钟 卖出 1" in texts(sold, "title")
    assert [one for one in texts(scans) if ":" in one] == ["12:00", "12:05"]
    assert scans.attrib["aria-label"] == "从 12:00 起每 5 分钟的扫码"


def test_nothing_foreign_comes_along() -> None:
    timeline = [Slice(at=at(0), scans=0, sold=0)]
    charts = [item_chart([]), *(svg for _, svg in timeline_charts(told([], timeline)))]
    for svg in charts:
        for foreign in (
            "script",
            "style",
            "http://www.w3.org/1999/xlink",
            "kozea",
            "tooltip-overlay",
        ):
            assert foreign not in svg.lower()


def test_a_show_that_was_never_on_air_has_no_timeline() -> None:
    assert timeline_charts(told([item(1)], [])) == []
