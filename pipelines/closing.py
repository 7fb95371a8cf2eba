"""Closing a period: what the promoted run's ledger posted by its last day goes into the lake, in one commit.

The commit is the close: a batch whose line is not in the manifest is not there, and a period that is there already is a
no-op. No run builds meanwhile, because a run that froze its inputs before a close must not be promoted after it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from models.errors import ExpectedError
from models.serving.pointer import read_pointer
from models.settlement.closing import Basis, chain_problems, content_problems, freeze, opening_problems
from models.settlement.periods import Period
from pipelines.lake import Lake, Part, content_key
from pipelines.plan import RunPlan
from pipelines.warehouse import ENGINE_CONFIG, attach
from pipelines.workspace import Workspace

SOURCE = "settlement:close"
CLOSINGS, ENTRIES, STATEMENTS = "settlement_closings", "settlement_closed_entries", "settlement_closed_statements"
FILES = "settlement_statements"  # in the lake's zone of documents: the canonical file of each close


class ClosingRefusedError(ExpectedError):
    """A period cannot be closed now; the message says why and what to do."""


class ClosingDamagedError(ExpectedError):
    """What was closed is not what it was; the message lists what differs."""


@dataclass(frozen=True)
class Closed:
    """The close of a period; ``repeated``: it was closed before, nothing was written."""

    closing: Mapping[str, Any]
    repeated: bool


def closings(lake: Lake, to_seq: int | None = None) -> list[dict[str, Any]]:
    """All closes, in order."""
    return lake.read("decided", CLOSINGS, to_seq).sort("closing_no").to_dicts()


def close(workspace: Workspace, period: Period, closed_by: str) -> Closed:
    """Close a period. Raises ClosingRefusedError in plain words, RunInProgressError while a run builds."""
    lake = workspace.lake
    known = closings(lake)
    if done := next((closing for closing in known if closing["period"] == period.label), None):
        return Closed(done, repeated=True)
    with workspace.warehouse.exclusive():
        known = closings(lake)
        _in_order(period, known)
        plan = _published_plan(workspace)
        _made_from(plan, known, lake)
        with duckdb.connect(config=ENGINE_CONFIG) as connection:
            attach(connection, workspace.warehouse.promoted, "built")
            _covered(connection, plan, period)
            rows, statements = _to_freeze(connection, period, known)
        basis = Basis(plan.business_date, plan.to_seq, closed_by)
        frozen = freeze(period, basis, rows, statements, known[-1] if known else None)
        commit = lake.commit(
            source=SOURCE,
            key=content_key(SOURCE, period.label),
            parts=[
                Part("decided", CLOSINGS, pl.DataFrame([frozen.closing])),
                Part("decided", ENTRIES, frozen.entries),
                Part("decided", STATEMENTS, frozen.statements),
                Part("documents", FILES, content=frozen.content, suffix="csv.gz"),
            ],
            details={"period": period.label, "chain": frozen.closing["chain"]},
        )
    return Closed(frozen.closing, commit.repeated)


def _in_order(period: Period, known: list[dict[str, Any]]) -> None:
    if not known:
        return
    open_from = known[-1]["open_from"]
    if period.ends_on < open_from:
        raise ClosingRefusedError(
            f"{period.label} is closed already, as a part of other closes: everything before {open_from} is"
        )
    if period.starts_on != open_from:
        raise ClosingRefusedError(
            f"{period.label} begins on {period.starts_on}; the first open day is {open_from}: close what begins there, "
            "so that no day is closed twice and none is left out"
        )


def _published_plan(workspace: Workspace) -> RunPlan:
    """The run that is both promoted and current for readers."""
    pointer = read_pointer(workspace.settings.published_dir)
    if pointer is None:
        raise ClosingRefusedError("nothing is published yet; `scrm run` publishes")
    plan = RunPlan.read(workspace.warehouse.promoted)
    if (pointer.sequence, pointer.business_date) != (plan.to_seq, plan.business_date):
        raise ClosingRefusedError(
            f"readers see {pointer.version}, the warehouse holds {plan.key}: `scrm run` first, so that what is "
            "closed is what people saw"
        )
    return plan


def _made_from(plan: RunPlan, known: list[dict[str, Any]], lake: Lake) -> None:
    """A close that the run does not know must have been made from this very run."""
    seen = len(closings(lake, plan.to_seq))
    of_run = (plan.business_date, plan.to_seq)
    if strangers := [one for one in known[seen:] if (one["business_date"], one["to_seq"]) != of_run]:
        raise ClosingRefusedError(
            f"the published run {plan.key} does not know the close of {strangers[0]['period']}; `scrm run` first"
        )


def _covered(connection: duckdb.DuckDBPyConnection, plan: RunPlan, period: Period) -> None:
    """Every store's last day of the period must be over at the run's moment."""
    zones = connection.sql("select distinct timezone from built.stores order by 1").fetchall()
    for (zone,) in zones:
        over = datetime.combine(period.open_from, time.min, tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
        if plan.as_of < over:
            raise ClosingRefusedError(
                f"{period.label} is not over in stores of {zone}: the published run goes up to {plan.as_of} UTC, the "
                f"period ends there at {over} UTC; publish a run with a later business date than {plan.business_date}"
            )


def _to_freeze(
    connection: duckdb.DuckDBPyConnection, period: Period, known: list[dict[str, Any]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and statements of the period. The first close also takes what was posted before it."""
    _nothing_held_back(connection, period)
    starts_on = period.starts_on if known else None
    rows = connection.sql(
        "select * exclude (is_closed) from built.settlement_ledger "
        "where posted_on < $open_from and ($starts_on::date is null or posted_on >= $starts_on)",
        params={"open_from": period.open_from, "starts_on": starts_on},
    ).pl()
    statements = connection.sql(
        "select * from built.settlement_statements where period_kind = $kind and period = $period",
        params={"kind": period.kind, "period": period.label},
    ).pl()
    return rows, statements


