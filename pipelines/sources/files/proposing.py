"""A proposed mapping: from the header, by the contract's names, labels and synonyms, and from a sample of cells."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml
from rich.table import Table as RichTable

from models.contracts import RAW_COLUMN, ROW_COLUMN, Column, Contract, contract
from models.documents.mapping import FILE_FACTS, ColumnSource, Destination, Format, Mapping, file_datasets
from models.identifiers import masked
from models.settings import Settings
from pipelines.sources.files.cells import cleaned
from pipelines.sources.files.parsing import parse
from pipelines.sources.files.reading import load_source, read_table
from pipelines.sources.files.table import PROBLEM_COLUMN, FileRefusedError, Table, folded, raw_json
from pipelines.sources.files.translations import VALUES

_SAMPLE_ROWS = 500
_HEADER_WITHIN = 20  # rows looked at for the header
_LABEL, _SYNONYM, _PART = 1.0, 0.9, 0.6
_SURE = 0.8


@dataclass(frozen=True)
class Match:
    """A source column proposed for a target. ``confidence``: header likeness times the share of readable cells."""

    target: str
    source: str
    confidence: float
    values: dict[str, str]
    example: str


@dataclass(frozen=True)
class Proposal:
    """``mapping`` is None while a required column is missing; ``sample``: the first rows as read."""

    dataset: str
    file: str
    mapping: Mapping | None
    matches: tuple[Match, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    constants: dict[str, str]
    header_row: int
    negatives: str | None  # source column of quantities below zero, which want a route
    sample: tuple[dict[str, str | None], ...]

    def confirmed(self) -> Mapping:
        """The mapping. Raises FileRefusedError naming what is missing, the header and the remedy."""
        if self.mapping is None:
            header = ", ".join([*(match.source for match in self.matches), *self.unused])
            raise FileRefusedError(
                f"{self.file}: no column found for {self.dataset}.{', '.join(self.missing)}, which is required. Its "
                f"header is: {header}. Write a mapping that names the column, or gives a constant"
            )
        return self.mapping

    def summary(self) -> str:
        """One sentence for the terminal."""
        unsure = [match.target for match in self.matches if match.confidence < _SURE]
        text = f"{len(self.matches)} column(s) of {self.file} were recognised as {self.dataset}"
        text += f", unsure of {', '.join(unsure)}" if unsure else ""
        return text + (f"; required and not found: {', '.join(self.missing)}." if self.missing else ".")

    def table(self) -> RichTable:
        """For a person at a terminal."""
        shown = RichTable("column of the dataset", "column of the file", "confidence", "example", title=self.file)
        for match in self.matches:
            shown.add_row(match.target, match.source, f"{match.confidence:.0%}", match.example)
        for target, value in self.constants.items():
            shown.add_row(target, "", "constant", value)
        for target in self.missing:
            shown.add_row(target, "[red]missing[/red]", "", "")
        return shown

    def text(self) -> str:
        """The mapping as YAML with a comment on every line; what is missing stands as a line to fill in."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> list[str]:
        of = contract(self.dataset)
        lines = [f"# Proposed for {self.file}. Read every line, mend it, then import with --map.", ""]
        lines += [f"dataset: {self.dataset}  # {of.grain}", ""]
        if self.header_row != 1:
            lines += ["format:", f"  header_row: {self.header_row}  # the rows above it are not read", ""]
        lines.append("constants:  # one value for the whole file")
        lines += [f"  {name}: {_scalar(value)}{_about(of, name)}" for name, value in self.constants.items()]
        lines += [
            f"  # {name}:  # REQUIRED: a value here, or a column below{_about(of, name)}" for name in self.missing
        ]
        lines += ["", "columns:  # column of the dataset: column of the file"]
        for match in self.matches:
            lines += _match_lines(match, of.by_name[match.target])
        given = {match.target for match in self.matches} | {*self.constants, *self.missing}
        for column in of.columns:
            if column.name not in given:
                lines.append(f"  # {column.name}:  # {_labels(column)}; optional")
        if self.unused:
            lines += ["", f"# Not mapped, kept as read in _raw: {', '.join(self.unused)}"]
        lines += ["", "duplicates: keep  # drop: skip rows that repeat an earlier row in every cell"]
        if self.negatives is not None:
            lines += ["", *_route_hint(self.negatives)]
        return lines


