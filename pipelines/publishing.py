"""Publishing: one DuckDB file per publication, written aside, verified, and made current by the pointer, last.

Order of the last steps, each durable before the next: snapshot file in place → artifacts and decided outcomes in the
lake → warehouse folder promoted → pointer. A crash between any two leaves readers on the old snapshot and the next run
able to repeat: what is already decided is a no-op.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from models.contracts.published import PUBLISHED, check
from models.files import file_sha256, replace_durably
from models.serving import Snapshot
from models.serving.pointer import Pointer, available, read_pointer, snapshot_file, write_pointer
from pipelines.lake import Lake, Part, content_key
from pipelines.plan import RunPlan
from pipelines.warehouse import ENGINE_CONFIG, Warehouse

CANDIDATE = "candidate.duckdb.tmp"
FROM_DBT = "serve_"  # a published table is the dbt model of its name with this prefix
DECIDED_SOURCE = "run:decided"


class SnapshotRefusedError(Exception):
    """A candidate does not hold what the warehouse holds, or a version does not exist; nothing was published."""


@dataclass(frozen=True)
class Candidate:
    """A verified snapshot that is not yet published."""

    path: Path
    rows: Mapping[str, int]
    bytes: int


def write_candidate(warehouse: Warehouse, lake: Lake, plan: RunPlan, folder: Path) -> Candidate:
    """Write every published table, ordered by its lookup key, into one new file, and verify it by a full scan.

    Raises SnapshotRefusedError when counts or totals differ from the warehouse, ContractError when columns do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CANDIDATE
    for stale in (path, path.with_name(path.name + ".wal")):
        stale.unlink(missing_ok=True)  # of a run that died; the warehouse lock is held, so nobody writes it
    with duckdb.connect(str(path), config=ENGINE_CONFIG) as connection:
        connection.execute(f"attach '{warehouse.database}' as built (read_only)")
        for name, frame in _run_tables(warehouse, lake, plan).items():
            connection.register(f"run_{name}", frame.to_arrow())
        for table in PUBLISHED.values():
            columns = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in table.columns.items())
            connection.execute(
                f"create table {table.name} as select {columns} from {_origin(connection, table.name)} "  # noqa: S608 - names of the contract
                f"order by {', '.join(table.ordered_by)}"
            )
        expected = {table: _fingerprint(connection, _origin(connection, table)) for table in PUBLISHED}
        connection.execute("detach built")
        connection.execute("checkpoint")
    return Candidate(path, _verified(path, expected), path.stat().st_size)


@contextmanager
def opened_candidate(folder: Path, plan: RunPlan) -> Iterator[Snapshot]:
    """The candidate as queries see a snapshot, for outcomes that are decided on it before it is published."""
    path = folder / CANDIDATE
    provisional = Pointer(
        file=snapshot_file("candidate"),
        version="candidate",
        publication=1,
        sequence=plan.to_seq,
        store_seq=0,
        business_date=plan.business_date,
        data_as_of=plan.as_of,
        sha256="0" * 64,
        bytes=path.stat().st_size,
    )
    with duckdb.connect(str(path), read_only=True, config=ENGINE_CONFIG) as connection:
        yield Snapshot(connection, provisional)


def publish(warehouse: Warehouse, lake: Lake, plan: RunPlan, folder: Path, keep: int) -> Pointer:
    """Make the verified candidate current, with everything that the run decided. Returns the new pointer."""
    current = read_pointer(folder)
    publication = 1 if current is None else current.publication + 1
    version = f"{plan.business_date:%Y%m%d}-{plan.to_seq}-{publication}"
    target = folder / snapshot_file(version)
    digest, size = file_sha256(folder / CANDIDATE), (folder / CANDIDATE).stat().st_size
    replace_durably(folder / CANDIDATE, target)
    _commit_artifacts(lake, warehouse)
    commit_decided(lake, warehouse.decided(), plan)
    warehouse.promote()
    pointer = Pointer(
        file=target.name,
        version=version,
        publication=publication,
        sequence=plan.to_seq,
        store_seq=_store_seq(lake, plan.to_seq),
        business_date=plan.business_date,
        data_as_of=plan.as_of,
        sha256=digest,
        bytes=size,
    )
    write_pointer(folder, pointer)
    _retire(folder, keep)
    return pointer


def rollback(folder: Path, version: str) -> Pointer:
    """Make an older snapshot current again, as a new publication. Raises SnapshotRefusedError when it is not kept."""
    current = read_pointer(folder)
    found = next((pointer for pointer in available(folder) if pointer.version == version), None)
    if current is None or found is None:
        raise SnapshotRefusedError(f"no snapshot {version!r} is kept; `scrm snapshots list` shows those that are")
    if file_sha256(folder / found.file) != found.sha256:
        raise SnapshotRefusedError(f"{found.file} is damaged (its sha256 differs); choose another version")
    pointer = replace(found, publication=current.publication + 1)
    write_pointer(folder, pointer)
    return pointer


