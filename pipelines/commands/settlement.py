"""``scrm settlement``: the rulebook checked, a worked case tried, an amount explained, periods closed and paid."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from models.documents.settlement import SettlementDocument
from models.settings import Settings
from models.settlement.cases import SettlementCase, differences
from models.settlement.explaining import explain as explain_entry
from models.settlement.explaining_fx import explain_conversion
from models.settlement.explaining_transfers import explain_transfer
from pipelines.commands import settlement_closing, settlement_money, settlement_simulation, settlement_versions
from pipelines.commands.output import AsJson, emit, fail
from pipelines.rulebooks import ground, problems_of, published_snapshot

DAY = "%Y-%m-%d"
# naive: typer parses days, and no clock is meant
FIRST_DAY, LAST_DAY = datetime.fromisoformat("2025-01-01"), datetime.fromisoformat("2027-01-01")

app = typer.Typer(
    help="Settlement: check the rulebook, try a case, explain an amount, close periods, pay.", no_args_is_help=True
)


@app.command()
def check(
    document: Annotated[Path | None, typer.Argument(help="a draft; default: the rulebooks folder's")] = None,
    from_: Annotated[datetime, typer.Option("--from", help="first day", formats=[DAY])] = FIRST_DAY,
    until: Annotated[datetime, typer.Option(help="the day after the last", formats=[DAY])] = LAST_DAY,
    as_json: AsJson = False,
) -> None:
    """Gaps, overlaps and ambiguities of a rulebook over the stores that exist in the published snapshot, and rates
    of tax and of exchange that its rules need and nobody has stated.

    Example: `scrm settlement check draft.yaml --from 2026-01-01 --until 2027-01-01`

    Exit codes: 0 it holds, 1 problems were found (each is named with its combination).
    """
    settings = Settings()
    rulebook = SettlementDocument.load(document or settings.rulebooks / "settlement.yaml")
    problems = problems_of(rulebook, ground(settings), from_.date(), until.date())
    table = Table("kind", "problem", title=f"{rulebook.name} {rulebook.version}: {len(problems)} problems")
    for problem in problems:
        table.add_row(problem.kind, problem.message)
    found = [{"kind": problem.kind, "message": problem.message} for problem in problems]
    emit({"version": rulebook.version, "problems": found}, as_json=as_json, table=table)
    if problems:
        raise typer.Exit(1)


@app.command()
def explain(
    line: Annotated[str, typer.Argument(help="an order line or refund line, as on the settlement page")],
    language: Annotated[str, typer.Option(help="zh or en")] = "en",
    as_json: AsJson = False,
) -> None:
    """How each party's amount of a line came about, recomputed from the entry's own columns.

    Example: `scrm settlement explain sh01:20260630-1:1`

    Exit codes: 0 done, 1 the line has no entries.
    """
    with published_snapshot(Settings()) as connection:
        sql = "select * from settlement_entries where line_id = $line order by posting, component_seq"
        entries = connection.sql(sql, params={"line": line}).pl().to_dicts()
        sql = "select * from settlement_transfers where line_id = $line order by posting, component, side"
        transfers = connection.sql(sql, params={"line": line}).pl().to_dicts()
        sql = "select * from settlement_conversions where line_id = $line"
        rated = {row["entry_id"]: row for row in connection.sql(sql, params={"line": line}).pl().to_dicts()}
    if not entries:
        fail(f"no settlement entry has the line {line!r}; the settlement page lists lines")
    words = [explain_entry(entry, language) for entry in entries]
    words += [explain_transfer(transfer, language) for transfer in transfers]
    conversions = [rated.get(entry["entry_id"]) for entry in (*entries, *transfers)]
    words = [
        text if one is None else f"{text}\n{explain_conversion(one, language)}"
        for text, one in zip(words, conversions, strict=True)
    ]
    table = Table("entry", "how", title=line, show_lines=True)
    for entry, text in zip([*entries, *transfers], words, strict=True):
        table.add_row(f"{entry['posting']} {entry['party_role']} {entry['party_id']}", text)
    emit({"line": line, "entries": entries, "transfers": transfers, "words": words}, as_json=as_json, table=table)


@app.command()
def case(
    files: Annotated[list[Path], typer.Argument(help="worked cases, YAML")],
    as_json: AsJson = False,
) -> None:
    """Work out cases by hand: a rulebook, a few sales and refunds, and what each party must get. Needs no data.

    Example: `scrm settlement case tests/golden/settlement/t1_graduated.yml`

    Exit codes: 0 all come out as written, 1 one does not (each difference is named).
    """
    told = {}
    for file in files:
        worked = SettlementCase.load(file)
        told[file.name] = {"case": worked.case, "differences": [str(one) for one in differences(worked)]}
    table = Table("case", "comes out", show_lines=True)
    for one in told.values():
        table.add_row(str(one["case"]), "\n".join(one["differences"]) or "as written")
    emit(told, as_json=as_json, table=table)
    if any(one["differences"] for one in told.values()):
        raise typer.Exit(1)


VERSIONS = (
    settlement_simulation.simulate,
    *(settlement_versions.publish, settlement_versions.approve, settlement_versions.withdraw),
    *(settlement_versions.versions, settlement_versions.rollback),
)
CLOSING = (settlement_closing.close, settlement_closing.verify, settlement_closing.statements, settlement_closing.mark)
for verb in (*VERSIONS, *CLOSING, settlement_money.payouts, settlement_money.export_accounting):
    app.command()(verb)
