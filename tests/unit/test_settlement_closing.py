"""A close into a real lake: refused when it must be, once and whole when it may be, and proven afterwards (I7, I8).

The promoted run is a folder with the tables of a small company, made by the SQL of the ledger.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from models.serving.pointer import Pointer, snapshot_file, write_pointer
from models.settings import Settings
from models.settlement.periods import PeriodError, parse_period, period_of
from pipelines import closing
from pipelines.closing import ClosingDamagedError, ClosingRefusedError, require_whole, verify
from pipelines.lake import Lake, LakeError, _format
from pipelines.plan import RunPlan
from pipelines.warehouse import DATABASE, RunInProgressError, Warehouse
from pipelines.workspace import Workspace
from tests.ledger_tables import DECIDED, Books, Row, entry

JUNE = [
    entry("L1", "hq", 10000, "2026-06-10", base_amount=100000),
    entry("L1", "S1", 90000, "2026-06-10", role="store", base_amount=100000),
    entry("L0", "hq", 700, "2026-05-31"),
]
LATE = entry("L2", "hq", 2000, "2026-06-30")
ZONES = ("Asia/Shanghai", "America/New_York")


@dataclass
class Company:
    """A home whose promoted and published run has the ledger of some entries over the closes of its lake."""

    workspace: Workspace
    publication: int = 0

    @property
    def lake(self) -> Lake:
        return self.workspace.lake

    def run(self, entries: Sequence[Row], business_date: date, zones: Sequence[str] = ZONES) -> None:
        """Publish the ledger of these entries, with everything in the lake so far."""
        books = Books.open()
        books.frozen = lambda name: self.lake.read("decided", name)  # type: ignore[method-assign]
        books.run(entries)
        promoted = self.workspace.settings.promoted_dir
        promoted.mkdir(parents=True, exist_ok=True)
        (promoted / DATABASE).unlink(missing_ok=True)
        books.connection.execute(f"attach '{promoted / DATABASE}' as kept")
        for name in ("settlement_ledger", "settlement_statements"):
            books.connection.execute(f"create table kept.{name} as from {name}")
        books.connection.execute("create table kept.stores as select unnest($1) as timezone", [list(zones)])
        books.connection.execute("detach kept")
        plan = RunPlan(business_date, self.lake.head(), "Siyu", "Asia/Shanghai", "CNY")
        plan.write(promoted)
        self.publication += 1
        self.point(plan)

    def point(self, plan: RunPlan) -> None:
        version = f"{plan.business_date:%Y%m%d}-{plan.to_seq}-{self.publication}"
        folder = self.workspace.settings.published_dir
        folder.mkdir(parents=True, exist_ok=True)
        (folder / snapshot_file(version)).touch()
        days = {"business_date": plan.business_date, "data_as_of": plan.as_of}
        write_pointer(
            folder,
            Pointer(
                snapshot_file(version), version, self.publication, plan.to_seq, 0, **days, sha256="0" * 64, bytes=1
            ),
        )

    def close(self, label: str) -> closing.Closed:
        return closing.close(self.workspace, parse_period(label), "cli:tests")


@pytest.fixture
def company(tmp_path: Path) -> Company:
    made = Company(Workspace(Settings(home=tmp_path / "home")))
    made.run(JUNE, date(2026, 7, 2))
    return made


def test_a_close_freezes_rows_statements_and_files_once(company: Company) -> None:
    done = company.close("2026-06")
    assert (done.repeated, done.closing["open_from"], done.closing["rows_count"]) == (False, date(2026, 7, 1), 5)
    entry_ = company.lake.entries()[-1]
    assert {file.dataset for file in entry_.files} == {*DECIDED, closing.FILES}
    assert company.close("2026-06").repeated and company.lake.head() == entry_.seq
    frozen = company.lake.read("decided", "settlement_closed_statements")
    assert frozen.filter(party_id="hq")["opening"].to_list() == [700], "the first close takes what lies before it"
    assert verify(company.lake) == []


def test_late_facts_after_a_close_change_no_hash_of_it(company: Company) -> None:
    june = company.close("2026-06").closing
    company.run([*JUNE, LATE], date(2026, 8, 2))
    july = company.close("2026-07").closing
    assert july["previous_chain"] == june["chain"]
    rows = company.lake.read("decided", "settlement_closed_entries").filter(line_id="L2", party_id="hq")
    assert rows.select("kind", "closing_period", "posted_on", "economic_date").row(0) == (
        *("LATE_FACT", "2026-07", date(2026, 7, 1), date(2026, 6, 30)),
    )
    assert verify(company.lake) == []


def test_days_close_one_after_another_from_one_run(company: Company) -> None:
    for day in ("2026-06-29", "2026-06-30"):
        company.close(day)
    assert [one["period"] for one in closing.closings(company.lake)] == ["2026-06-29", "2026-06-30"]
    company.run([*JUNE, LATE], date(2026, 7, 3))
    company.close("2026-07-01")
    assert verify(company.lake) == []


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("2026-07", "not over in stores of America/New_York"),
        ("2026-08", "not over"),
    ],
)
def test_a_period_that_is_not_over_everywhere_is_refused(company: Company, label: str, said: str) -> None:
    with pytest.raises(ClosingRefusedError, match=said):
        company.close(label)
    assert company.lake.head() == 0


def test_the_last_hour_of_another_zone_counts(company: Company) -> None:
    """06-30 in New York ends at 07-01 04:00 UTC: a run of 07-01 in Shanghai (06-30 16:00 UTC) is too early."""
    company.run(JUNE, date(2026, 7, 1))
    with pytest.raises(ClosingRefusedError, match="New_York"):
        company.close("2026-06")
    company.run(JUNE, date(2026, 7, 1), zones=["Asia/Shanghai"])
    assert company.close("2026-06").closing["closing_no"] == 1


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("2026-08", "the first open day is 2026-07-01"),
        ("2026-W27", "begins on 2026-06-29; the first open day is 2026-07-01"),
        ("2026-06-15", "closed already"),
    ],
)
def test_periods_close_without_gap_and_overlap(company: Company, label: str, said: str) -> None:
    company.close("2026-06")
    company.run(JUNE, date(2026, 10, 2))
    with pytest.raises(ClosingRefusedError, match=said):
        company.close(label)


def test_nothing_is_closed_of_a_run_that_readers_do_not_see(company: Company) -> None:
    company.publication += 1
    company.point(RunPlan(date(2026, 6, 1), 0, "Siyu", "Asia/Shanghai", "CNY"))
    with pytest.raises(ClosingRefusedError, match="readers see"):
        company.close("2026-06")


def test_nothing_is_closed_while_a_run_builds(company: Company) -> None:
    other = Warehouse(company.workspace.settings)
    with other.exclusive():  # this thread may enter again, another one may not
        import threading

        found: list[BaseException] = []

        def attempt() -> None:
            try:
                company.close("2026-06")
            except RunInProgressError as error:
                found.append(error)

        worker = threading.Thread(target=attempt)
        worker.start()
        worker.join()
    assert len(found) == 1 and company.lake.head() == 0


def _rewrite(lake: Lake, dataset: str, change: pl.Expr, *, hide: bool) -> None:
    """Change a frozen file; ``hide``: and the manifest, as somebody would who knows how it is made."""
    entries = lake.entries()
    index, file = next((e.seq - 1, f) for e in entries for f in e.files if f.dataset == dataset)
    path = lake.root / file.path
    pl.read_parquet(path).with_columns(change).write_parquet(path)
    if not hide:
        return
    import hashlib
    from dataclasses import replace

    data = path.read_bytes()
    new = replace(file, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    files = tuple(new if one.path == file.path else one for one in entries[index].files)
    entries[index] = replace(entries[index], files=files)
    lake.manifest.write_bytes(b"".join(_format(one) for one in entries))


@pytest.mark.parametrize(
    ("dataset", "change"),
    [
        ("settlement_closed_entries", pl.col("amount") + 1),
        ("settlement_closed_entries", pl.col("rule_id").fill_null("other") + "x"),
        ("settlement_closed_statements", pl.col("closing") - 1),
        ("settlement_closings", pl.col("ends_on") - timedelta(days=1)),
    ],
    ids=["amount", "rule", "statement", "close"],
)
@pytest.mark.parametrize("hide", [False, True], ids=["plain", "with its manifest"])
def test_a_changed_close_is_found_and_no_run_builds_on_it(
    company: Company, dataset: str, change: pl.Expr, hide: bool
) -> None:
    company.close("2026-06")
    seq = company.lake.head()
    _rewrite(company.lake, dataset, change, hide=hide)
    lake = Lake(company.lake.root)
    assert verify(lake)
    if hide:
        with pytest.raises(ClosingDamagedError):
            require_whole(lake, seq, since=0)
        with pytest.raises(ClosingDamagedError):
            closing_again(company)
    else:
        with pytest.raises(LakeError, match="does not match the manifest"):
            Warehouse(company.workspace.settings).start(
                lake, RunPlan(date(2026, 7, 2), seq, "Siyu", "Asia/Shanghai", "CNY")
            )


def closing_again(company: Company) -> None:
    """Reading a statement of the damaged close is refused too."""
    from pipelines.statements import statements_of

    statements_of(Workspace(company.workspace.settings), parse_period("2026-06"))


def test_a_close_that_was_taken_out_or_put_elsewhere_breaks_the_chain(company: Company) -> None:
    company.close("2026-06")
    company.run(JUNE, date(2026, 9, 2))
    company.close("2026-07")
    known = closing.closings(company.lake)
    assert closing.chain_problems(known) == []
    assert closing.chain_problems(known[1:]) and closing.chain_problems(known[::-1])
    forged = [{**known[0], "closed_by": "somebody else"}, known[1]]
    assert any("it was changed" in problem for problem in closing.chain_problems(forged))


def test_an_older_run_knows_only_the_closes_of_its_time(company: Company) -> None:
    """The same pair gives the same bytes: a close that came after a run is none of its inputs."""
    company.lake.commit(source="test", key="k", parts=[])
    company.run(JUNE, date(2026, 7, 2))
    company.close("2026-06")
    assert closing.closings(company.lake, to_seq=1) == []


def test_periods_and_their_names() -> None:
    assert parse_period("2026-12").open_from == date(2027, 1, 1)
    assert parse_period("2026-W53").starts_on == date(2026, 12, 28)
    assert period_of("week", date(2027, 1, 3)).label == "2026-W53"
    assert period_of("month", date(2028, 2, 29)).ends_on == date(2028, 2, 29)
    for wrong in ("2026-13", "2026-W54", "2026-02-30", "june", "2026"):
        with pytest.raises(PeriodError):
            parse_period(wrong)


def test_what_is_frozen_is_readable_without_this_program(company: Company) -> None:
    """The manifest's line names the period and its chain hash; the file is gzipped CSV."""
    done = company.close("2026-06")
    line = json.loads(company.lake.manifest.read_text().split(" ", 1)[1])
    assert line["details"] == {"period": "2026-06", "chain": done.closing["chain"]}
    assert datetime.fromisoformat(line["landed_at"]) <= datetime.now(UTC)
