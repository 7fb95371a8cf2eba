"""``scrm tags``: which tags there are and who has them, and a draft of the tag document checked."""

from pathlib import Path
from typing import Annotated

import typer

from models.documents.tags import TagDocument
from models.serving import NoSnapshotError
from models.settings import Settings
from pipelines.commands import acting
from pipelines.commands.output import AsJson, emit, rows_table

app = typer.Typer(no_args_is_help=True, help="Tags: which there are, who has them, and a draft of their rules checked.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Every tag that somebody has now, and every rule that nobody meets: key, name, group, customers.

    Example: `scrm tags list`

    Exit codes: 0 done, 1 the tag document is wrong.
    """
    settings = Settings()
    document = TagDocument.load(settings.rulebooks / "tags.yaml")
    rows = _held(settings)
    known = {(row["source"], row["tag_key"]) for row in rows}
    rows += [
        {"source": "rule", "tag_key": rule.id, "name": rule.name.zh, "name_en": rule.name.en, "group": rule.group.zh}
        | {"customers": 0}
        for rule in document.tags
        if ("rule", rule.id) not in known
    ]
    columns = ("source", "tag_key", "name", "name_en", "group", "customers")
    table = rows_table("tags", columns, [["" if row[name] is None else row[name] for name in columns] for row in rows])
    emit({"version": document.version, "tags": rows}, as_json=as_json, table=table)


@app.command()
def check(
    document: Annotated[Path | None, typer.Argument(help="a draft; default: the rulebooks folder's")] = None,
    as_json: AsJson = False,
) -> None:
    """Whether a tag document holds; what does not is named with its place, in English and Chinese.

    Example: `scrm tags check draft.yaml`

    Exit codes: 0 it holds, 1 it does not.
    """
    found = TagDocument.load(document or Settings().rulebooks / "tags.yaml")
    rows = [
        {
            "id": rule.id,
            "name": rule.name.zh,
            "name_en": rule.name.en,
            "group": rule.group.zh,
            "expires_after_days": rule.expires_after_days,
        }
        for rule in found.tags
    ]
    columns = ("id", "name", "name_en", "group", "expires_after_days")
    table = rows_table("tags", columns, [["" if row[name] is None else row[name] for name in columns] for row in rows])
    emit({"version": found.version, "tags": rows}, as_json=as_json, table=table)


def _held(settings: Settings) -> list[dict[str, object]]:
    """Tags that hold in the published snapshot; none before the first publication."""
    try:
        read = acting.reader(settings, shows=True)
    except NoSnapshotError:
        return []
    found = read("reach_tags", limit=1000).rename({"tag_group": "group"})
    return found.select("source", "tag_key", "name", "name_en", "group", "customers").to_dicts()
