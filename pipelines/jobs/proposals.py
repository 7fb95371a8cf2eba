"""``propose_import``: what a file that was handed in holds, how its columns may map, and what an import would give."""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models import uploads
from models.contracts import contract
from models.documents.mapping import Format, Mapping
from models.identifiers import masked
from models.settings import PROJECT_ROOT
from models.store import Job
from pipelines.jobs import Tell
from pipelines.jobs.imports import mapping_of
from pipelines.jobs.likeness import Likely, candidate_headers, first_cells, likely_datasets
from pipelines.jobs.previews import preview
from pipelines.lake import Entry, Lake
from pipelines.sources.files.proposing import Proposal, propose
from pipelines.sources.files.reading import Source, load_source, read_table
from pipelines.sources.files.sifting import located
from pipelines.sources.files.table import PROBLEM_COLUMN, FileRefusedError, Table
from pipelines.workspace import Workspace

LAYOUTS = PROJECT_ROOT / "data" / "reference" / "maps"
STEPS = 3
_EXAMPLE_ROWS, _EXAMPLE_LENGTH = 200, 40
_LAYOUT_COLUMNS = 4  # a shipped layout with fewer columns than this fits by chance


@dataclass(frozen=True)
class _Found:
    """A mapping for the file and where it comes from. ``mapping`` is not complete when ``missing`` names columns."""

    basis: str  # given, before, layout, proposal
    basis_name: str
    dataset: str
    mapping: dict[str, Any]
    missing: tuple[str, ...] = ()
    confidence: MappingOf[str, float] | None = None
    negatives: str | None = None


def handle_propose_import(job: Job, workspace: Workspace, tell: Tell) -> dict[str, Any]:
    """Arguments: ``sha256`` and ``name`` of the upload; optional ``dataset``, ``layout`` (a shipped map's name) and
    ``mapping`` (a document as JSON), the last of which wins.

    Without them: how a file of the same header was imported before, else a shipped layout that fits, else a proposal
    for the likeliest dataset. Result: ``file``, ``format``, ``header``, ``examples`` (masked where they may be
    personal), ``datasets`` (with likeness), ``layouts`` that fit, ``basis``, ``mapping``, ``missing``, ``unsure``,
    ``preview`` (see ``previews.preview``; null while something required is missing), ``imported_before``.
    Nothing is landed. Raises FileRefusedError, UploadError, DocumentError.
    """
    arguments = job.arguments
    path = uploads.located(workspace.settings.uploads_dir, arguments["sha256"], arguments["name"])
    tell(0, STEPS, "read")
    source = load_source(path)
    table = read_table(source)
    tell(1, STEPS, "recognise")
    headers = candidate_headers(table)
    likely = likely_datasets(headers)
    found = _chosen(arguments, path, headers, likely, workspace)
    table = _as_mapped(source, table, found)
    found = _as_spelt(found, table.header)
    tell(2, STEPS, "preview")
    complete = None if found.missing else mapping_of(found.mapping)
    return {
        "file": source.name,
        "sha256": source.sha256,
        "format": {"kind": table.kind, **table.details},
        "header": [name for name in table.header if name != PROBLEM_COLUMN],
        "examples": _examples(table, found),
        "datasets": [{"dataset": one.dataset, "score": one.score} for one in likely],
        "layouts": _fitting(headers),
        "basis": found.basis,
        "basis_name": found.basis_name,
        "dataset": found.dataset,
        "mapping": found.mapping,
        "missing": list(found.missing),
        "confidence": dict(found.confidence or {}),
        "negatives": found.negatives,
        "imported_before": _imported_before(workspace.lake, source.sha256),
        "preview": None if complete is None else preview(path, complete, workspace),
    }


def _chosen(
    arguments: MappingOf[str, Any],
    path: Path,
    headers: MappingOf[int, list[str]],
    likely: list[Likely],
    workspace: Workspace,
) -> _Found:
    wanted = arguments.get("dataset")
    if arguments.get("mapping"):
        given = mapping_of(arguments["mapping"])
        return _Found("given", "", given.dataset, _document(given))
    if arguments.get("layout"):
        return _by_layout(str(arguments["layout"]))
    if not wanted:  # a person who names a dataset wants to see what the file gives for it
        if (entry := _same_header(workspace.lake, headers)) is not None:
            before = Mapping.model_validate(entry.details["mapping"])
            as_now = before.model_copy(update={"format": Format(header_row=_row_of(entry, headers))})
            return _Found("before", str(entry.details["file"]), before.dataset, _document(as_now))
        if fitting := _fitting(headers):
            return _by_layout(fitting[0])
    return _proposed(propose(path, wanted or likely[0].dataset, workspace.settings))


