"""The file door: one file is one batch. Every row of it is accepted, quarantined or skipped, or nothing is landed."""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, Contract
from models.documents.mapping import Destination, Mapping
from models.identifiers import masked_all, phones_e164
from models.killpoints import killpoint
from models.settings import Settings
from pipelines.lake import Accounting, Entry, Lake, Part, content_key
from pipelines.quarantine import no_rejects, rejects, split, split_by_cells
from pipelines.sources.files.cells import Problem
from pipelines.sources.files.parsing import Parsed, Warned, parse
from pipelines.sources.files.proposing import propose
from pipelines.sources.files.reading import load_source, read_table
from pipelines.sources.files.sifting import Sifted, located, routed, sift
from pipelines.sources.files.table import FileRefusedError, Table

#: Goes into the batch key: raise it when the same file would give other rows, so that files can be imported anew.
IMPORTER_VERSION = "2"
LEDGER = "consents"  # the dataset whose rows go to the store's ledger


class ConsentLedger(Protocol):
    """Where consents go. ``append`` is idempotent per batch and gives the number of rows added."""

    def append(self, frame: pl.DataFrame, batch: str, *, phone_region: str) -> int: ...


@dataclass(frozen=True)
class ImportReport:
    """What became of a file. ``rows`` = ``accepted`` + ``quarantined`` + ``skipped``.

    ``seq`` is the number of the batch in the lake; ``repeated``: the same file with the same mapping was there.
    ``parts``: per dataset the rows accepted and quarantined. ``skipped_for``: rows by reason.
    """

    file: str
    rows: int
    accepted: int
    quarantined: int
    skipped: int
    seq: int
    repeated: bool
    parts: MappingOf[str, MappingOf[str, int]]
    skipped_for: MappingOf[str, int]
    warnings: tuple[MappingOf[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "file": self.file,
            "rows": self.rows,
            "accepted": self.accepted,
            "quarantined": self.quarantined,
            "skipped": self.skipped,
            "skipped_for": dict(self.skipped_for),
            "datasets": {name: dict(part) for name, part in self.parts.items()},
            "seq": self.seq,
            "repeated": self.repeated,
            "warnings": [dict(warning) for warning in self.warnings],
        }


@dataclass(frozen=True)
class _Outcome:
    """What became of the rows that were sent to one destination."""

    dataset: str
    accepted: pl.DataFrame
    rejected: pl.DataFrame  # one row per cell, REJECT_DTYPES
    repeated: int  # identical rows beyond the first, where the contract has a key
    warnings: tuple[Warned, ...]

    @property
    def quarantined(self) -> int:
        return int(self.rejected["row"].n_unique())


def import_file(
    path: Path,
    *,
    dataset: str,
    mapping: Mapping | None,
    lake: Lake,
    settings: Settings,
    consent_ledger: ConsentLedger | None = None,
) -> ImportReport:
    """Import a file as ``dataset`` by its mapping; without one, by the proposal, if that is complete.

    Exactly once: the same bytes with the same mapping are a no-op, under any name. Only the last part of the file's
    name is kept. Raises FileRefusedError when the file as a whole cannot be imported, LakeError and OSError as
    ``Lake.commit``; nothing is landed then.
    """
    if mapping is None:
        mapping = propose(path, dataset, settings).confirmed()
    if mapping.dataset != dataset:
        raise FileRefusedError(f"the mapping is for {mapping.dataset}, not for {dataset}; name the right one")
    mapping = mapping.with_defaults(currency=settings.currency, timezone=settings.timezone)
    source = load_source(path)
    key = content_key(source.sha256, mapping.version, IMPORTER_VERSION, settings.phone_region)
    if (known := lake.find(key)) is not None:
        return _report(known, source.name, repeated=True)
    table = read_table(source, mapping.format)
    name, sha256 = source.name, source.sha256
    del source  # its bytes; the cells are in the table
    headers = _located(mapping, table, name)
    sifted = sift(table, mapping, headers)
    outcomes = [
        _outcome(rows, to, headers, file=name, phone_region=settings.phone_region)
        for to, rows in routed(sifted.rows, mapping, headers)
    ]
    outcomes[0] = _with_ragged(outcomes[0], sifted, name)
    accounting = _accounting(table, sifted, outcomes)
    killpoint("import.read")
    _record_consents(outcomes, consent_ledger, key, name, settings.phone_region)
    details = {"file": name, "sha256": sha256, **_details(mapping, table, sifted, outcomes)}
    parts = _parts(outcomes)
    del table, sifted  # the cells as text, a third of the memory; writing can use it
    commit = lake.commit(source=f"file:{name}", key=key, parts=parts, accounting=accounting, details=details)
    killpoint("import.landed")
    return _report(commit.entry, name, repeated=commit.repeated)


def _record_consents(
    outcomes: list[_Outcome], ledger: ConsentLedger | None, key: str, file: str, phone_region: str
) -> None:
    """The ledger before the lake: a crash in between is mended by importing the file again."""
    accepted = [outcome.accepted for outcome in outcomes if outcome.dataset == LEDGER and outcome.accepted.height]
    if not accepted:
        return
    if ledger is None:
        raise FileRefusedError(f"{file}: consents need the store's ledger, and none was given")
    ledger.append(pl.concat(accepted), key, phone_region=phone_region)
    killpoint("import.ledger_written")


def _details(mapping: Mapping, table: Table, sifted: Sifted, outcomes: list[_Outcome]) -> dict[str, Any]:
    """What the manifest keeps of an import: enough to explain it and to hand rejects back."""
    return {
        "format": {"kind": table.kind, **table.details},
        "header": table.header,
        "mapping": mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "datasets": _figures(outcomes),
        "skipped_for": _skipped(sifted, outcomes),
        "warnings": [*_table_warnings(table), *(w.as_dict() for outcome in outcomes for w in outcome.warnings)],
    }


def _located(mapping: Mapping, table: Table, file: str) -> dict[str, str]:
    try:
        return located(mapping, table.header)
    except FileRefusedError as error:
        raise FileRefusedError(f"{file}: {error}") from error


def _outcome(
    rows: pl.DataFrame, to: Destination, headers: MappingOf[str, str], *, file: str, phone_region: str
) -> _Outcome:
    """Parse, validate and check the key of the rows of one destination."""
    parsed = parse(rows, to, headers, phone_region=phone_region)
    if to.dataset == LEDGER:
        parsed = _with_identifiers(parsed, phone_region)
    unread = [_cell_rejects(rows, problem.mask, problem.column, problem.rule, to, headers, file)
              for problem in parsed.problems]  # fmt: skip
    bad = pl.Series([False]).new_from_index(0, rows.height)
    for problem in parsed.problems:
        bad = bad | problem.mask
    good, broken = split(parsed.frame.filter(~bad) if unread else parsed.frame, to.contract, file=file)
    if unread:  # further rules that unreadable rows break, so that a person repairs a row once
        _, also = split_by_cells(parsed.frame.filter(bad), to.contract, file=file)
        found = pl.concat(unread)
        broken = pl.concat([broken, also.join(found, on=["row", "column"], how="anti")])
    broken = _as_written(broken, rows, to, headers)
    good, conflicts, repeated = _by_key(good, to.contract, file=file)
    rejected = pl.concat([*unread, broken, conflicts]).sort("row", "column", maintain_order=True)
    return _Outcome(to.dataset, good, rejected, repeated, parsed.warnings)


def _cell_rejects(
    rows: pl.DataFrame,
    mask: pl.Series,
    column: str,
    rule: str,
    to: Destination,
    headers: MappingOf[str, str],
    file: str,
) -> pl.DataFrame:
    source = headers[to.columns[column].source]
    personal = to.contract.by_name[column].personal
    return rejects(rows.filter(mask), file=file, column=column, rule=rule, value=pl.col(source), personal=personal)


def _as_written(found: pl.DataFrame, rows: pl.DataFrame, to: Destination, headers: MappingOf[str, str]) -> pl.DataFrame:
    """The reject records with the cell as the file has it, not as it was parsed (``-1,299.50``, not ``-129950``)."""
    if found.is_empty():
        return found
    rows = rows.filter(pl.col(ROW_COLUMN).is_in(found["row"].unique().implode()))
    parts = []
    for (column,), group in found.group_by(["column"], maintain_order=True):
        spec = to.columns.get(str(column))
        if spec is None:
            parts.append(group)
            continue
        cells = rows.select(pl.col(ROW_COLUMN).alias("row"), pl.col(headers[spec.source]).alias("value"))
        if to.contract.by_name[str(column)].personal:
            cells = cells.with_columns(masked_all(pl.col("value")))
        joined = group.drop("value").join(cells, on="row", how="left", maintain_order="left")
        parts.append(joined.select(found.columns))
    return pl.concat(parts)


def _with_identifiers(parsed: Parsed, phone_region: str) -> Parsed:
    """Consents: a phone among the identifiers becomes E.164; one that is no phone number is a problem of its row."""
    frame = parsed.frame
    phone = (frame["identifier_type"] == "phone").fill_null(False)
    normal = phones_e164(frame["identifier"], phone_region)
    unread = phone & frame["identifier"].is_not_null() & normal.is_null()
    problem = Problem("identifier", "identifier is not a valid phone number", unread)
    problems = (*parsed.problems, problem) if unread.any() else parsed.problems
    return Parsed(frame.with_columns(frame["identifier"].zip_with(~phone, normal)), problems, parsed.warnings)


def _by_key(good: pl.DataFrame, contract: Contract, *, file: str) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """One row per key: identical rows count once, rows that contradict each other all go to quarantine.

    All of them, because which one comes first says nothing about which one is right. A row with an empty part in its
    key has none, but for the parts in which empty says something. Contracts without a unit of replacement are ledgers.
    """
    if not contract.replaced_by or good.is_empty():
        return good, no_rejects(), 0
    key = list(contract.key)
    stated = [name for name in key if name not in contract.blank_in_key]
    if any(good[name].null_count() == good.height for name in stated):
        return good, no_rejects(), 0
    hashes = good.select(key).hash_rows()  # several times cheaper than the rows; a collision is sorted out below
    ordered = np.sort(hashes.to_numpy())
    if not (ordered[1:] == ordered[:-1]).any():
        return good, no_rejects(), 0
    keyed = pl.all_horizontal(pl.col(stated).is_not_null())
    twice = hashes.is_duplicated() & good.select(keyed).to_series()
    if not twice.any():
        return good, no_rejects(), 0
    columns = list(contract.dtypes)
    suspects = good.filter(twice)
    distinct = suspects.unique(columns, keep="first", maintain_order=True)
    clashing = distinct.filter(pl.struct(key).is_duplicated()).select(key).unique()
    refused = suspects.join(clashing, on=key, how="semi", nulls_equal=True, maintain_order="left")
    single = distinct.join(clashing, on=key, how="anti", nulls_equal=True, maintain_order="left")
    found = rejects(
        refused,
        file=file,
        column=key[-1],
        rule=f"several rows of the file with the same {', '.join(key)} and different content: keep one",
        value=pl.col(key[-1]),
        personal=False,
    )
    repeated = suspects.height - refused.height - single.height
    return pl.concat([good.filter(~twice), single]).sort(ROW_COLUMN), found, repeated


def _with_ragged(outcome: _Outcome, sifted: Sifted, file: str) -> _Outcome:
    """Records that do not fit the header are rejects of the mapping's own dataset; no column is to blame."""
    if sifted.ragged.is_empty():
        return outcome
    found = sifted.ragged.select(
        pl.lit(file).alias("file"),
        pl.col(ROW_COLUMN).alias("row"),
        pl.lit(None, dtype=pl.String).alias("column"),
        "rule",
        pl.lit(None, dtype=pl.String).alias("value"),
        pl.col(RAW_COLUMN).alias("raw"),
    )
    rejected = pl.concat([outcome.rejected, found]).sort("row", maintain_order=True)
    return _Outcome(outcome.dataset, outcome.accepted, rejected, outcome.repeated, outcome.warnings)


def _skipped(sifted: Sifted, outcomes: list[_Outcome]) -> dict[str, int]:
    repeated = sum(outcome.repeated for outcome in outcomes)
    return {**sifted.skipped, "duplicate": sifted.skipped["duplicate"] + repeated}


def _accounting(table: Table, sifted: Sifted, outcomes: list[_Outcome]) -> Accounting:
    return Accounting(
        rows=table.rows,
        accepted=sum(outcome.accepted.height for outcome in outcomes),
        quarantined=sum(outcome.quarantined for outcome in outcomes),
        skipped=sum(_skipped(sifted, outcomes).values()),
    )


def _figures(outcomes: list[_Outcome]) -> dict[str, dict[str, int]]:
    figures: dict[str, dict[str, int]] = {}
    for outcome in outcomes:
        found = figures.setdefault(outcome.dataset, {"accepted": 0, "quarantined": 0})
        found["accepted"] += outcome.accepted.height
        found["quarantined"] += outcome.quarantined
    return figures


def _parts(outcomes: list[_Outcome]) -> list[Part]:
    landed = [
        Part("landed", outcome.dataset, outcome.accepted)
        for outcome in outcomes
        if outcome.accepted.height and outcome.dataset != LEDGER
    ]
    apart = [Part("quarantine", outcome.dataset, outcome.rejected) for outcome in outcomes if outcome.rejected.height]
    return [*landed, *apart]


def _table_warnings(table: Table) -> list[dict[str, Any]]:
    messages = [*table.warnings, *(["no row follows the header"] if table.rows == 0 else [])]
    return [{"dataset": "", "column": "", "message": message, "rows": 0} for message in messages]


def _report(entry: Entry, file: str, *, repeated: bool) -> ImportReport:
    if entry.accounting is None:
        raise FileRefusedError(f"{file}: entry {entry.seq} of the lake has the key of this file but is no import")
    counted = entry.accounting
    return ImportReport(
        file=file,
        rows=counted.rows,
        accepted=counted.accepted,
        quarantined=counted.quarantined,
        skipped=counted.skipped,
        seq=entry.seq,
        repeated=repeated,
        parts=entry.details["datasets"],
        skipped_for=entry.details["skipped_for"],
        warnings=tuple(entry.details["warnings"]),
    )


__all__ = ["IMPORTER_VERSION", "ConsentLedger", "FileRefusedError", "ImportReport", "import_file"]
