"""Statements of a period: of a closed one as it was frozen, of an open one as the promoted run has it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from models.errors import ExpectedError
from models.settlement.periods import Period
from models.settlement.statements import StatementFile, statement_files
from models.store import StatementKey
from pipelines.closing import CLOSINGS, ENTRIES, SOURCE, STATEMENTS, require_whole
from pipelines.warehouse import ENGINE_CONFIG, attach
from pipelines.workspace import Workspace


class NoStatementError(ExpectedError):
    """A period or a party has no statement; the message says which there are."""


@dataclass(frozen=True)
class OfPeriod:
    """Statements (columns of ``settlement_statements``) and the ledger's rows behind them, contra legs too.

    ``is_frozen``: they come from the close of that very period.
    """

    period: Period
    statements: pl.DataFrame
    rows: pl.DataFrame
    is_frozen: bool

    def files(self) -> Iterator[tuple[dict[str, Any], StatementFile]]:
        """Each statement with its canonical file."""
        ordered = self.statements.sort("party_id", "currency")
        yield from zip(ordered.to_dicts(), statement_files(ordered, self.rows), strict=True)

    def of(self, party: str) -> "OfPeriod":
        """Of one party. Raises NoStatementError when it has none in this period."""
        found = self.statements.filter(party_id=party)
        if found.is_empty():
            raise NoStatementError(f"{party} has no statement in {self.period.label}: nothing moved for it there")
        return OfPeriod(self.period, found, self.rows.filter(party_id=party), self.is_frozen)


def statements_of(workspace: Workspace, period: Period) -> OfPeriod:
    """Raises NoStatementError when nothing moved in the period, ClosingDamagedError when its close was changed."""
    found = _frozen(workspace, period) or _promoted(workspace, period)
    if found.statements.is_empty():
        raise NoStatementError(f"there is no statement for {period.label}: nothing was posted in it")
    return found


def _frozen(workspace: Workspace, period: Period) -> OfPeriod | None:
    lake = workspace.lake
    for entry in lake.entries():
        if entry.source != SOURCE or entry.details["period"] != period.label:
            continue
        require_whole(lake, entry.seq, since=entry.seq - 1)
        files = {file.dataset: lake.root / file.path for file in entry.files}
        closing = pl.read_parquet(files[CLOSINGS]).to_dicts()[0]
        rows = pl.read_parquet(files[ENTRIES]).filter(pl.col("posted_on") >= closing["starts_on"])
        statements = pl.read_parquet(files[STATEMENTS])
        states = [_state(workspace, row) for row in statements.iter_rows(named=True)]
        return OfPeriod(period, statements.with_columns(pl.Series("state", states, dtype=pl.String)), rows, True)
    return None


def _state(workspace: Workspace, statement: dict[str, Any]) -> str:
    key = StatementKey(statement["period"], statement["party_id"], statement["currency"])
    steps = workspace.store.statements.steps(key)
    return str(steps["event"][-1]) if steps.height else "closed"


def _promoted(workspace: Workspace, period: Period) -> OfPeriod:
    warehouse = workspace.warehouse
    if not warehouse.promoted.exists():
        raise NoStatementError("nothing is published yet; `scrm run` publishes")
    with duckdb.connect(config=ENGINE_CONFIG) as connection:
        attach(connection, warehouse.promoted, "built")
        statements = connection.sql(
            "from built.settlement_statements where period_kind = $kind and period = $period",
            params={"kind": period.kind, "period": period.label},
        ).pl()
        rows = connection.sql(
            "from built.settlement_ledger where posted_on between $starts_on and $ends_on",
            params={"starts_on": period.starts_on, "ends_on": period.ends_on},
        ).pl()
    return OfPeriod(period, statements, rows, False)
