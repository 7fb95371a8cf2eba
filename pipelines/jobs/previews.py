"""What an import would give, found out by doing it: the file goes through the real door, into a lake that is thrown
away. So the preview and the import cannot disagree."""

import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from models.contracts import ROW_COLUMN, Contract, contract
from models.documents.mapping import Mapping
from models.identifiers import masked
from models.money import display
from models.settings import Settings
from models.uploads import UNFINISHED
from pipelines.lake import Lake
from pipelines.quarantine import REJECT_DTYPES
from pipelines.sources.files.importing import LEDGER, import_file
from pipelines.sources.files.table import FileRefusedError
from pipelines.workspace import Workspace

GOOD_ROWS, BAD_ROWS, BAD_RULES = 20, 100, 50
_CELL_LENGTH = 80


class _Ledger:
    """Takes the consents that the store's ledger would take, and keeps the first of them to be shown."""

    def __init__(self) -> None:
        self.first = contract(LEDGER).empty()

    def append(self, frame: pl.DataFrame, batch: str, *, phone_region: str) -> int:  # noqa: ARG002 - the door's
        self.first = frame.head(GOOD_ROWS)
        return frame.height


def preview(path: Path, mapping: Mapping, workspace: Workspace) -> dict[str, Any]:
    """Import ``path`` into a lake that is thrown away.

    ``refused``: why the file as a whole would be refused, else null and: the accounting as in ``ImportReport``,
    ``good`` (dataset → column names and the first rows as text), ``bad`` (the first rejected cells: row, column,
    header, rule, value), ``bad_rules`` (column, rule, rows). Personal values are masked.
    """
    settings, ledger = workspace.settings, _Ledger()
    with tempfile.TemporaryDirectory(dir=settings.uploads_dir, prefix=UNFINISHED) as scratch:
        lake = Lake(Path(scratch))
        try:
            report = import_file(
                path, dataset=mapping.dataset, mapping=mapping, lake=lake, settings=settings, consent_ledger=ledger
            )
        except FileRefusedError as error:
            return {"refused": str(error)}
        rejected = [_rejected(lake, name, mapping) for name in lake.datasets("quarantine")]
        good = {name: _first(lake, name) for name in lake.datasets("landed")}
    if ledger.first.height:
        good[LEDGER] = ledger.first
    bad = pl.concat(rejected) if rejected else _no_rejects()
    return {
        "refused": None,
        **report.as_dict(),
        "good": {name: _shown(frame, contract(name), settings) for name, frame in good.items()},
        "bad": bad.sort("row", maintain_order=True).head(BAD_ROWS).to_dicts(),
        "bad_rules": bad.group_by("column", "rule", maintain_order=True)
        .agg(rows=pl.col("row").n_unique())
        .sort("rows", descending=True, maintain_order=True)
        .head(BAD_RULES)
        .to_dicts(),
    }


def _first(lake: Lake, dataset: str) -> pl.DataFrame:
    path = next(lake.root / file.path for _, file in lake.files("landed", dataset))
    return pl.scan_parquet(path).head(GOOD_ROWS).collect()


def _rejected(lake: Lake, dataset: str, mapping: Mapping) -> pl.DataFrame:
    """Columns dataset, row, column, header, rule, value."""
    to = next(destination for destination in mapping.destinations() if destination.dataset == dataset)
    headers = {target: spec.source for target, spec in to.columns.items()}
    found = lake.read("quarantine", dataset)
    return found.select(
        pl.lit(dataset).alias("dataset"),
        "row",
        "column",
        pl.col("column").replace_strict(headers, default=None, return_dtype=pl.String).alias("header"),
        "rule",
        pl.col("value").str.slice(0, _CELL_LENGTH),
    )


def _no_rejects() -> pl.DataFrame:
    names = ("dataset", "row", "column", "header", "rule", "value")
    return pl.DataFrame(schema={name: REJECT_DTYPES.get(name, pl.String()) for name in names})


def _shown(frame: pl.DataFrame, of: Contract, settings: Settings) -> dict[str, Any]:
    """Column names with something in them, and rows as text: amounts in major units, times in the company's."""
    filled = [
        column for column in of.columns if column.name in frame.columns and not frame[column.name].is_null().all()
    ]
    typed = frame.with_columns(
        pl.col(column.name)
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone(settings.timezone)
        .dt.strftime("%Y-%m-%d %H:%M:%S")
        for column in filled
        if column.kind == "timestamp"
    )
    rows = []
    for row in typed.to_dicts():  # GOOD_ROWS of them
        cells = []
        for column in filled:
            value = row[column.name]
            if column.kind == "amount" and value is not None:
                value = display(value, row.get("currency") or settings.currency)
            text = "" if value is None else str(value)[:_CELL_LENGTH]
            cells.append((masked(text) or "") if column.personal else text)
        rows.append(cells)
    return {
        "columns": [column.name for column in filled],
        "rows": rows,
        "numbers": frame[ROW_COLUMN].to_list() if ROW_COLUMN in frame.columns else [],
    }
