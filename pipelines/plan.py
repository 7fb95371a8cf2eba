"""What a run is: the pair (business date, sequence number), frozen once and written beside what it builds."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from models.contracts import LANDED
from models.errors import ExpectedError
from pipelines.lake import Lake

PLAN_FILE = "run.json"


class NothingToRunError(ExpectedError):
    """There is no run: the lake holds no dated fact, or a step was asked for before the inputs of its run."""


@dataclass(frozen=True)
class RunPlan:
    """``as_of``: the start of ``business_date`` in the company's civil time, as naive UTC."""

    business_date: date
    to_seq: int
    company: str
    company_timezone: str
    company_currency: str

    @property
    def as_of(self) -> datetime:
        local = datetime.combine(self.business_date, time.min, tzinfo=ZoneInfo(self.company_timezone))
        return local.astimezone(UTC).replace(tzinfo=None)

    @property
    def key(self) -> str:
        return f"{self.business_date.isoformat()}/{self.to_seq}"

    def frame(self) -> pl.DataFrame:
        """The one-row source ``run``."""
        return pl.DataFrame(
            {
                "business_date": [self.business_date],
                "as_of": [self.as_of],
                "to_seq": [self.to_seq],
                "company": [self.company],
                "company_timezone": [self.company_timezone],
                "company_currency": [self.company_currency],
            },
            schema_overrides={"as_of": pl.Datetime("us"), "to_seq": pl.Int64},
        )

    def write(self, folder: Path) -> None:
        record = {**asdict(self), "business_date": self.business_date.isoformat()}
        (folder / PLAN_FILE).write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "RunPlan":
        """The plan of the run that builds in ``folder``. Raises NothingToRunError when none was started there."""
        try:
            record: Mapping[str, str] = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NothingToRunError(
                f"no run was started in {folder}: its inputs come first; materialise the whole main job"
            ) from None
        return cls(
            business_date=date.fromisoformat(record["business_date"]),
            to_seq=int(record["to_seq"]),
            company=record["company"],
            company_timezone=record["company_timezone"],
            company_currency=record["company_currency"],
        )


def default_business_date(lake: Lake, to_seq: int, zone: ZoneInfo, now: datetime) -> date:
    """The day after the lake's last event that is not in the future (a mistyped year must not move the company).

    ``now`` is aware. Raises NothingToRunError when no landed row carries an event time.
    """
    limit = now.astimezone(UTC).replace(tzinfo=None)
    newest: list[datetime] = []
    for dataset, contract in LANDED.items():
        paths = [lake.root / file.path for _, file in lake.files("landed", dataset, to_seq)]
        if contract.event_time is None or not paths:
            continue
        column = pl.col(contract.event_time)
        latest = pl.scan_parquet(paths).select(column.filter(column <= limit).max()).collect().item()
        if latest is not None:
            newest.append(latest)
    if not newest:
        raise NothingToRunError("the lake holds no dated facts yet; import a file or sync a source first")
    return max(newest).replace(tzinfo=UTC).astimezone(zone).date() + timedelta(days=1)
