"""``scrm settlement payouts`` and ``export-accounting``: what goes out of a period's statements."""

from pathlib import Path
from typing import Annotated

import typer

from models.files import replace_durably
from models.settings import Settings
from models.settlement.periods import parse_period
from pipelines.commands.output import AsJson, emit, fail
from pipelines.commands.settlement_closing import PeriodLabel
from pipelines.workspace import Workspace

Out = Annotated[Path, typer.Option(help="the file to write")]


def payouts(period: PeriodLabel, out: Out, as_json: AsJson = False) -> None:
    """Plan how the payable balances of a period are paid: instructions per order for WeChat Pay and Alipay within their
    limits, and what is left to be paid offline, with the reason. Nothing is sent.

    Example: `scrm settlement payouts 2026-06 --out payouts.csv`

    Exit codes: 0 written, 1 the period has no statement.
    """
    from pipelines.payouts import payouts_csv, payouts_of

    found = payouts_of(Workspace(Settings()), parse_period(period))
    _write(out, payouts_csv(found.plan))
    told = {
        "file": str(out),
        "as_of": found.at.isoformat(),
        "instructions": len(found.plan.instructions),
        "offline": len(found.plan.offline),
    }
    emit(told, as_json)


def export_accounting(
    period: PeriodLabel,
    out: Out,
    form: Annotated[str, typer.Option("--format", help="beancount or hledger")] = "beancount",
    as_json: AsJson = False,
) -> None:
    """Write a period as plain-text accounting, with the closing balance of every statement as an assertion.

    `bean-check` and `hledger check` prove it by their own arithmetic.

    Example: `scrm settlement export-accounting 2026-06 --out june.beancount`

    Exit codes: 0 written, 1 the period has no statement.
    """
    from models.settlement.accounting import export
    from pipelines.statements import statements_of

    if form not in ("beancount", "hledger"):
        fail(f"--format {form}: write beancount or hledger")
    named = parse_period(period)
    found = statements_of(Workspace(Settings()), named)
    text = export(form, named, found.statements, found.rows)  # type: ignore[arg-type]
    _write(out, text.encode())
    emit({"file": str(out), "is_frozen": found.is_frozen, "statements": found.statements.height}, as_json)


def _write(out: Path, content: bytes) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.tmp")
    draft.write_bytes(content)
    replace_durably(draft, out)
