"""``scrm import-chat``: messages of the WeCom chat archive into the lake."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from models.settings import Settings
from pipelines.commands.output import AsJson, emit, plain, rows_table
from pipelines.doors import only_corp
from pipelines.sources import chat_archive
from pipelines.workspace import Workspace

COLUMNS = ("file", "messages", "landed", "quarantined", "known before", "archive read through")


def import_chat(
    file: Annotated[Path, typer.Argument(help="JSON lines, one decrypted message a line", exists=True, dir_okay=False)],
    corp: Annotated[
        str, typer.Option("--corp", help="whose messages, where a line does not say it; default: the connected corp")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Import messages of the WeCom chat archive, as a wrapper of the vendor's kit writes them.

    The same file, or the same messages in another one, add nothing; numbers of the archive that are missing are named.
    Files may also be dropped into the home's inbox/chat_messages/.

    Example: `scrm import-chat archive-2026-06-30.jsonl --corp ww1234567890`

    Exit codes: 0 landed (lines that break a rule are in quarantine), 1 refused: it is no archive, or nobody's.
    """
    workspace = Workspace(Settings())
    report = chat_archive.import_chat(file, workspace.lake, corp_id=corp or only_corp(workspace))
    row = (report.file, report.rows, report.accepted, report.quarantined, report.skipped, report.archive_seq)
    notes = [f"missing from the archive: {low} to {high}" for low, high in report.gaps]
    notes += [f"kind not met before, kept as it is: {kind}" for kind in report.unknown_kinds]
    table = Group(rows_table("Chat archive", COLUMNS, [row]), *(plain(note) for note in notes))
    emit(report.as_dict(), as_json=as_json, table=table)
