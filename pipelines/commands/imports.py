"""``scrm import`` and ``scrm sync``: facts from outside into the lake."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.prompt import Confirm
from rich.table import Table

from models.documents.loading import DocumentError
from models.documents.mapping import Mapping
from models.settings import Settings
from pipelines.commands.output import console, emit, fail
from pipelines.lake import LakeError
from pipelines.sources import wecom
from pipelines.sources.files.importing import FileRefusedError, ImportReport, import_file
from pipelines.sources.files.proposing import Proposal, propose
from pipelines.sources.http import SourceError
from pipelines.workspace import Workspace

CONFIRM = 3


def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, XLSX, Parquet or JSONL", exists=True, dir_okay=False)],
    dataset: Annotated[str, typer.Option("--as", help="orders, refunds, customers, stores or consents")],
    map_: Annotated[Path | None, typer.Option("--map", help="the confirmed mapping document", exists=True)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="accept the proposed mapping without asking")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable result")] = False,
) -> None:
    """Import a file of any column naming, encoding and delimiter.

    Without --map a mapping is proposed from the header and a sample. At a terminal you are asked to confirm it; an
    unattended import writes the proposal beside the file and exits with 3, unless --yes.

    Example: `scrm import orders.xlsx --as orders --map orders.map.yaml`

    Exit codes: 0 landed (rows that break a rule are in quarantine), 1 refused, 2 usage, 3 confirm the mapping.
    """
    settings = Settings()
    workspace = Workspace(settings)
    try:
        mapping = Mapping.load(map_) if map_ else _confirmed(propose(file, dataset, settings), file, yes, as_json)
        report = import_file(
            file,
            dataset=dataset,
            mapping=mapping,
            lake=workspace.lake,
            settings=settings,
            consent_ledger=workspace.store.consents,
        )
    except (FileRefusedError, DocumentError, LakeError) as error:
        fail(str(error))
    emit(report.as_dict(), as_json=as_json, table=_summary(file.name, report))


def sync(
    system: Annotated[str, typer.Argument(help="wecom")],
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable result")] = False,
) -> None:
    """Pull from a system outside; goes on where the last committed page ended.

    Example: `SCRM_WECOM__CORP_ID=ww… SCRM_WECOM__SECRET=… scrm sync wecom`

    Exit codes: 0 done, 1 failed (what is landed stays; run it again), 2 unknown system.
    """
    if system != "wecom":
        fail(f"unknown system {system!r}; known: wecom", code=2)
    settings = Settings()
    if not settings.wecom.corp_id:
        fail("no corp id: set [wecom] corp_id and secret in scrm.toml, or SCRM_WECOM__CORP_ID and SCRM_WECOM__SECRET")
    try:
        report = wecom.sync(Workspace(settings).lake, settings)
    except (SourceError, LakeError) as error:
        fail(str(error))
    figures = report.as_dict()
    table = Table("synced", "rows", title="WeCom")
    for name, value in figures.items():
        table.add_row(name, str(value))
    emit(figures, as_json=as_json, table=table)


def _confirmed(proposal: Proposal, file: Path, yes: bool, as_json: bool) -> Mapping:
    """The proposal as a mapping once somebody has said yes; otherwise exits with 3 after writing it down."""
    if proposal.mapping is not None and yes:
        return proposal.mapping
    written = proposal.write(file.with_name(f"{file.stem}.map.yaml"))
    if proposal.mapping is not None and sys.stdin.isatty() and not as_json:
        console.print(proposal.table())
        if Confirm.ask("Import with this mapping?", console=console, default=False):
            return proposal.mapping
    fail(
        f"{proposal.summary()} The proposal is in {written}: read it, mend it, then "
        f"`scrm import {file} --as {proposal.dataset} --map {written}`",
        code=CONFIRM,
    )


def _summary(name: str, report: ImportReport) -> Table:
    figures = report.as_dict()
    table = Table(
        "rows", "accepted", "quarantined", "skipped", title=name + (" (already landed)" if report.repeated else "")
    )
    table.add_row(*(f"{figures[key]:,}" for key in ("rows", "accepted", "quarantined", "skipped")))
    return table