def propose(path: Path, dataset: str, settings: Settings) -> Proposal:
    """Read a file and propose how its columns map to a dataset. Raises FileRefusedError when it is not readable."""
    if dataset not in file_datasets():
        raise FileRefusedError(f"unknown dataset {dataset!r}; files hold {', '.join(file_datasets())}")
    of = contract(dataset)
    source = load_source(path)
    header_row, table = _with_header(read_table(source), of)
    if header_row != 1:
        table = read_table(source, Format(header_row=header_row))
    header = [name for name in table.header if name != PROBLEM_COLUMN]
    sample = table.frame.head(_SAMPLE_ROWS)
    matches = _matches(header, sample, of, settings)
    targets = {match.target for match in matches}
    constants = {
        name: value
        for name, value in (("currency", settings.currency), ("timezone", settings.timezone))
        if name not in targets and (name in of.by_name or name in FILE_FACTS[1:])
    }
    constants = {name: value for name, value in constants.items() if _wanted(of, name)}
    missing = of.missing([*targets, *constants])
    used = {match.source for match in matches}
    return Proposal(
        dataset=dataset,
        file=source.name,
        mapping=None if missing else _mapping(of, matches, constants, header_row),
        matches=tuple(matches),
        missing=missing,
        unused=tuple(name for name in header if name not in used),
        constants=constants,
        header_row=header_row,
        negatives=_negatives(sample, matches) if dataset == "orders" else None,
        sample=tuple(sample.drop(ROW_COLUMN).head(3).to_dicts()),
    )


def _wanted(of: Contract, name: str) -> bool:
    """A constant is proposed where something is read by it: a required currency, times of day."""
    if name == "timezone":
        return any(column.kind == "timestamp" for column in of.columns)
    return of.by_name[name].required


def _mapping(of: Contract, matches: Sequence[Match], constants: dict[str, str], header_row: int) -> Mapping:
    columns = {match.target: ColumnSource(source=match.source, values=match.values) for match in matches}
    form = Format(header_row=header_row)
    return Mapping(dataset=of.dataset, format=form, constants=constants, columns=columns)


def _with_header(table: Table, of: Contract) -> tuple[int, Table]:
    """The row, among the first, whose cells are most like column names; the first row unless another is better."""
    if table.kind in ("parquet", "jsonl"):
        return 1, table
    best, score = 1, sum(_likeness(name, of) for name in table.header)
    for row, cells in _first_rows(table):
        found = sum(_likeness(cell, of) for cell in cells if cell)
        if found > score and found >= 2:
            best, score = row + 1, found
    return best, table


def _first_rows(table: Table) -> list[tuple[int, list[str | None]]]:
    rows = [
        (int(row[ROW_COLUMN]), [cell for name, cell in row.items() if name != ROW_COLUMN])
        for row in table.frame.head(_HEADER_WITHIN).to_dicts()
    ]
    odd = table.ragged.head(_HEADER_WITHIN).select(ROW_COLUMN, RAW_COLUMN).rows()
    rows += [(int(number), list(json.loads(raw).values())) for number, raw in odd]
    return sorted((row for row in rows if row[0] < _HEADER_WITHIN), key=lambda row: row[0])


def _likeness(name: str, of: Contract) -> int:
    return int(any(_confidence(folded(name), column) >= _SYNONYM for column in of.columns))


def _confidence(header: str, column: Column) -> float:
    """How like a header (folded) is to a column: its name or a label, a synonym, or one of them as a part."""
    names = [folded(column.name), folded(column.en), folded(column.zh)]
    synonyms = [folded(synonym) for synonym in column.synonyms]
    if header in names:
        return _LABEL
    if header in synonyms:
        return _SYNONYM
    parts = [name for name in (*names, *synonyms) if len(name) >= (4 if name.isascii() else 2)]
    return _PART if any(part in header for part in parts) else 0.0