def _by_layout(name: str) -> _Found:
    """A map that the product ships. Raises FileRefusedError for an unknown name."""
    if name not in layouts():
        raise FileRefusedError(f"unknown layout {name!r}; shipped: {', '.join(layouts())}")
    mapping = Mapping.load(LAYOUTS / f"{name}.yaml")
    return _Found("layout", name, mapping.dataset, _document(mapping))


def layouts() -> list[str]:
    """Names of the shipped maps."""
    return sorted(path.stem for path in LAYOUTS.glob("*.yaml"))


def _proposed(proposal: Proposal) -> _Found:
    columns = {
        match.target: {"from": match.source, **({"values": match.values} if match.values else {})}
        for match in proposal.matches
    }
    document: dict[str, Any] = {"dataset": proposal.dataset, "constants": proposal.constants, "columns": columns}
    if proposal.header_row != 1:
        document["format"] = {"header_row": proposal.header_row}
    return _Found(
        basis="proposal",
        basis_name="",
        dataset=proposal.dataset,
        mapping=document if proposal.mapping is None else _document(proposal.mapping),
        missing=proposal.missing
        if columns
        else tuple(c.name for c in contract(proposal.dataset).columns if c.required),
        confidence={match.target: round(match.confidence, 2) for match in proposal.matches},
        negatives=proposal.negatives,
    )


def _document(mapping: Mapping) -> dict[str, Any]:
    return mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _as_mapped(source: Source, table: Table, found: _Found) -> Table:
    """The table as the mapping reads it: another sheet or header row gives another header."""
    stated = found.mapping.get("format")
    return read_table(source, Format.model_validate(stated)) if stated else table


def _as_spelt(found: _Found, header: list[str]) -> _Found:
    """The sources as this file spells them: a mapping finds them also without case, spaces and width."""
    if found.missing:
        return found
    mapping = mapping_of(found.mapping)
    try:
        spelt = located(mapping, header)
    except FileRefusedError:  # the preview says which column is not there
        return found
    columns = {name: spec.model_copy(update={"source": spelt[spec.source]}) for name, spec in mapping.columns.items()}
    return replace(found, mapping=_document(mapping.model_copy(update={"columns": columns})))


def _fitting(headers: MappingOf[int, list[str]]) -> list[str]:
    """Shipped layouts whose every column the file has, the one with the most columns first."""
    found = []
    for name in layouts():
        mapping = Mapping.load(LAYOUTS / f"{name}.yaml")
        cells = headers.get(mapping.format.header_row, [])
        if len(mapping.sources()) >= _LAYOUT_COLUMNS and _holds(mapping, cells):
            found.append((-len(mapping.sources()), name))
    return [name for _, name in sorted(found)]


def _holds(mapping: Mapping, header: list[str]) -> bool:
    try:
        located(mapping, header)
    except FileRefusedError:
        return False
    return True


def _same_header(lake: Lake, headers: MappingOf[int, list[str]]) -> Entry | None:
    """The newest import of a file with this header, in one of the first rows."""
    known = {tuple(_stated(cells)) for cells in headers.values()}
    for entry in reversed(lake.entries()):
        if entry.source.startswith("file:") and tuple(_stated(entry.details["header"])) in known:
            return entry
    return None


def _row_of(entry: Entry, headers: MappingOf[int, list[str]]) -> int:
    stated = _stated(entry.details["header"])
    return next(row for row, cells in headers.items() if _stated(cells) == stated)


def _stated(cells: list[str]) -> list[str]:
    """A repaired file has one column more than the file that it mends."""
    return [cell for cell in cells if cell != PROBLEM_COLUMN]


def _imported_before(lake: Lake, sha256: str) -> dict[str, Any] | None:
    """The newest batch of the same bytes, by whatever mapping."""
    for entry in reversed(lake.entries()):
        if entry.source.startswith("file:") and entry.details.get("sha256") == sha256:
            return {"seq": entry.seq, "landed_at": entry.landed_at, "file": entry.details["file"]}
    return None


def _examples(table: Table, found: _Found) -> dict[str, str]:
    """One cell per column of the file; masked unless it is mapped, and only to columns that are not personal."""
    of = contract(found.dataset).by_name
    open_ = {
        spec["from"] if isinstance(spec, dict) else str(spec)
        for target, spec in found.mapping["columns"].items()
        if not of[target].personal
    } - {
        spec["from"] if isinstance(spec, dict) else str(spec)
        for target, spec in found.mapping["columns"].items()
        if of[target].personal
    }
    header = [name for name in table.header if name != PROBLEM_COLUMN]
    cells = first_cells(table.frame, header, _EXAMPLE_ROWS)
    return {name: (cell if name in open_ else masked(cell) or "")[:_EXAMPLE_LENGTH] for name, cell in cells.items()}
