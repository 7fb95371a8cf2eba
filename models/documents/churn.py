"""The churn promise: who counts as active, what counts as lost, which past days teach, when to learn again."""

from datetime import UTC, date, datetime, timedelta, tzinfo

import polars as pl
from pydantic import Field, model_validator

from models.documents.loading import Document
from models.money import PPM


class ChurnBands(Document):
    """Lower limits of the probability. Below ``medium`` a customer is ``low``."""

    high: float = Field(default=0.6, gt=0, lt=1)
    medium: float = Field(default=0.35, gt=0, lt=1)

    @model_validator(mode="after")
    def _ordered(self) -> "ChurnBands":
        if self.medium >= self.high:
            raise ValueError("bands: medium must be below high")
        return self

    @property
    def high_ppm(self) -> int:
        return round(self.high * PPM)

    @property
    def medium_ppm(self) -> int:
        return round(self.medium * PPM)


class ChurnDocument(Document):
    """Churned: no sale in the ``horizon_days`` after a cut-off, among buyers of the ``active_within_days`` before it.

    ``cutoffs`` labelled cut-offs, ``cutoff_step_days`` apart, teach; the newest ``test_cutoffs`` of them only judge.
    Days are days of the company's civil calendar.
    """

    horizon_days: int = Field(default=60, ge=1, le=730)
    active_within_days: int = Field(default=180, ge=1, le=1460)
    cutoff_step_days: int = Field(default=30, ge=1, le=365)
    cutoffs: int = Field(default=6, ge=2, le=60)
    test_cutoffs: int = Field(default=1, ge=1, le=12)
    retrain_after_days: int = Field(default=30, ge=1, le=730)
    bands: ChurnBands = ChurnBands()
    minimum_rows: int = Field(default=200, ge=50, description="labelled rows below which nothing is trained")
    minimum_class_rows: int = Field(default=20, ge=5, description="rows of each outcome, in training and in test")
    recalibrate_above_ece: float = Field(
        default=0.03, ge=0, le=1, description="expected calibration error that is borne"
    )
    bootstrap_rounds: int = Field(default=200, ge=50, le=2000, description="resamplings of the customers per interval")
    seed: int = Field(default=20260101, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _something_is_left_to_train_on(self) -> "ChurnDocument":
        reach = (self.cutoffs - self.test_cutoffs) * self.cutoff_step_days
        if reach < self.horizon_days:
            raise ValueError(
                f"cutoffs: the oldest cut-off lies {reach} days before the first test cut-off, but a label window"
                f" is {self.horizon_days} days long and must end before it; add cut-offs or widen cutoff_step_days"
            )
        return self


def cutoffs(document: ChurnDocument, as_of: datetime, zone: tzinfo = UTC) -> pl.DataFrame:
    """The cut-offs of a run, oldest first, the run's own last.

    Columns: as_of, active_since, label_until (timestamps, naive UTC), cutoff_date (civil date), is_labelled,
    is_scoring. Grain: as_of. The newest labelled cut-off is ``horizon_days`` before the run's ``as_of`` (naive UTC),
    so that its label window is just over; the others are steps before it. Steps are taken in the civil calendar of
    ``zone``, so that summer time does not shift a window.
    """
    now = as_of.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    newest = now - timedelta(days=document.horizon_days)
    labelled = [newest - timedelta(days=document.cutoff_step_days * n) for n in reversed(range(document.cutoffs))]
    rows: list[tuple[datetime, datetime, datetime, date, bool, bool]] = [
        (
            _utc(at, zone),
            _utc(at - timedelta(days=document.active_within_days), zone),
            _utc(at + timedelta(days=document.horizon_days), zone),
            at.date(),
            at != now,
            at == now,
        )
        for at in [*labelled, now]
    ]
    stamp = pl.Datetime("us")
    return pl.DataFrame(
        rows,
        schema={
            "as_of": stamp,
            "active_since": stamp,
            "label_until": stamp,
            "cutoff_date": pl.Date(),
            "is_labelled": pl.Boolean(),
            "is_scoring": pl.Boolean(),
        },
        orient="row",
    )


def _utc(civil: datetime, zone: tzinfo) -> datetime:
    return civil.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
