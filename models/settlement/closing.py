"""A close: rows and statements frozen, hashed, and chained to the close before; and the proof that nothing was changed.

Pure: frames in, frames and problems out. ``chain = SHA-256(previous chain || SHA-256 of this close)``, so that a change
of any closed amount, of a statement or of the order of closes shows in every chain hash after it.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl

from models.contracts.decided.settlement import (
    SETTLEMENT_CLOSED_ENTRIES,
    SETTLEMENT_CLOSED_STATEMENTS,
    SETTLEMENT_CLOSINGS,
)
from models.settlement.periods import Period
from models.settlement.statements import CONTRA, StatementError, header, statement_files

NO_CHAIN = "0" * 64
ENTRY_KEY = SETTLEMENT_CLOSED_ENTRIES.key


@dataclass(frozen=True)
class Frozen:
    """What a close adds to the lake: one row of ``closing``, ``entries``, ``statements``, and the canonical file."""

    closing: Mapping[str, Any]
    entries: pl.DataFrame
    statements: pl.DataFrame
    content: bytes


@dataclass(frozen=True)
class Basis:
    """The run whose ledger is frozen, and who closes."""

    business_date: date
    to_seq: int
    closed_by: str


def freeze(
    period: Period, basis: Basis, rows: pl.DataFrame, statements: pl.DataFrame, previous: Mapping[str, Any] | None
) -> Frozen:
    """``rows``: of the ledger, open before and posted by the period's last day (of the first close: also earlier ones);
    ``statements``: of the period; ``previous``: the close before. Raises StatementError when the two do not agree."""
    entries = rows.with_columns(pl.lit(period.label).alias("closing_period"))
    entries = entries.select(pl.col(name).cast(dtype) for name, dtype in SETTLEMENT_CLOSED_ENTRIES.dtypes.items())
    entries = entries.sort(ENTRY_KEY)
    files = list(statement_files(statements, entries.filter(pl.col("posted_on") >= period.starts_on)))
    hashes = {(file.party_id, file.currency): file.sha256 for file in files}
    sorted_statements = statements.sort("party_id", "currency")
    digests = [hashes[key] for key in sorted_statements.select("party_id", "currency").iter_rows()]
    frozen = sorted_statements.with_columns(pl.Series("sha256", digests, dtype=pl.String))
    frozen = frozen.select(list(SETTLEMENT_CLOSED_STATEMENTS.dtypes))
    closing = {
        "closing_no": int(previous["closing_no"]) + 1 if previous else 1,
        "period": period.label,
        "starts_on": period.starts_on,
        "ends_on": period.ends_on,
        "open_from": period.open_from,
        **asdict(basis),
        "rows_count": entries.height,
        "statements_count": frozen.height,
        "rows_sha256": frame_sha256(entries),
        "statements_sha256": frame_sha256(frozen),
        "previous_chain": str(previous["chain"]) if previous else NO_CHAIN,
    }
    content = header() + b"".join(file.body for file in files)
    return Frozen({**closing, "chain": chain_of(closing)}, entries, frozen, packed(content))


def packed(content: bytes) -> bytes:
    """Compressed, the same bytes at any time."""
    return gzip.compress(content, compresslevel=6, mtime=0)


def frame_sha256(frame: pl.DataFrame) -> str:
    """Hash of the rows in the order of the frame, by their text: another release of the file format changes nothing."""
    return hashlib.sha256(frame.write_csv(line_terminator="\n").encode()).hexdigest()


def chain_of(closing: Mapping[str, Any]) -> str:
    """The chain hash that a close must have by what it says."""
    said = {name: closing[name] for name in SETTLEMENT_CLOSINGS.dtypes if name != "chain"}
    body = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    this = hashlib.sha256(body.encode()).digest()
    return hashlib.sha256(bytes.fromhex(str(closing["previous_chain"])) + this).hexdigest()


def chain_problems(closings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Breaks of the chain and gaps between closes, in order; empty when all hold."""
    problems, previous = [], None
    for number, closing in enumerate(closings, start=1):
        named = f"close {closing['closing_no']} ({closing['period']})"
        if closing["closing_no"] != number:
            problems.append(f"{named}: it should be number {number}; one is missing or was added")
        if closing["previous_chain"] != (previous["chain"] if previous else NO_CHAIN):
            problems.append(f"{named}: it does not follow the chain hash of the close before")
        if closing["chain"] != chain_of(closing):
            problems.append(f"{named}: its chain hash does not follow from what it says; it was changed")
        if previous and closing["starts_on"] != previous["open_from"]:
            problems.append(f"{named}: it begins on {closing['starts_on']}, not on {previous['open_from']}")
        previous = closing
    return problems


def content_problems(
    closing: Mapping[str, Any], entries: pl.DataFrame, statements: pl.DataFrame, content: bytes
) -> Iterator[str]:
    """What of one close is not as it was frozen: its rows, its statements, its file, what one says of the other."""
    named = f"close {closing['closing_no']} ({closing['period']})"
    entries = entries.select(list(SETTLEMENT_CLOSED_ENTRIES.dtypes)).sort(ENTRY_KEY)
    statements = statements.select(list(SETTLEMENT_CLOSED_STATEMENTS.dtypes)).sort("party_id", "currency")
    if frame_sha256(entries) != closing["rows_sha256"]:
        yield f"{named}: its frozen rows were changed"
    if frame_sha256(statements) != closing["statements_sha256"]:
        yield f"{named}: its frozen statements were changed"
    unbalanced = entries.group_by("posting", "line_id", "currency", "posted_on").agg(pl.col("amount").sum())
    if unbalanced.filter(pl.col("amount") != 0).height:
        yield f"{named}: its rows do not balance"
    try:
        files = list(statement_files(statements, entries.filter(pl.col("posted_on") >= closing["starts_on"])))
    except StatementError as error:
        yield f"{named}: {error}"
        return
    for file, said in zip(files, statements["sha256"], strict=True):
        if file.sha256 != said:
            yield f"{named}: the statement of {file.party_id} in {file.currency} is not the one that was hashed"
    if gzip.decompress(content) != header() + b"".join(file.body for file in files):
        yield f"{named}: its file of statements was changed"


def opening_problems(
    statements: pl.DataFrame, entries: pl.DataFrame, closings: Sequence[Mapping[str, Any]]
) -> list[str]:
    """I17 over all closes: every statement opens with the balance of all rows frozen before its first day."""
    problems = []
    parties = entries.filter(~pl.col("component").is_in(CONTRA))
    for closing in closings:
        before = (
            parties.filter(pl.col("posted_on") < closing["starts_on"])
            .group_by("party_id", "currency")
            .agg(pl.col("amount").sum().alias("balance"))
        )
        of_period = statements.filter(pl.col("period") == closing["period"])
        wrong = of_period.join(before, on=["party_id", "currency"], how="left").filter(
            pl.col("opening") != pl.col("balance").fill_null(0)
        )
        problems += [
            f"close {closing['closing_no']} ({closing['period']}): the statement of {party} opens with another balance "
            "than the one before closed with"
            for party in wrong["party_id"].sort()
        ]
    return problems
