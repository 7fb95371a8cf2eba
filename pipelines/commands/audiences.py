"""``scrm audience``: list the documents, count who is in, write the file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from models.audiences.selection import select
from models.documents.audience import AudienceDocument, load_audiences
from models.serving import Snapshots
from models.settings import Settings
from models.store import Store
from pipelines.channels.file import ExportReport, export_audience
from pipelines.commands import acting
from pipelines.commands.output import AsJson, emit, fail, rows_table

app = typer.Typer(no_args_is_help=True, help="Audiences: who is meant, who may be contacted, and the file of them.")

Name = Annotated[str, typer.Argument(help="Name of the audience, see `scrm audience list`.")]


class Format(StrEnum):
    csv = "csv"
    xlsx = "xlsx"


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the audience documents of the rulebooks folder.

    Example: `scrm audience list`

    Exit codes: 0 listed; 1 a document does not hold.
    """
    found = load_audiences(Settings().rulebooks).values()
    rows = [
        {
            "name": document.name,
            "title": document.title.model_dump(),
            "purpose": document.purpose,
            "channel": document.channel,
            "version": document.version,
        }
        for document in found
    ]
    table = rows_table(
        "Audiences",
        ("name", "title", "purpose", "channel", "version"),
        [(d.name, f"{d.title.en} / {d.title.zh}", d.purpose, d.channel, d.version) for d in found],
    )
    emit({"audiences": rows}, as_json, table)


@app.command()
def preview(name: Name, as_json: AsJson = False) -> None:
    """Count who is in an audience now, who may be contacted, and who is left out for which reason. Writes nothing.

    Example: `scrm audience preview at_risk_with_consent`

    Exit codes: 0 counted; 1 no such audience, or nothing is published yet.
    """
    settings = Settings()
    document = _document(settings, name)
    snapshot = Snapshots(settings.published_dir).current()
    with Store.open(settings.store_address) as store:
        found = select(document, snapshot, store, acting.viewer(), acting.now(), settings.zone)
    data = {
        "audience": document.name,
        "version": document.version,
        "publication": found.publication,
        "members": found.members,
        "contactable": found.contactable.kept.height,
        "left_out": found.contactable.left_out,
    }
    table = rows_table(
        document.title.en,
        ("", "customers"),
        [
            ("meet the conditions", found.members),
            *((f"left out: {reason}", count) for reason, count in found.contactable.left_out.items() if count),
            ("may be contacted", found.contactable.kept.height),
        ],
    )
    emit(data, as_json, table)


@app.command()
def export(
    name: Name,
    formats: Annotated[
        list[Format] | None, typer.Option("--format", help="csv or xlsx, can be given twice; default: both.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; default: exports in the company's home.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write an audience to CSV and XLSX: only people who may be contacted at this moment; every file is audited.

    Example: `scrm audience export at_risk_with_consent --format csv --out ./to-provider`

    Exit codes: 0 written; 1 refused (the message says why), nothing was written.
    """
    settings = Settings()
    document = _document(settings, name)
    snapshot = Snapshots(settings.published_dir).current()
    with Store.open(settings.store_address) as store:
        report = export_audience(
            document,
            source=snapshot,
            store=store,
            viewer=acting.viewer(),
            folder=out or settings.exports_dir,
            now=acting.now(),
            zone=settings.zone,
            formats=[format_.value for format_ in formats or list(Format)],
        )
    _show(report, as_json)


def _show(report: ExportReport, as_json: bool) -> None:
    data = {
        "export_id": report.export_id,
        "audience": report.audience,
        "version": report.audience_version,
        "publication": report.publication,
        "members": report.members,
        "rows": report.rows,
        "left_out": dict(report.left_out),
        "files": [
            {"path": str(file.path), "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}
            for file in report.files
        ],
    }
    left_out = ", ".join(f"{reason} {count:,}" for reason, count in report.left_out.items() if count) or "nobody"
    table = rows_table(
        f"{report.audience}: {report.rows:,} of {report.members:,} exported; left out: {left_out}",
        ("file", "rows", "bytes"),
        [(file.path, file.rows, file.bytes) for file in report.files],
    )
    emit(data, as_json, table)


def _document(settings: Settings, name: str) -> AudienceDocument:
    documents = load_audiences(settings.rulebooks)
    if name not in documents:
        fail(f"no audience {name!r}; known: {', '.join(documents) or '(none)'}")
    return documents[name]
