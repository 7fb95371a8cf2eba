"""``scrm settlement simulate``: what a draft of the rulebook would have changed."""

from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from models.documents.settlement import SettlementDocument
from models.money import display
from models.settings import Settings
from models.settlement.months import months_between
from pipelines.commands.output import AsJson, emit, rows_table

SHOWN = 20


def simulate(
    draft: Annotated[Path, typer.Argument(help="a draft of the rulebook, YAML")],
    periods: Annotated[str, typer.Option(help="a month (2026-06), or the first and last (2026-04..2026-06)")],
    effective_from: Annotated[
        datetime | None,
        typer.Option(help="the day from which the draft holds; default: the first day", formats=["%Y-%m-%d"]),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try a draft on past months: what each party, each rule and each order would have got. Nothing is changed.

    The facts of the last promoted run are settled once more by the same SQL, in a scratch warehouse. A refund stays
    under the rules of its sale.

    Example: `scrm settlement simulate draft.yaml --periods 2026-05..2026-06`

    Exit codes: 0 done, 1 the draft does not hold (each problem is named), or no run was promoted yet.
    """
    from pipelines.settlement_simulation import simulate as simulated

    first, until = months_between(periods)
    begins: date | None = effective_from.date() if effective_from else None
    found = asdict(simulated(Settings(), SettlementDocument.load(draft), first, until, begins))
    amounts = ("amount_before", "amount_after", "difference")
    tables = []
    for part, title, keys in (
        ("parties", "Parties that would get more or less", ("party_id", "party_role")),
        ("rules", "Rules", ("component", "rule_id", "party_role")),
        (
            "orders",
            f"Orders that would change most, of {found['orders_count']:,}",
            ("order_key", "party_role", "party_id"),
        ),
    ):
        rows = [
            (*(row[key] for key in keys), row["currency"], *(display(row[name], row["currency"]) for name in amounts))
            for row in found[part]
            if row["difference"]
        ]
        tables.append(rows_table(title, (*keys, "currency", "today", "draft", "difference"), rows[:SHOWN]))
    held = [(row["reason"], row["facts_before"], row["facts_after"]) for row in found["unsettled"]]
    tables.append(rows_table("Facts held back", ("reason", "today", "draft"), held))
    emit(found, as_json=as_json, table=Group(*tables))