def commit_decided(lake: Lake, frames: Mapping[str, pl.DataFrame], plan: RunPlan) -> bool:
    """Land what a run decided, once. Returns False when the lake holds it already (repeated run, nothing changed)."""
    parts = [
        Part("decided", dataset, frame.with_columns(_row=None, _raw=None))
        for dataset, frame in frames.items()
        if frame.height
    ]
    if not parts:
        return False
    digest = hashlib.sha256(
        "".join(
            f"{part.dataset}\n{part.frame.sort(pl.all()).write_csv()}" for part in parts if part.frame is not None
        ).encode()
    ).hexdigest()[:32]
    earlier = [entry for entry in lake.entries() if entry.source == DECIDED_SOURCE]
    same_run = [entry for entry in earlier if entry.details.get("run") == plan.key]
    if any(entry.details.get("digest") == digest for entry in [*same_run, *earlier[-1:]]):
        return False
    previous = earlier[-1].seq if earlier else 0
    lake.commit(
        source=DECIDED_SOURCE,
        key=content_key("decided", plan.key, digest, str(previous)),
        parts=parts,
        details={"run": plan.key, "digest": digest},
    )
    return True


def _commit_artifacts(lake: Lake, warehouse: Warehouse) -> None:
    for estimator, (content, metadata, card) in warehouse.artifacts().items():
        lake.commit(
            source=f"run:artifact:{estimator}",
            key=content_key("artifact", estimator, str(metadata["artifact_id"])),
            parts=[
                Part("artifacts", estimator, content=content, suffix="skops"),
                Part("documents", f"card-{estimator}", content=card.encode(), suffix="md"),
            ],
            details=metadata,
        )


def _origin(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Where a published table comes from: the run's own accounting, or the dbt model."""
    registered = {name for (name,) in connection.sql("select view_name from duckdb_views() where temporary").fetchall()}
    return f"run_{table}" if f"run_{table}" in registered else f"built.{FROM_DBT}{table}"


def _run_tables(warehouse: Warehouse, lake: Lake, plan: RunPlan) -> dict[str, pl.DataFrame]:
    """Tables about the run itself: batches, quality_checks, estimators, publication."""
    checks: list[dict[str, Any]] = []
    for path in sorted(warehouse.building.glob("checks-*.json")):
        checks += json.loads(path.read_text(encoding="utf-8"))
    estimators = json.loads((warehouse.building / "estimators.json").read_text(encoding="utf-8"))
    batches = [
        {
            "seq": entry.seq,
            "source": entry.source,
            "dataset": ", ".join(sorted({file.dataset for file in entry.files})),
            "rows": entry.accounting.rows,
            "accepted": entry.accounting.accepted,
            "quarantined": entry.accounting.quarantined,
            "skipped": entry.accounting.skipped,
        }
        for entry in lake.entries(plan.to_seq)
        if entry.accounting is not None
    ]
    counts = dict.fromkeys(("seq", "rows", "accepted", "quarantined", "skipped"), pl.Int64)
    return {
        "batches": pl.DataFrame(batches, schema={"source": pl.String, "dataset": pl.String, **counts}),
        "quality_checks": pl.DataFrame(
            [(c["check_name"], c["status"] == "pass", c["failing_rows"]) for c in checks],
            schema={"check_name": pl.String, "passed": pl.Boolean, "failing_rows": pl.Int64},
            orient="row",
        ),
        "estimators": pl.DataFrame(
            [
                (
                    e["estimator"],
                    e["metadata"]["artifact_id"],
                    e["metadata"]["trained_on"],
                    json.dumps(e["metadata"], sort_keys=True),
                )
                for e in estimators
            ],
            schema={"estimator": pl.String, "artifact_id": pl.String, "trained_on": pl.String, "metrics": pl.String},
            orient="row",
        ),
        "publication": plan.frame(),
    }


def _fingerprint(connection: duckdb.DuckDBPyConnection, origin: str) -> tuple[int, ...]:
    """Rows, and the sum of every whole-number column: what must be equal on both sides."""
    relation = connection.table(origin)
    numbers = [
        c
        for c, kind in zip(relation.columns, relation.types, strict=True)
        if str(kind) in ("BIGINT", "INTEGER", "HUGEINT")
    ]
    sums = "".join(f', coalesce(sum("{column}"), 0)' for column in sorted(numbers))
    return tuple(int(value) for value in relation.aggregate(f"count(*){sums}").fetchall()[0])


def _verified(path: Path, expected: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Open the closed file as a reader would; read every value; compare. One flipped bit shows only on a full read."""
    with duckdb.connect(str(path), read_only=True, config=ENGINE_CONFIG) as connection:
        check(connection)
        for table, fingerprint in expected.items():
            found = _fingerprint(connection, table)
            if found != fingerprint:
                raise SnapshotRefusedError(
                    f"published table {table} holds {found}, the warehouse {fingerprint}; not published"
                )
            columns = ", ".join(f'"{column}"' for column in PUBLISHED[table].columns)
            connection.table(table).aggregate(f"sum(hash({columns})::hugeint)").fetchall()
    return {table: fingerprint[0] for table, fingerprint in expected.items()}


def _store_seq(lake: Lake, to_seq: int) -> int:
    """The last row of the store's consents ledger that the run has seen."""
    cursors = [entry.cursor for entry in lake.entries(to_seq) if entry.source == "store:consents" and entry.cursor]
    return int(cursors[-1]["seq"]) if cursors else 0


def _retire(folder: Path, keep: int) -> None:
    """Delete snapshots beyond the newest ``keep``; an open reader keeps its file until it closes it."""
    current = read_pointer(folder)
    for pointer in available(folder)[keep:]:
        if current is None or pointer.file == current.file:
            continue
        (folder / pointer.file).unlink(missing_ok=True)
        (folder / pointer.file).with_suffix(".json").unlink(missing_ok=True)