def _nothing_held_back(connection: duckdb.DuckDBPyConnection, period: Period) -> None:
    """Facts that could not be settled would be missing from the close for ever."""
    built = connection.sql("select table_name from information_schema.tables where table_catalog = 'built'").fetchall()
    if ("settlement_unsettled",) not in built:
        return
    (held,) = connection.execute(
        "select count(*) from built.settlement_unsettled where economic_date < $1", [period.open_from]
    ).fetchall()[0]
    if held:
        raise ClosingRefusedError(
            f"{held} facts before {period.open_from} are held back; settle them first: settlement_unsettled says why"
        )


def verify(lake: Lake) -> list[str]:
    """Every closed artefact proven anew: files, rows, statements, balances, chain. Empty when all is as it was."""
    if problems := list(_file_problems(lake)):
        return problems
    known = closings(lake)
    problems = [*chain_problems(known), *_content_problems(lake, known, lake.head())]
    return problems + opening_problems(lake.read("decided", STATEMENTS), lake.read("decided", ENTRIES), known)


def require_whole(lake: Lake, to_seq: int, since: int) -> None:
    """Before a run builds upon closes: the chain of all, and the content of those that landed after ``since``. (A run
    that goes on has proven that no batch before is another one.) Raises ClosingDamagedError."""
    known = closings(lake, to_seq)
    new = {str(entry.details["period"]) for entry, _ in lake.files("documents", FILES, to_seq) if entry.seq > since}
    checked = [closing for closing in known if closing["period"] in new or not since]
    if problems := [*chain_problems(known), *_content_problems(lake, checked, to_seq)]:
        raise ClosingDamagedError(
            f"{'; '.join(problems)}. Nothing is built upon a damaged close: `scrm settlement verify` tells all, "
            "a backup restores it"
        )


def _content_problems(lake: Lake, checked: list[dict[str, Any]], to_seq: int) -> Iterator[str]:
    landed = {str(entry.details.get("period")): entry for entry in lake.entries(to_seq) if entry.source == SOURCE}
    for closing in checked:
        entry = landed.get(closing["period"])
        files = {file.dataset: file for file in entry.files} if entry else {}
        if {CLOSINGS, ENTRIES, STATEMENTS, FILES} - files.keys():
            yield f"close {closing['closing_no']} ({closing['period']}): its files are not in the lake"
            continue
        rows, statements = (pl.read_parquet(lake.root / files[name].path) for name in (ENTRIES, STATEMENTS))
        yield from content_problems(closing, rows, statements, lake.content(files[FILES]))


def _file_problems(lake: Lake) -> Iterator[str]:
    """Committed files of closes that are missing or differ from the manifest."""
    mine = {CLOSINGS, ENTRIES, STATEMENTS, FILES}
    paths = {file.path for entry in lake.entries() for file in entry.files if file.dataset in mine}
    yield from (problem for problem in lake.verify() if problem.split(": ")[0] in paths)
