"""``scrm import-bill``: bills of payment channels into the lake."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from models.settings import Settings
from pipelines.commands.output import AsJson, emit, plain, rows_table
from pipelines.doors import only_merchant
from pipelines.sources.bills.importing import BillReport, import_bills, summed
from pipelines.sources.bills.lines import Told
from pipelines.workspace import Workspace

COLUMNS = ("file", "bill", "lines", "accepted", "quarantined", "batch", "state")


def import_bill(
    file: Annotated[Path, typer.Argument(help="CSV, gzip or zip as downloaded", exists=True, dir_okay=False)],
    account: Annotated[
        str | None, typer.Option("--account", help="the merchant; needed for fund bills, which name none")
    ] = None,
    account_type: Annotated[
        str | None,
        typer.Option("--account-type", help="of a fund bill: BASIC, OPERATION or FEES", show_default="BASIC"),
    ] = None,
    date: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="the bill's day, for a bill without lines")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import bills of WeChat Pay (trade, fund, split) and Alipay (trade, account).

    What a bill is, its header says. It must add up: its closing lines are proven against its lines. The same bill,
    renamed or zipped anew, is a no-op. Files may also be dropped into the home's inbox/bills/.

    Example: `scrm import-bill 20882088_20260701.csv.zip`

    Exit codes: 0 landed (lines that break a rule are in quarantine), 1 refused: it does not add up, or is no bill.
    """
    workspace = Workspace(Settings())
    told = Told(account, account_type, date.date() if date else None, only_merchant(workspace))
    show(import_bills(file, lake=workspace.lake, told=told), as_json=as_json)


def show(reports: list[BillReport], *, as_json: bool) -> None:
    """The answer for the bills of one file."""
    rows = [
        (r.file, r.bill, r.rows, r.accepted, r.quarantined, r.seq, "was there" if r.repeated else "landed")
        for r in reports
    ]
    lines = [plain(f"warning: {report.file}: {words}") for report in reports for words in report.warnings]
    data = {"bills": [report.as_dict() for report in reports], **summed(reports)}
    emit(data, as_json=as_json, table=Group(rows_table("Bills", COLUMNS, rows), *lines))
