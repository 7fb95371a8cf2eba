"""The churn document: what it promises, and the cut-offs that follow from it."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from models.documents.churn import ChurnDocument, cutoffs
from models.documents.loading import DocumentError
from models.settings import PROJECT_ROOT

SHIPPED = PROJECT_ROOT / "data" / "rulebooks" / "churn.yaml"


def test_the_shipped_document_holds_the_promise():
    document = ChurnDocument.load(SHIPPED)
    assert (document.horizon_days, document.active_within_days, document.retrain_after_days) == (60, 180, 30)
    assert (document.bands.high_ppm, document.bands.medium_ppm) == (600_000, 350_000)


def test_the_version_follows_the_content_and_not_the_spelling():
    text = SHIPPED.read_text(encoding="utf-8")
    same = ChurnDocument.parse("\n".join(reversed(["seed: 20260101", "horizon_days: 60"])), name="x")
    assert same.version == ChurnDocument.parse(text, name="churn.yaml").version
    assert same.model_copy(update={"horizon_days": 61}).version != same.version


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("bands: {high: 0.3, medium: 0.5}", "medium must be below high"),
        ("cutoffs: 2", "must end before it"),
        ("horizon: 60", "horizon"),
        ("horizon_days: 0", "horizon_days"),
    ],
)
def test_a_document_that_does_not_hold_is_refused_with_the_field(text: str, named: str):
    with pytest.raises(DocumentError, match=named):
        ChurnDocument.parse(text, name="churn.yaml")


def test_cutoffs_end_their_windows_by_the_run_and_step_back():
    as_of = datetime(2026, 6, 30, 16)  # 2026-07-01 in Shanghai
    found = cutoffs(ChurnDocument(), as_of, ZoneInfo("Asia/Shanghai"))
    assert found.columns == ["as_of", "active_since", "label_until", "cutoff_date", "is_labelled", "is_scoring"]
    labelled = found.filter("is_labelled")
    assert labelled.height == 6
    assert labelled["label_until"].max() == as_of
    assert labelled["cutoff_date"].to_list()[-2:] == [date(2026, 4, 2), date(2026, 5, 2)]
    scoring = found.filter("is_scoring")
    assert scoring["as_of"].to_list() == [as_of]
    assert scoring["cutoff_date"].to_list() == [date(2026, 7, 1)]
    assert found.filter(pl.col("is_labelled") == pl.col("is_scoring")).is_empty()
    assert (found["as_of"] - found["active_since"]).unique().to_list() == [timedelta(days=180)]


def test_a_cutoff_is_midnight_on_both_sides_of_summer_time():
    zone = ZoneInfo("Europe/London")
    found = cutoffs(ChurnDocument(), datetime(2026, 6, 30, 23), zone)  # 2026-07-01 00:00 summer time
    midnights = [
        at.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None)
        for name in ("as_of", "active_since", "label_until")
        for at in found[name]
    ]
    assert {(at.hour, at.minute) for at in midnights} == {(0, 0)}
