"""The door of bills: a file, gzip or zip as it was downloaded; each bill in it is one batch, landed once.

A bill is known by the hash of its text, so that one that was renamed, zipped anew or saved in another encoding is a
no-op. A bill that does not add up lands as records of quarantine only, and is refused again when it comes again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.lake import Entry, Lake, Part, content_key
from pipelines.sources.bills.judging import BillRefusedError, judge
from pipelines.sources.bills.lines import Told
from pipelines.sources.bills.reading import Member, read_bill, unpacked
from pipelines.sources.files.reading import load_source
from pipelines.sources.files.table import FileRefusedError

#: Goes into the batch key: raise it when the same bill would give other rows, so that bills can be imported anew.
IMPORTER_VERSION = "1"
SOURCE = "bill"


@dataclass(frozen=True)
class BillReport:
    """What became of one bill. ``rows`` = ``accepted`` + ``quarantined``; ``repeated``: it had been landed before."""

    file: str
    bill: str
    rows: int
    accepted: int
    quarantined: int
    seq: int
    repeated: bool
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def import_bills(path: Path, *, lake: Lake, told: Told | None = None) -> list[BillReport]:
    """Import every bill of a file. Bills of sums only are passed over.

    Raises NoBillError when nothing in it is a bill, BillRefusedError for a bill that does not add up (the reasons are
    in quarantine then), FileRefusedError when it cannot be read; the bills before it in an archive are landed.
    """
    source = load_source(path)
    bills = unpacked(source.name, source.data)
    reports = [report for member in bills if (report := _import(member, told or Told(), lake)) is not None]
    if not reports:
        raise FileRefusedError(f"{source.name}: holds sums only; download the bill with its lines")
    return reports


def _import(member: Member, told: Told, lake: Lake) -> BillReport | None:
    stated = (told.account_id or "", told.account_type or "", str(told.bill_date or ""))
    key = content_key(SOURCE, member.sha256, IMPORTER_VERSION, *stated)
    if (known := lake.find(key)) is not None:
        return _report(known, repeated=True)
    bill = read_bill(member)
    if bill is None:
        return None
    name = f"{SOURCE}:{member.name}"
    try:
        judged = judge(bill, told)
    except BillRefusedError as error:
        parts = [Part("quarantine", "bills", error.rejected)]
        details = {"file": member.name, "sha256": member.sha256, "refused": str(error)}
        if error.bill_id is not None:
            details["bill"] = error.bill_id
        lake.commit(source=name, key=key, parts=parts, details=details)
        raise
    commit = lake.commit(source=name, key=key, parts=judged.parts, accounting=judged.accounting, details=judged.details)
    return _report(commit.entry, repeated=commit.repeated)


def _report(entry: Entry, *, repeated: bool) -> BillReport:
    details: Mapping[str, Any] = entry.details
    if "refused" in details:
        raise FileRefusedError(str(details["refused"]))
    if entry.accounting is None:
        raise FileRefusedError(f"entry {entry.seq} of the lake has the key of this bill but holds none")
    return BillReport(
        file=details["file"],
        bill=details["bill"],
        rows=entry.accounting.rows,
        accepted=entry.accounting.accepted,
        quarantined=entry.accounting.quarantined,
        seq=entry.seq,
        repeated=repeated,
        warnings=tuple(warning["message"] for warning in details["warnings"]),
    )


def summed(reports: Sequence[BillReport]) -> dict[str, int]:
    """Rows, accepted and quarantined of all bills of a file."""
    return {name: sum(getattr(report, name) for report in reports) for name in ("rows", "accepted", "quarantined")}
