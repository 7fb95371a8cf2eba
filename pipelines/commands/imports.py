"""``scrm import``: files into the lake."""

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.prompt import Confirm

from models.documents.mapping import Mapping, file_datasets, write_beside
from models.settings import Settings
from pipelines.commands.output import CONFIRM, AsJson, console, emit, fail, plain, rows_table
from pipelines.doors import DOORS
from pipelines.sources.files.importing import ImportReport, import_file
from pipelines.sources.files.proposing import Proposal, propose
from pipelines.workspace import Workspace


def _known_dataset(name: str) -> str:
    known = (*file_datasets(), *DOORS)
    if name not in known:
        raise typer.BadParameter(f"{name!r}; files hold {', '.join(known)}")
    return name


def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, XLSX, Parquet or JSONL", exists=True, dir_okay=False)],
    dataset: Annotated[
        str, typer.Option("--as", help="orders, refunds, customers, stores, bills, …", callback=_known_dataset)
    ],
    map_: Annotated[
        Path | None, typer.Option("--map", help="the confirmed mapping document", exists=True, dir_okay=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="accept the proposed mapping without asking")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a file of any column naming, encoding and delimiter.

    Without --map a mapping is proposed from the header and a sample. At a terminal you are asked to confirm it; an
    unattended import writes the proposal beside the file and exits with 3, unless --yes. A mapping that is there
    already is never overwritten.

    Example: `scrm import orders.xlsx --as orders --map orders.map.yaml`

    Exit codes: 0 landed (rows that break a rule are in quarantine), 1 refused, 2 usage, 3 confirm the mapping.
    """
    settings = Settings()
    workspace = Workspace(settings)
    if dataset in DOORS:
        landed = asdict(DOORS[dataset](file, workspace))
        emit(landed, as_json=as_json, table=rows_table(file.name, tuple(landed), [tuple(landed.values())]))
        return
    mapping = Mapping.load(map_) if map_ else _confirmed(propose(file, dataset, settings), file, yes, as_json)
    report = import_file(
        file,
        dataset=dataset,
        mapping=mapping,
        lake=workspace.lake,
        settings=settings,
        consent_ledger=workspace.store.consents,
    )
    emit(report.as_dict(), as_json=as_json, table=_summary(file.name, report))


def _confirmed(proposal: Proposal, file: Path, yes: bool, as_json: bool) -> Mapping:
    """The proposal as a mapping once somebody has said yes; otherwise exits with 3 after writing it down."""
    if proposal.mapping is not None and yes:
        return proposal.mapping
    written = write_beside(file, proposal.text())
    if proposal.mapping is not None and sys.stdin.isatty() and not as_json:
        console.print(proposal.table())
        if Confirm.ask("Import with this mapping?", console=console, default=False):
            return proposal.mapping
    usual = file.with_name(f"{file.stem}.map.yaml")
    other = f" ({usual} is another mapping: name it with --map if it is the one that is meant)"
    fail(
        f"{proposal.summary()} The proposal is in {written}{other if written != usual else ''}: read it, mend it, then "
        f"`scrm import {shlex.quote(str(file))} --as {proposal.dataset} --map {shlex.quote(str(written))}`",
        code=CONFIRM,
    )


def _summary(name: str, report: ImportReport) -> Group:
    """What a person sees: the accounting by dataset, why rows were skipped, what deserves a look, what to do next."""
    rows = [(dataset, part["accepted"], part["quarantined"]) for dataset, part in report.parts.items()]
    lines = [f"{report.rows:,} rows: {report.accepted:,} accepted, {report.quarantined:,} quarantined, "
             f"{report.skipped:,} skipped"]  # fmt: skip
    if report.skipped:
        lines[0] += f" ({', '.join(f'{reason} {rows:,}' for reason, rows in report.skipped_for.items() if rows)})"
    for warning in report.warnings:
        subject = ".".join(part for part in (warning["dataset"], warning["column"]) if part)
        rows_of = f", {warning['rows']:,} row(s)" if warning["rows"] else ""
        lines.append(f"warning: {subject or name}{rows_of}: {warning['message']}")
    if report.repeated:
        lines.insert(0, "already landed with this mapping: nothing was changed")
    if report.quarantined:
        lines.append("next: `scrm quarantine list` says why, `scrm quarantine export` hands them back to be repaired")
    return Group(rows_table(name, ("dataset", "accepted", "quarantined"), rows), *(plain(line) for line in lines))