def _matches(header: Sequence[str], sample: pl.DataFrame, of: Contract, settings: Settings) -> list[Match]:
    """The best pairs first, in the order of the contract. A column of the file is taken once, but for numbers (ids)."""
    likely = [
        (_confidence(folded(name), column), place, column, name)
        for place, column in enumerate(of.columns)
        for name in header
    ]
    found: dict[str, Match] = {}
    used: set[str] = set()
    for likeness, _, column, name in sorted(likely, key=lambda pair: (-pair[0], pair[1])):
        if likeness == 0 or column.name in found or name in used:
            continue
        values = _translations(sample[name], of.dataset, column)
        readable = _readable(sample, of, column, ColumnSource(source=name, values=values), settings)
        if readable < 0.5 and likeness < _LABEL:
            continue
        found[column.name] = Match(column.name, name, likeness * readable, values, _example(sample[name], column))
        used.add(name)
    for likeness, _, column, name in likely:  # one number may be two: the record's, and the member's
        if likeness >= _SYNONYM and column.name not in found and column.kind == "id":
            found[column.name] = Match(column.name, name, likeness, {}, _example(sample[name], column))
    return [found[column.name] for column in of.columns if column.name in found]


def _readable(sample: pl.DataFrame, of: Contract, column: Column, spec: ColumnSource, settings: Settings) -> float:
    """Share of the sample's filled cells that can be read as the column."""
    filled = sample.height - cleaned(sample[spec.source]).null_count()
    if filled == 0:
        return 1.0
    constants = {"currency": settings.currency, "timezone": settings.timezone}
    to = Destination(
        of.dataset, {column.name: spec}, {k: v for k, v in constants.items() if k == "timezone" or k != column.name}
    )
    rows = sample.with_columns(raw_json(sample))
    typed = parse(rows, to, {spec.source: spec.source}, phone_region=settings.phone_region).frame[column.name]
    return (typed.len() - typed.null_count()) / filled


def _translations(cells: pl.Series, dataset: str, column: Column) -> dict[str, str]:
    usual = VALUES.get(column.name, {}) | VALUES.get(f"{dataset}.{column.name}", {})
    if not usual:
        return {}
    met = cleaned(cells).unique().drop_nulls().sort().to_list()
    return {value: usual[value] for value in met if value in usual}


def _example(cells: pl.Series, column: Column) -> str:
    first = cleaned(cells).drop_nulls()
    text = str(first[0]) if len(first) else ""
    return (masked(text) or "") if column.personal else text[:40]


def _negatives(sample: pl.DataFrame, matches: Sequence[Match]) -> str | None:
    source = next((match.source for match in matches if match.target == "quantity"), None)
    if source is None:
        return None
    return source if cleaned(sample[source]).str.starts_with("-").any() else None


def _scalar(value: str) -> str:
    return yaml.safe_dump(value, allow_unicode=True, width=1000).removesuffix("\n...\n").strip()


def _labels(column: Column) -> str:
    return " / ".join(label for label in (column.en.strip(), column.zh) if label)


def _about(of: Contract, name: str) -> str:
    if name in of.by_name:
        return f"  # {_labels(of.by_name[name])}"
    return "  # of every time in the file that states no offset" if name == "timezone" else ""


def _match_lines(match: Match, column: Column) -> list[str]:
    sure = "" if match.confidence >= _SURE else "UNSURE, "
    note = f"  # {_labels(column)}; {sure}{match.confidence:.0%}" + (f"; e.g. {match.example}" if match.example else "")
    note = note.replace("\n", " ")
    if not match.values:
        return [f"  {match.target}: {_scalar(match.source)}{note}"]
    lines = [f"  {match.target}:{note}", f"    from: {_scalar(match.source)}", "    values:"]
    return lines + [f"      {_scalar(cell)}: {_scalar(value)}" for cell, value in match.values.items()]


def _route_hint(source: str) -> list[str]:
    return [
        "# Some quantities are below zero. As orders such rows go to quarantine; if they are refunds, route them:",
        "# routes:",
        f"#   - when: {{column: {_scalar(source)}, negative: true}}",
        "#     dataset: refunds",
        "#     columns:",
        "#       refund_id: ...",
        "#       refunded_at: ...",
        f"#       quantity: {{from: {_scalar(source)}, format: negate}}",
    ]
