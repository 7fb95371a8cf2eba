"""``import_file``: a file that was handed in, by the mapping that a person confirmed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models import uploads
from models.documents.mapping import Mapping
from models.store import Job
from pipelines.jobs import Tell
from pipelines.lake import Entry, File, Lake, Zone
from pipelines.sources.files.handing_back import export_rejects
from pipelines.sources.files.importing import ImportReport, import_file
from pipelines.workspace import Workspace

STEPS = 2


def handle_import_file(job: Job, workspace: Workspace, tell: Tell) -> dict[str, Any]:
    """Arguments: ``sha256`` and ``name`` of the upload, ``mapping`` (the document as JSON).

    Result: the report of the import, ``dataset``, ``sha256``, ``repair`` (name and rows of the file with the rejected
    rows in ``repairs/<job>``; null when none is open).
    Begun again after a death it finds its own batch and says so as the first time. Raises UploadError, DocumentError,
    and as ``import_file``.
    """
    arguments = job.arguments
    path = uploads.located(workspace.settings.uploads_dir, arguments["sha256"], arguments["name"])
    mapping = mapping_of(arguments["mapping"])
    tell(0, STEPS, "read")
    report = import_file(
        path,
        dataset=mapping.dataset,
        mapping=mapping,
        lake=workspace.lake,
        settings=workspace.settings,
        consent_ledger=workspace.store.consents,
    )
    tell(1, STEPS, "hand_back")
    return {
        **report.as_dict(),
        "repeated": report.repeated and not _landed_since(workspace, report, job.requested_at),
        "dataset": mapping.dataset,
        "sha256": arguments["sha256"],
        "repair": _repair(job, workspace, report),
    }


def mapping_of(document: dict[str, Any]) -> Mapping:
    """A mapping that came as JSON. Raises DocumentError naming the field."""
    return Mapping.parse(json.dumps(document, ensure_ascii=False), name="the mapping")


def _landed_since(workspace: Workspace, report: ImportReport, requested_at: datetime) -> bool:
    """The batch that is there was landed by this very job, before its worker died."""
    entry = workspace.lake.entries()[report.seq - 1]
    landed_at = datetime.fromisoformat(entry.landed_at).astimezone(UTC).replace(tzinfo=None)
    return landed_at >= requested_at.replace(microsecond=0)


def _repair(job: Job, workspace: Workspace, report: ImportReport) -> dict[str, Any] | None:
    """The rejected rows of this batch alone: a file of the same name may be of another person."""
    if report.quarantined == 0:
        return None
    folder = workspace.settings.repairs_dir / job.job_id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # the rows as they came, personal values too
    name = uploads.safe_name(f"{Path(report.file).stem}-repair.csv")
    handed = export_rejects(_RejectsOfOneBatch(workspace.lake.root, report.seq), folder / name)
    return {"name": name, "rows": handed.rows} if handed.rows else None


class _RejectsOfOneBatch(Lake):
    """The lake, with the rejects of one batch only; later batches still speak for the orders that they hold."""

    def __init__(self, root: Path, seq: int) -> None:
        super().__init__(root)
        self._seq = seq

    def files(self, zone: Zone, dataset: str, to_seq: int | None = None) -> list[tuple[Entry, File]]:
        found = super().files(zone, dataset, to_seq)
        return [pair for pair in found if pair[0].seq == self._seq] if zone == "quarantine" else found

    def datasets(self, zone: Zone) -> list[str]:
        return [name for name in super().datasets(zone) if self.files(zone, name)]


__all__ = ["handle_import_file", "mapping_of"]
