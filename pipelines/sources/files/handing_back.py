"""Rejected rows handed back as a file that a person repairs and imports again."""

import re
from pathlib import Path

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from models.documents.mapping import Mapping
from models.formulas import neutralised
from pipelines.lake import Entry, Lake
from pipelines.sources.files.cells import cleaned
from pipelines.sources.files.sifting import located
from pipelines.sources.files.table import EXTRA_PREFIX, PROBLEM_COLUMN, FileRefusedError

_NEGATIVE = r"^-[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?$"
_EXTRA = re.compile(rf'"{EXTRA_PREFIX}([0-9]+)":')


def export_rejects(lake: Lake, destination: Path, dataset: str | None = None, file: str | None = None) -> int:
    """Write the rejected rows as CSV (UTF-8 with BOM): the header and cells of the source, then ``_problem``.

    An order or refund is replaced as a whole by the newest batch that holds it; so the accepted lines of an order with
    a rejected one come along, with an empty ``_problem``, and the repaired file holds the whole order again.

    Only the newest import of each file counts. ``dataset`` and ``file`` (its name) narrow the choice. Cells that a
    spreadsheet would run as a formula get a leading ``'``, which the importer takes off again; plain negative numbers
    stay numbers. Returns the number of rejected rows; with none, no file is written. Raises FileRefusedError when the
    rows come from files with different headers, which no one file can hold.
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
    safe = pl.DataFrame([safe_to_open(table[name]) for name in table.columns])
    safe.columns = safe_to_open(pl.Series(table.columns)).to_list()
    safe.write_csv(destination, include_bom=True)
    return rows.height - rows["problem"].null_count()


def safe_to_open(cells: pl.Series) -> pl.Series:
    """Text that no spreadsheet takes for a formula; a plain negative number is none, and stays one for the reader."""
    return neutralised(cells).zip_with(~cells.str.contains(_NEGATIVE).fill_null(False), cells)


def _newest(lake: Lake, file: str | None) -> list[Entry]:
    """The newest entry for the bytes of each file: an import with a better mapping replaces the one before."""
    newest: dict[str, Entry] = {}
    for entry in lake.entries():
        if entry.source.startswith("file:") and (file is None or entry.details["file"] == file):
            newest[entry.details["sha256"]] = entry
    return sorted(newest.values(), key=lambda entry: entry.seq)


def _rejected(lake: Lake, entry: Entry, dataset: str | None) -> pl.DataFrame | None:
    """Columns ``_row``, ``raw``, ``problem``: one row per rejected source row and companion, in the file's order."""
    parts = []
    for name in sorted({file.dataset for file in entry.files if file.zone == "quarantine"}):
        if dataset is not None and name != dataset:
            continue
        cells = _read(lake, entry, "quarantine", name, ["row", "rule", "raw"])
        rejected = cells.group_by("row", maintain_order=True).agg(
            pl.col("raw").first(), pl.col("rule").unique(maintain_order=True).str.join("; ").alias("problem")
        )
        parts += [rejected.rename({"row": ROW_COLUMN}), _companions(lake, entry, name, rejected["raw"])]
    return pl.concat(parts).sort(ROW_COLUMN) if parts else None


def _read(lake: Lake, entry: Entry, zone: str, dataset: str, columns: list[str]) -> pl.DataFrame:
    paths = [lake.root / file.path for file in entry.files if (file.zone, file.dataset) == (zone, dataset)]
    return pl.concat([pl.read_parquet(path, columns=columns) for path in paths])


def _companions(lake: Lake, entry: Entry, dataset: str, rejected: pl.Series) -> pl.DataFrame:
    """Accepted rows of the same unit of replacement (order, refund) as a rejected row, by the cells as read."""
    nothing = pl.DataFrame(schema={ROW_COLUMN: pl.Int64, "raw": pl.String, "problem": pl.String})
    of = contract(dataset)
    mapping = Mapping.model_validate(entry.details["mapping"])
    to = next(destination for destination in mapping.destinations() if destination.dataset == dataset)
    headers = located(mapping, entry.details["header"])
    unit = [headers[to.columns[name].source] for name in of.replaced_by if name in to.columns]
    landed = any((file.zone, file.dataset) == ("landed", dataset) for file in entry.files)
    if not unit or not landed or set(of.replaced_by) == set(of.key):
        return nothing
    accepted = _read(lake, entry, "landed", dataset, [ROW_COLUMN, RAW_COLUMN])
    found = _units(accepted[RAW_COLUMN], unit).with_columns(accepted)
    units = _units(rejected, unit).drop_nulls().unique()
    return found.join(units, on=unit, how="semi").select(
        ROW_COLUMN, pl.col(RAW_COLUMN).alias("raw"), pl.lit(None, dtype=pl.String).alias("problem")
    )


def _units(raw: pl.Series, names: list[str]) -> pl.DataFrame:
    decoded = raw.str.json_decode(pl.Struct(dict.fromkeys(names, pl.String))).struct.unnest()
    return pl.DataFrame([cleaned(decoded[name]) for name in names])


def _cells(raw: pl.Series, header: list[str]) -> pl.DataFrame:
    """JSON of the rows → their cells; cells beyond the header in columns of their own, behind it."""
    most = raw.str.extract_all(_EXTRA.pattern).list.len().max()
    extra = [f"{EXTRA_PREFIX}{n}" for n in range(1, int(most) + 1)] if isinstance(most, int) else []
    names = [*header, *(name for name in extra if name not in header)]
    return raw.str.json_decode(pl.Struct(dict.fromkeys(names, pl.String))).struct.unnest()
