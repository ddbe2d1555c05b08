"""A show's report as a table for spreadsheets: a row for each line-up item."""

from catalog.checks import BEIJING
from live.report import Figures, Report
from shop.sheets import Cell, Sheet, yuan_cell

_HEADERS = (
    "场次",
    "日期（北京时间）",
    "序号",
    "作品",
    "作坊",
    "讲解次数",
    "讲解分钟",
    "讲解中和后 10 分钟扫码",
    "全部扫码",
    "预留次数",
    "已付件数",
    "已付（元，不含邮费）",
    "退款件数",
    "退款（元）",
    "净成交（元）",
    "想买没买到（次）",
)


def sheet_of(report: Report) -> Sheet:
    """All items, and in the last row what belongs to none of them; the rows sum to the totals.

    A rehearsal says so in each row: rows of several files may end up in one.
    """
    title = f"【彩排】{report.title}" if report.rehearsal else report.title
    day = report.started_at.astimezone(BEIJING).date() if report.started_at else None
    rows = [
        (title, day, n, item.name, item.workshop.name, len(item.airings), *_cells(item))
        for n, item in enumerate(report.items, 1)
    ]
    others = (title, day, None, "讲解单以外", "", 0, *_cells(report.others))
    return Sheet(f"{title} {day or ''} 报告", _HEADERS, [*rows, others])


def _cells(figures: Figures) -> tuple[Cell, ...]:
    return (
        round(figures.airtime_seconds / 60),
        figures.scans_in_window,
        figures.scans,
        figures.holds,
        figures.sold,
        yuan_cell(figures.sold_fen),
        figures.refunded,
        yuan_cell(figures.refunded_fen),
        yuan_cell(figures.kept_fen),
        figures.missed,
    )
