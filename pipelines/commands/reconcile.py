"""``scrm reconcile``: differences between bills and our own payments, and what becomes of them."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
import typer

from models.money import display
from models.settings import Settings
from models.store import Store
from models.store.reconciliation import in_force
from pipelines.commands import acting
from pipelines.commands.output import AsJson, emit, fail, rows_table

DAY = "%Y-%m-%d"
_MOST = 100_000
_NEXT_RUN = (
    "the page shows it at once, tables from the next run on; `scrm reconcile undo {number} --reason …` takes it back"
)

Reason = Annotated[str, typer.Option(help="why; kept with the decision")]

app = typer.Typer(help="Bills against our own payments: list differences, decide.", invoke_without_command=True)


@app.callback()
def differences(
    context: typer.Context,
    day: Annotated[datetime | None, typer.Option(help="only this day of bills", formats=[DAY])] = None,
    channel: Annotated[str | None, typer.Option(help="only this channel, such as wechat_pay")] = None,
    state: Annotated[
        str | None, typer.Option(help="open, waiting, accept, adjust or dispute; default: all that is not waiting")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="write them to this file, amounts in major units")] = None,
    as_json: AsJson = False,
) -> None:
    """Differences of the published snapshot, with what was decided since, and what both sides come to.

    Example: `scrm reconcile --day 2026-06-30 --channel wechat_pay --csv differences.csv`

    Exit codes: 0 done, 1 nothing is published.
    """
    if context.invoked_subcommand is not None:
        return
    from models.serving.reconciling import overlaid

    settings = Settings()
    read = acting.reader(settings, shows=True)
    days = read("reconciliation_last_day")
    if days.is_empty():
        emit({"differences": [], "totals": []}, as_json=as_json)
        return
    first, last = (day.date(), day.date()) if day is not None else days.row(0)
    asked = {"first": first, "last": last, "channel": channel}
    found = read("reconciliation_items", **asked, difference_class=None, limit=_MOST)
    with Store.open(settings.store_address) as store:
        items = overlaid(found, store.reconciliation_decisions.in_force())
    items = items.filter(pl.col("state") == state if state else pl.col("state") != "waiting").drop("matches_count")
    totals = read("reconciliation_by_class", **asked)
    if csv is not None:
        _major(items).write_csv(csv)
    data = {"first": first, "last": last, "differences": items.to_dicts(), "totals": totals.to_dicts()}
    columns = ["item_id", "class", "further_class", "state", "day", "difference_amount", "currency"]
    shown = _major(items).select(columns)
    title = f"{items.height} differences, {first} to {last}" + (f", written to {csv}" if csv is not None else "")
    cells = [["" if cell is None else str(cell) for cell in row] for row in shown.iter_rows()]
    emit(data, as_json=as_json, table=rows_table(title, columns, cells))


@app.command()
def decide(
    key: Annotated[str, typer.Argument(help="the difference (item_id), as `scrm reconcile` lists it")],
    verdict: Annotated[Literal["accept", "adjust", "dispute"], typer.Argument(help="what becomes of it")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Say what becomes of a difference: it may stay (accept), our books follow the bill (adjust), or the channel is
    asked (dispute). It holds as long as the difference stays what it is.

    Example: `scrm reconcile decide bill:wechat_pay:1900:payment:42:42:2 dispute --reason "charged twice, case 77"`

    Exit codes: 0 recorded; 1 there is no such difference, or nothing is published; 2 wrong usage.
    """
    from models.serving.reconciling import difference_of

    settings = Settings()
    item = acting.reader(settings, shows=True)("reconciliation_item", item_id=key)
    if item.is_empty():
        fail(f"there is no difference {key!r}; `scrm reconcile` lists them")
    difference = difference_of(item.row(0, named=True))
    with Store.open(settings.store_address) as store:
        now, by = acting.now(), acting.author()
        number = store.reconciliation_decisions.decide(verdict, difference, reason=reason, author=by, at=now)
        details = {"verdict": verdict, "item_id": key, "class": difference.class_}
        store.audit.record(by, "difference_decided", "reconciliation_decision", str(number), details, now)
    data = {"decision": number, "verdict": verdict, "item_id": key, "next": _NEXT_RUN.format(number=number)}
    emit(data, as_json=as_json)


@app.command()
def undo(
    decision: Annotated[int, typer.Argument(help="its number, see `scrm reconcile decisions`")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Take a decision back. The ledger keeps both.

    Example: `scrm reconcile undo 3 --reason "the channel has answered"`

    Exit codes: 0 recorded; 1 there is no such decision, or it was taken back before; 2 wrong usage.
    """
    with Store.open(Settings().store_address) as store:
        now, by = acting.now(), acting.author()
        number = store.reconciliation_decisions.undo(decision, reason=reason, author=by, at=now)
        store.audit.record(by, "difference_undone", "reconciliation_decision", str(number), {"undoes": decision}, now)
    emit({"decision": number, "undoes": decision}, as_json=as_json)


@app.command()
def decisions(as_json: AsJson = False) -> None:
    """All decisions on differences, in order; `holds`: not taken back, the newest on its difference.

    Example: `scrm reconcile decisions`

    Exit codes: 0 done.
    """
    with Store.open(Settings().store_address) as store:
        ledger = store.reconciliation_decisions.rows_after(0)
    told = ledger.with_columns(holds=pl.col("seq").is_in(in_force(ledger)["seq"].implode())).drop("seq")
    columns = ["decision_id", "verdict", "item_id", "class", "holds", "undoes", "reason", "author", "decided_at"]
    cells = [["" if cell is None else str(cell) for cell in row] for row in told.select(columns).iter_rows()]
    emit({"decisions": told.to_dicts()}, as_json=as_json, table=rows_table("Decisions", columns, cells))


def _major(items: pl.DataFrame) -> pl.DataFrame:
    """Amounts as decimals in the row's currency, for people and spreadsheets."""
    amounts = ("ours_amount", "bill_amount", "difference_amount", "ours_fee", "bill_fee", "fee_difference")
    return items.with_columns(
        pl.Series(
            name,
            [
                None if value is None else display(value, currency).replace(",", "")
                for value, currency in zip(items[name], items["currency"], strict=True)
            ],
            dtype=pl.String,
        )
        for name in amounts
    )
