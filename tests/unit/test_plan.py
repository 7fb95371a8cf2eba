"""What a run is: its business date, its first moment, and the pair that is frozen."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from models.contracts import contract
from pipelines.lake import Lake, Part, content_key
from pipelines.plan import NothingToRunError, RunPlan, default_business_date
from tests.faults.tiny_company import order

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 7, 10, 12, tzinfo=UTC)


def land(lake: Lake, *times: datetime) -> None:
    frame = pl.concat([order(1).with_columns(ordered_at=pl.lit(time)) for time in times])
    key = content_key("orders", *(str(time) for time in times))
    lake.commit(source="file", key=key, parts=[Part("landed", "orders", contract("orders").conform(frame))])


def test_the_business_date_is_the_day_after_the_last_event_in_the_companys_time(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    land(lake, datetime(2026, 6, 30, 15, 59))
    assert default_business_date(lake, 1, SHANGHAI, NOW) == date(2026, 7, 1)
    land(lake, datetime(2026, 6, 30, 16, 0))  # midnight in Shanghai
    assert default_business_date(lake, 2, SHANGHAI, NOW) == date(2026, 7, 2)
    assert default_business_date(lake, 2, ZoneInfo("UTC"), NOW) == date(2026, 7, 1)
    assert default_business_date(lake, 1, SHANGHAI, NOW) == date(2026, 7, 1), "only batches of the pair count"


def test_a_mistyped_year_does_not_move_the_company(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    land(lake, datetime(2026, 6, 1), datetime(2062, 6, 1))
    assert default_business_date(lake, 1, SHANGHAI, NOW) == date(2026, 6, 2)


def test_only_future_events_or_none_at_all_are_nothing_to_run(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with pytest.raises(NothingToRunError, match="import a file"):
        default_business_date(lake, 0, SHANGHAI, NOW)
    land(lake, datetime(2062, 6, 1))
    with pytest.raises(NothingToRunError):
        default_business_date(lake, 1, SHANGHAI, NOW)


@pytest.mark.parametrize(
    ("zone", "day", "first"),
    [
        ("Asia/Shanghai", date(2026, 7, 1), datetime(2026, 6, 30, 16)),
        ("UTC", date(2026, 7, 1), datetime(2026, 7, 1)),
        ("America/New_York", date(2026, 3, 9), datetime(2026, 3, 9, 4)),  # the day after the clocks went forward
        ("America/Sao_Paulo", date(2018, 11, 4), datetime(2018, 11, 4, 3)),  # midnight did not exist on that day
    ],
)
def test_as_of_is_the_first_moment_of_the_business_date(zone: str, day: date, first: datetime) -> None:
    assert RunPlan(day, 1, "c", zone, "CNY").as_of == first


def test_a_plan_is_read_back_as_it_was_frozen(tmp_path: Path) -> None:
    plan = RunPlan(date(2026, 7, 1), 7, "四季茶铺", "Asia/Shanghai", "CNY")
    plan.write(tmp_path)
    assert RunPlan.read(tmp_path) == plan
    assert plan.frame()["as_of"].to_list() == [datetime(2026, 6, 30, 16)]


def test_a_step_without_a_started_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingToRunError, match="materialise the whole main job"):
        RunPlan.read(tmp_path)
