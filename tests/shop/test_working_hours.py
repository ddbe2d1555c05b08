"""Working hours, in which families are given time."""

from datetime import datetime, timedelta

import pytest

from shop.working_hours import ago, ahead


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("2026-11-24T12:00", "2026-11-22T12:00"),
        ("2026-11-24T20:00", "2026-11-22T20:00"),
        ("2026-11-24T23:30", "2026-11-22T20:00"),
        ("2026-11-25T07:59", "2026-11-22T20:00"),
        ("2026-11-25T08:00", "2026-11-23T08:00"),
    ],
)
def test_two_days_of_working_hours_ago(now: str, before: str) -> None:
    moment = datetime.fromisoformat(f"{now}+08:00")
    assert ago(moment, timedelta(hours=24)) == datetime.fromisoformat(f"{before}+08:00")


@pytest.mark.parametrize(
    ("now", "hours", "before"),
    [
        ("2026-11-24T14:00", 6, "2026-11-24T08:00"),
        ("2026-11-24T13:59", 6, "2026-11-23T19:59"),
        ("2026-11-25T02:00", 6, "2026-11-24T14:00"),
        ("2026-11-24T14:00", 18, "2026-11-23T08:00"),
        ("2026-11-24T12:00", 72, "2026-11-18T12:00"),
    ],
)
def test_some_hours_ago(now: str, hours: int, before: str) -> None:
    moment = datetime.fromisoformat(f"{now}+08:00")
    assert ago(moment, timedelta(hours=hours)) == datetime.fromisoformat(f"{before}+08:00")


@pytest.mark.parametrize(
    ("now", "hours", "later"),
    [
        ("2026-11-24T12:00", 2, "2026-11-24T14:00"),
        ("2026-11-24T19:00", 2, "2026-11-25T09:00"),
        ("2026-11-24T18:00", 2, "2026-11-25T08:00"),
        ("2026-11-24T23:00", 2, "2026-11-25T10:00"),
        ("2026-11-25T06:00", 2, "2026-11-25T10:00"),
        ("2026-11-24T12:00", 24, "2026-11-26T12:00"),
    ],
)
def test_some_hours_ahead(now: str, hours: int, later: str) -> None:
    moment = datetime.fromisoformat(f"{now}+08:00")
    assert ahead(moment, timedelta(hours=hours)) == datetime.fromisoformat(f"{later}+08:00")
