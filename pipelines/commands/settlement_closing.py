"""``scrm settlement close``, ``verify``, ``statements`` and ``mark``: periods closed, proven, sent and paid."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from models.money import display, exponent, to_minor
from models.settings import Settings
from models.settlement.periods import parse_period
from models.store import StatementKey
from pipelines.commands import acting
from pipelines.commands.output import AsJson, emit, fail, rows_table
from pipelines.workspace import Workspace

DAY = "%Y-%m-%d"
PeriodLabel = Annotated[str, typer.Argument(metavar="PERIOD", help="2026-06, 2026-W27 or 2026-06-30")]


def close(period: PeriodLabel, as_json: AsJson = False) -> None:
    """Close a period for ever: what the published run posted up to its last day is frozen in the lake.

    The first close may be any period and takes what lies before it along; each further one begins on the first open
    day. The published run must cover the period in every store's time zone. What becomes known later is posted on the
    first open day. Closing a period again changes nothing.

    Example: `scrm settlement close 2026-06`

    Exit codes: 0 closed (or closed before), 1 refused; the message says why.
    """
    from pipelines.closing import close as close_period

    done = close_period(Workspace(Settings()), parse_period(period), acting.author())
    told = {"closed": period, "repeated": done.repeated, **done.closing}
    names = ("closing_no", "open_from", "rows_count", "statements_count", "closed_by", "chain")
    title = f"{period} was closed before" if done.repeated else f"{period} is closed"
    emit(told, as_json=as_json, table=rows_table(title, names, [[str(done.closing[name]) for name in names]]))


def verify(as_json: AsJson = False) -> None:
    """Prove that everything that was ever closed is as it was: files, rows, statements, balances, the chain of hashes.

    Example: `scrm settlement verify`

    Exit codes: 0 all is as it was, 1 something differs; each difference is named.
    """
    from pipelines.closing import closings
    from pipelines.closing import verify as verify_lake

    lake = Workspace(Settings()).lake
    problems = verify_lake(lake)
    known = [] if problems else closings(lake)
    rows = [[problem] for problem in problems] or [[f"{one['period']}: {one['chain']}"] for one in known]
    title = f"{len(problems)} differences" if problems else f"{len(known)} closes, all as they were"
    told = {"closes": [one["period"] for one in known], "problems": problems}
    emit(told, as_json=as_json, table=rows_table(title, ("close",), rows))
    if problems:
        raise typer.Exit(1)


def statements(
    period: PeriodLabel,
    party: Annotated[str, typer.Option(help="hq, a region, a store, agent:NUMBER, agent:REGION or a salesperson")] = "",
    out: Annotated[Path | None, typer.Option(help="write a file per statement into this folder")] = None,
    form: Annotated[str, typer.Option("--format", help="csv, xlsx or pdf")] = "csv",
    as_json: AsJson = False,
) -> None:
    """The statements of a period, on the screen or as files. Provisional until the period is closed.

    Example: `scrm settlement statements 2026-06 --party S1 --out statements --format pdf`

    Exit codes: 0 done, 1 there is no such statement.
    """
    from pipelines.statement_files import totals_row, write_statement
    from pipelines.statements import statements_of

    if form not in ("csv", "xlsx", "pdf"):
        fail(f"--format {form}: write csv, xlsx or pdf")
    found = statements_of(Workspace(Settings()), parse_period(period))
    if party:
        found = found.of(party)
    told, written = [], []
    for statement, file in found.files():
        told.append({**statement, "sha256": file.sha256})
        if out is not None:
            written.append(str(write_statement(out, form, statement, file)))  # type: ignore[arg-type]
    names = ("party", "currency", "state", "opening", "closing", "payable", "carry")
    state = "closed" if found.is_frozen else "as of the published run"
    table = rows_table(f"{period}, {state}", names, [totals_row(row) for row in told])
    emit({"period": period, "is_frozen": found.is_frozen, "statements": told, "files": written}, as_json, table)


def mark(
    period: PeriodLabel,
    party: Annotated[str, typer.Argument(help="party, as on its statement")],
    step: Annotated[str, typer.Argument(help="issued, sent, confirmed, disputed, paid or collected")],
    amount: Annotated[str, typer.Option(help="of paid and collected, for example 380.00")] = "",
    on: Annotated[datetime | None, typer.Option(help="civil day; default: today", formats=[DAY])] = None,
    reason: Annotated[str, typer.Option(help="why; a dispute needs one")] = "",
    currency: Annotated[str, typer.Option(help="default: the company's")] = "",
    as_json: AsJson = False,
) -> None:
    """Record what happened to a closed statement: issued, sent, confirmed or disputed, then paid or collected.

    Payments are taken from the party's balance in the next run, on their own day or on the first open day.

    Example: `scrm settlement mark 2026-06 S1 paid --amount 380.00 --on 2026-07-05`

    Exit codes: 0 recorded, 1 refused: the statement is not closed, or the step does not follow.
    """
    from pipelines.statements import statements_of

    settings = Settings()
    workspace = Workspace(settings)
    key = StatementKey(period, party, currency or settings.currency)
    found = statements_of(workspace, parse_period(period)).of(party)
    if not found.is_frozen:
        fail(f"{period} is not closed; its statements are provisional: `scrm settlement close {period}` first")
    rows = found.statements.filter(currency=key.currency)
    if rows.is_empty():
        fail(f"{party} has no statement in {key.currency} for {period}; --currency names another one")
    moment = acting.now()
    number = workspace.store.statements.mark(
        key,
        step,
        due=int(rows["closing"][0]),
        actor=acting.author(),
        happened_on=on.date() if on else datetime.now(settings.zone).date(),
        at=moment,
        amount=_minor(amount, key.currency) if amount else None,
        reason=reason,
    )
    shown = f" {display(_minor(amount, key.currency), key.currency)}" if amount else ""
    emit({"event_id": number, "statement": str(key), "state": step, "amount": shown.strip()}, as_json)


def _minor(text: str, currency: str) -> int:
    try:
        value = Decimal(text)
    except InvalidOperation:
        fail(f"--amount {text!r} is no amount; write it like 380.00")
    if not value.is_finite() or value != round(value, exponent(currency)):
        fail(f"--amount {text}: {currency} has {exponent(currency)} decimal places")
    return to_minor(value, currency)
