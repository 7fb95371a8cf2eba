"""Rejected rows: those that are open, listed, and handed back as a file that a person repairs and imports again.

A row is open until a later batch names its unit of replacement (its order, refund, customer or store). That batch
speaks for the whole unit; to hand the older row back, with the accepted lines of its order, would undo what came later.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from models.documents.mapping import Destination, Format, Mapping
from models.formulas import neutralised
from pipelines.lake import Entry, Lake
from pipelines.sources.files.cells import cleaned, read_currency
from pipelines.sources.files.remedies import remedy
from pipelines.sources.files.sifting import located
from pipelines.sources.files.table import EXTRA_PREFIX, PROBLEM_COLUMN, FileRefusedError
from pipelines.sources.files.times import read_date

_NEGATIVE = r"^-[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?$"
_EXTRA = re.compile(rf'"{EXTRA_PREFIX}([0-9]+)":')
_LISTED = ["dataset", "file", "column", "rule"]


@dataclass(frozen=True)
class HandedBack:
    """``rows``: rejected rows in the file. ``mapping`` imports the file; None when its rows came by several."""

    rows: int
    mapping: Mapping | None


@dataclass(frozen=True)
class _Open:
    """Open cells of one dataset in one batch: the columns of REJECT_DTYPES."""

    entry: Entry
    dataset: str
    cells: pl.DataFrame


def listing(lake: Lake) -> pl.DataFrame:
    """What is open: dataset, file, column, rule, rows, one masked example and the remedy, most rows first."""
    found = [part.cells.with_columns(pl.lit(part.dataset).alias("dataset")) for part in _open(lake, None)]
    if not found:
        figures: dict[str, pl.DataType] = {"rows": pl.UInt32(), "example": pl.String(), "remedy": pl.String()}
        return pl.DataFrame(schema={**dict.fromkeys(_LISTED, pl.String()), **figures})
    return (
        pl.concat(found)
        .group_by(_LISTED)
        .agg(rows=pl.col("row").n_unique(), example=pl.col("value").drop_nulls().first())
        .sort("rows", *_LISTED, descending=[True, False, False, False, False])
        .with_columns(_remedies(pl.col("rule")).alias("remedy"))
    )


def _remedies(rules: pl.Expr) -> pl.Expr:
    return rules.map_batches(
        lambda found: found.replace_strict(names := found.unique(), [remedy(name) for name in names]), pl.String
    )


def export_rejects(lake: Lake, destination: Path, dataset: str | None = None, file: str | None = None) -> HandedBack:
    """Write the open rows as CSV (UTF-8 with BOM): the header and cells of the source, then ``_problem``.

    An order or refund is replaced as a whole by the newest batch that holds it; so the accepted lines of an order with
    a rejected one come along, with an empty ``_problem``, and the repaired file holds the whole order again.

    ``dataset`` and ``file`` (its name) narrow the choice. Cells that a spreadsheet would run as a formula get a leading
    ``'``, which the importer takes off again; plain negative numbers stay numbers. With no row, no file is written.
    Raises FileRefusedError when the rows come from files with different headers, which no one file can hold.
    """
    found = [
        part
        for part in _open(lake, dataset)
        if part.entry.source.startswith("file:") and file in (None, part.entry.details["file"])
    ]
    if not found:
        return HandedBack(0, None)
    headers = {tuple(_header(part.entry)): part.entry.details["file"] for part in found}
    if len(headers) > 1:
        raise FileRefusedError(
            f"rejected rows of files with different columns ({', '.join(sorted(headers.values()))}) do not fit into "
            "one file: name one of them with --from"
        )
    rows = pl.concat([_with_companions(lake, part) for part in found]).sort("seq", ROW_COLUMN, maintain_order=True)
    table = _cells(rows["raw"], list(next(iter(headers)))).with_columns(rows["problem"].alias(PROBLEM_COLUMN))
    safe = pl.DataFrame([safe_to_open(table[name]) for name in table.columns])
    safe.columns = safe_to_open(pl.Series(table.columns)).to_list()
    safe.write_csv(destination, include_bom=True)
    mappings = {found.version: found for found in (_readable_as_csv(_mapping(part.entry)) for part in found)}
    return HandedBack(
        rows.height - rows["problem"].null_count(), next(iter(mappings.values())) if len(mappings) == 1 else None
    )


def safe_to_open(cells: pl.Series) -> pl.Series:
    """Text that no spreadsheet takes for a formula; a plain negative number is none, and stays one for the reader."""
    return neutralised(cells).zip_with(~cells.str.contains(_NEGATIVE).fill_null(False), cells)


def _header(entry: Entry) -> list[str]:
    return [name for name in entry.details["header"] if name != PROBLEM_COLUMN]


def _mapping(entry: Entry) -> Mapping:
    return Mapping.model_validate(entry.details["mapping"])


def _readable_as_csv(mapping: Mapping) -> Mapping:
    """What is handed back is a plain CSV, whatever sheet, encoding or header row the source had."""
    return mapping.model_copy(update={"format": Format()})


def _open(lake: Lake, dataset: str | None) -> list[_Open]:
    """Open cells by batch. An import of the same bytes by a better mapping replaces the one before; so does a bill."""
    newest = {entry.details["sha256"]: entry.seq for entry in lake.entries() if entry.source.startswith("file:")}
    bills = {entry.details["bill"]: entry.seq for entry in lake.entries() if "bill" in entry.details}
    found = []
    for name in lake.datasets("quarantine"):
        if dataset not in (None, name):
            continue
        parts = [
            _Open(entry, name, pl.read_parquet(lake.root / file.path))
            for entry, file in lake.files("quarantine", name)
            if not entry.source.startswith("file:") or newest[entry.details["sha256"]] == entry.seq
            if "bill" not in entry.details or bills[entry.details["bill"]] == entry.seq
        ]
        found += _not_spoken_for(lake, name, parts) if contract(name).replaced_by else parts
    return [part for part in found if part.cells.height]


def _not_spoken_for(lake: Lake, dataset: str, parts: list[_Open]) -> list[_Open]:
    unit = list(contract(dataset).replaced_by)
    units = {part.entry.seq: _units(part.entry, dataset, part.cells["raw"]) for part in parts}
    named = [
        _as_text(pl.read_parquet(lake.root / file.path, columns=unit).unique()).with_columns(seq=pl.lit(entry.seq))
        for entry, file in lake.files("landed", dataset)
    ]
    named += [_stated(frame, dataset).unique().with_columns(seq=pl.lit(seq)) for seq, frame in units.items()]
    last = pl.concat(named).group_by(unit).agg(pl.col("seq").max())
    found = []
    for part in parts:
        with_last = units[part.entry.seq].join(last, on=unit, how="left", nulls_equal=True, maintain_order="left")
        still = (with_last["seq"] <= part.entry.seq).fill_null(True)
        found.append(_Open(part.entry, dataset, part.cells.filter(still)))
    return found


def _stated(units: pl.DataFrame, dataset: str) -> pl.DataFrame:
    """Without rows that do not say to which unit they belong."""
    of = contract(dataset)
    return units.drop_nulls([name for name in of.replaced_by if of.by_name[name].required])


def _units(entry: Entry, dataset: str, raw: pl.Series) -> pl.DataFrame:
    """The unit of replacement of each source row, read as the importer reads it; null where the row states none."""
    unit = contract(dataset).replaced_by
    if not entry.source.startswith("file:"):  # a connector's rows come again with its next pass
        return pl.DataFrame(schema=dict.fromkeys(unit, pl.String)).clear(raw.len())
    mapping = _mapping(entry)
    to = next(destination for destination in mapping.destinations() if destination.dataset == dataset)
    headers = located(mapping, entry.details["header"])
    sources = {name: headers[to.columns[name].source] for name in unit if name in to.columns}
    cells = raw.str.json_decode(pl.Struct(dict.fromkeys(sources.values(), pl.String))).struct.unnest()
    return raw.to_frame().select(
        _unit_cells(cells[sources[name]], to, name).alias(name)
        if name in sources
        else pl.repeat(to.constants.get(name), pl.len(), dtype=pl.String).alias(name)
        for name in unit
    )


def _unit_cells(cells: pl.Series, to: Destination, name: str) -> pl.Series:
    text = cleaned(cells).replace(to.columns[name].values)
    match to.contract.by_name[name].kind:
        case "date":
            return read_date(text, to.columns[name].format, to.constants["timezone"])[0].cast(pl.String)
        case "currency":
            return read_currency(text)[0]
        case _:
            return text


def _as_text(units: pl.DataFrame) -> pl.DataFrame:
    return units.with_columns(pl.all().cast(pl.String))


def _with_companions(lake: Lake, part: _Open) -> pl.DataFrame:
    """Columns seq, _row, raw, problem: the rejected rows, and the accepted ones of the same order or refund."""
    rejected = part.cells.group_by("row", maintain_order=True).agg(
        pl.col("raw").first(), pl.col("rule").unique(maintain_order=True).alias("rules")
    )
    remedies = _remedies(pl.element())
    rejected = rejected.with_columns(
        pl.concat_str(
            pl.col("rules").list.join("; "),
            pl.lit(". Remedy: "),
            pl.col("rules").list.eval(remedies).list.unique(maintain_order=True).list.join("; "),
        ).alias("problem")
    ).drop("rules")
    rows = [rejected.rename({"row": ROW_COLUMN})]
    of = contract(part.dataset)
    paths = [lake.root / file.path for file in part.entry.files if (file.zone, file.dataset) == ("landed", of.dataset)]
    if paths and of.replaced_by and set(of.replaced_by) != set(of.key):
        unit = list(of.replaced_by)
        units = _stated(_units(part.entry, of.dataset, rejected["raw"]), of.dataset).unique()
        accepted = pl.concat([pl.read_parquet(path, columns=[ROW_COLUMN, RAW_COLUMN, *unit]) for path in paths])
        companions = accepted.with_columns(pl.col(unit).cast(pl.String)).join(
            units, on=unit, how="semi", nulls_equal=True
        )
        nothing = pl.lit(None, dtype=pl.String).alias("problem")
        rows.append(companions.select(ROW_COLUMN, pl.col(RAW_COLUMN).alias("raw"), nothing))
    return pl.concat(rows).with_columns(seq=pl.lit(part.entry.seq))


def _cells(raw: pl.Series, header: list[str]) -> pl.DataFrame:
    """JSON of the rows → their cells; cells beyond the header in columns of their own, behind it."""
    most = raw.str.extract_all(_EXTRA.pattern).list.len().max()
    extra = [f"{EXTRA_PREFIX}{n}" for n in range(1, int(most) + 1)] if isinstance(most, int) else []
    names = [*header, *(name for name in extra if name not in header)]
    return raw.str.json_decode(pl.Struct(dict.fromkeys(names, pl.String))).struct.unnest()
