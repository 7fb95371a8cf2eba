"""Rejected rows handed back as a file that a person repairs and imports again."""

import re
from pathlib import Path

import polars as pl

from models.contracts import ROW_COLUMN
from pipelines.lake import Entry, Lake
from pipelines.sources.files.table import EXTRA_PREFIX, PROBLEM_COLUMN, FileRefusedError

#: What a spreadsheet would run: a formula sign, in full width too, behind white space or invisible characters.
_FORMULA = r"^(?:[\s\u200b\ufeff]*[=+\-@＝＋－＠]|[\t\r\n])"
_NEGATIVE = r"^-[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?$"
_EXTRA = re.compile(rf'"{EXTRA_PREFIX}([0-9]+)":')


def export_rejects(lake: Lake, destination: Path, dataset: str | None = None, file: str | None = None) -> int:
    """Write the rejected rows as CSV (UTF-8 with BOM): the header and cells of the source, then ``_problem``.

    Only the newest import of each file counts. ``dataset`` and ``file`` (its name) narrow the choice. Cells that a
    spreadsheet would run as a formula get a leading ``'``, which the importer takes off again; plain negative numbers
    stay numbers. Returns the number of rows; with none, no file is written. Raises FileRefusedError when the rows come
    from files with different headers, which no one file can hold.
    """
    found = [
        (entry, rejected) for entry in _newest(lake, file) if (rejected := _rejected(lake, entry, dataset)) is not None
    ]
    if not found:
        return 0
    headers = {tuple(entry.details["header"]): entry.details["file"] for entry, _ in found}
    if len(headers) > 1:
        raise FileRefusedError(
            f"rejected rows of files with different columns ({', '.join(sorted(headers.values()))}) do not fit into "
            "one file: name one of them with --from"
        )
    header = [name for name in next(iter(headers)) if name != PROBLEM_COLUMN]
    rows = pl.concat([rejected for _, rejected in found])
    table = _cells(rows["raw"], header).with_columns(rows["problem"].alias(PROBLEM_COLUMN))
    safe = table.select(neutral(pl.col(name)).alias(name) for name in table.columns)
    safe.columns = pl.DataFrame({"name": table.columns}).select(neutral(pl.col("name")).alias("name"))["name"].to_list()
    safe.write_csv(destination, include_bom=True)
    return safe.height


def neutral(text: pl.Expr) -> pl.Expr:
    """Text that no spreadsheet takes for a formula."""
    runs = text.str.contains(_FORMULA) & ~text.str.contains(_NEGATIVE)
    return pl.when(runs).then(pl.lit("'") + text).otherwise(text)


def _newest(lake: Lake, file: str | None) -> list[Entry]:
    """The newest entry for the bytes of each file: an import with a better mapping replaces the one before."""
    newest: dict[str, Entry] = {}
    for entry in lake.entries():
        if entry.source.startswith("file:") and (file is None or entry.details["file"] == file):
            newest[entry.details["sha256"]] = entry
    return sorted(newest.values(), key=lambda entry: entry.seq)


def _rejected(lake: Lake, entry: Entry, dataset: str | None) -> pl.DataFrame | None:
    """One row per rejected source row, in the order of the file: ``raw`` and all its problems as one text."""
    paths = [
        lake.root / placed.path
        for placed in entry.files
        if placed.zone == "quarantine" and (dataset is None or placed.dataset == dataset)
    ]
    if not paths:
        return None
    cells = pl.concat([pl.read_parquet(path, columns=["row", "rule", "raw"]) for path in paths])
    return (
        cells.group_by("row", maintain_order=True)
        .agg(pl.col("raw").first(), pl.col("rule").unique(maintain_order=True).str.join("; ").alias("problem"))
        .sort("row")
        .rename({"row": ROW_COLUMN})
    )


def _cells(raw: pl.Series, header: list[str]) -> pl.DataFrame:
    """JSON of the rows → their cells; cells beyond the header in columns of their own, behind it."""
    most = raw.str.extract_all(_EXTRA.pattern).list.len().max()
    extra = [f"{EXTRA_PREFIX}{n}" for n in range(1, int(most) + 1)] if isinstance(most, int) else []
    names = [*header, *(name for name in extra if name not in header)]
    return raw.str.json_decode(pl.Struct(dict.fromkeys(names, pl.String))).struct.unnest()
