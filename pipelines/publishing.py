"""Publishing: one DuckDB file per publication, written aside, verified, and made current by the pointer, last.

Order of the last steps, each durable before the next: snapshot file in place → artifacts and decided outcomes in the
lake → warehouse folder promoted → pointer. A crash between any two leaves readers on the old snapshot and the next run
able to repeat: what is already decided is a no-op, and what nobody points to is swept before the next publication.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from models.contracts.published import PUBLISHED, check
from models.contracts.published.table import BIGINT, INTEGER, Table
from models.documents.metrics import glossary
from models.errors import ExpectedError
from models.files import file_sha256, replace_durably
from models.killpoints import killpoint
from models.serving import Snapshot
from models.serving.pointer import (
    CURRENT,
    Pointer,
    PointerError,
    available,
    read_pointer,
    snapshot_file,
    write_pointer,
)
from pipelines.lake import Lake, Part, content_key
from pipelines.plan import RunPlan
from pipelines.warehouse import ENGINE_CONFIG, Warehouse, attach

CANDIDATE = "candidate.duckdb.tmp"
SEAL = "candidate.json"  # in the building folder: what was verified, so that no other file is published in its place
FROM_DBT = "serve_"  # a published table is the dbt model of its name with this prefix
STAGES = ("identity", "links", "facts", "published")  # each dbt invocation that ended green left its checks-<tag>.json
DECIDED_SOURCE = "run:decided"
# Decided datasets that grow: no rows mean nothing new. The others are states: no rows count.
LOGS = {"customer_ids", "identity_events", "tag_events"}
PUBLISHER_SECONDS = 120  # a publication takes the lock for seconds
UNTRACED = 100  # roll-backs leave no number beside a file: the gap after a pointer that cannot be read


class SnapshotRefusedError(ExpectedError):
    """A candidate is not the verified one or not whole, or a version does not exist; nothing was published."""


@dataclass(frozen=True)
class Candidate:
    """A verified snapshot that is not yet published."""

    path: Path
    rows: Mapping[str, int]
    bytes: int


def write_candidate(warehouse: Warehouse, lake: Lake, plan: RunPlan, folder: Path) -> Candidate:
    """Write every published table, ordered by its lookup key, into one new file, and verify it by a full scan.

    Raises SnapshotRefusedError when dbt has not ended green or content differs from the warehouse, ContractError when
    columns do.
    """
    if missing := [tag for tag in STAGES if not (warehouse.building / f"checks-{tag}.json").exists()]:
        raise SnapshotRefusedError(f"dbt has not ended with {', '.join(missing)}: run the whole main job")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CANDIDATE
    for stale in folder.glob(f"{CANDIDATE}*"):  # of a run that died; the warehouse lock is held, so nobody writes it
        shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
    # without a limit the order of the largest table would take most of the machine's memory
    with duckdb.connect(str(path), config={**ENGINE_CONFIG, "memory_limit": warehouse.memory}) as connection:
        attach(connection, warehouse.building, "built")
        for name, frame in _run_tables(warehouse, lake, plan).items():
            connection.register(f"run_{name}", frame.to_arrow())
        expected = {}
        for table in PUBLISHED.values():
            promised = _promised(connection, table)
            expected[table.name] = _fingerprint(connection, promised, table)
            connection.execute(f"create table {table.name} as {promised} order by {', '.join(table.ordered_by)}")
            killpoint("candidate.table_written")
        connection.execute("detach built")
        connection.execute("checkpoint")
    killpoint("candidate.written")
    _verify(path, expected)
    killpoint("candidate.verified")
    seal = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
    (warehouse.building / SEAL).write_text(json.dumps(seal), encoding="utf-8")
    return Candidate(path, {table: fingerprint[0] for table, fingerprint in expected.items()}, path.stat().st_size)


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
    """Make the verified candidate current, with everything that the run decided. Returns the new pointer.

    Raises SnapshotRefusedError when the candidate is not the file that was verified for this build.
    """
    with _publisher(folder):
        digest, size = _sealed(warehouse, folder)
        current, publication = _last(folder)
        _sweep(folder, current)
        killpoint("publish.swept")
        version = f"{plan.business_date:%Y%m%d}-{plan.to_seq}-{publication + 1}"
        target = folder / snapshot_file(version)
        replace_durably(folder / CANDIDATE, target)
        killpoint("publish.placed")
        _commit_artifacts(lake, warehouse, plan)
        killpoint("publish.artifacts_committed")
        commit_decided(lake, warehouse.decided(), plan)
        killpoint("publish.decided")
        warehouse.promote()
        killpoint("publish.promoted")
        pointer = Pointer(
            file=target.name,
            version=version,
            publication=publication + 1,
            sequence=plan.to_seq,
            store_seq=_store_seq(lake, plan.to_seq),
            business_date=plan.business_date,
            data_as_of=plan.as_of,
            sha256=digest,
            bytes=size,
        )
        _point(folder, current, pointer)
        killpoint("publish.pointed")
        _retire(folder, keep, pointer, current)
        return pointer


def decide(warehouse: Warehouse, lake: Lake, plan: RunPlan, folder: Path) -> None:
    """Commit what a run decided and publish nothing: a day that is caught up while a newer one is current."""
    _sealed(warehouse, folder)
    _commit_artifacts(lake, warehouse, plan)
    commit_decided(lake, warehouse.decided(), plan)
    (folder / CANDIDATE).unlink(missing_ok=True)


def rollback(folder: Path, version: str) -> Pointer:
    """Make an older snapshot current again, as a new publication. Raises SnapshotRefusedError when it is not kept."""
    known = available(folder)
    with _publisher(folder) if known else nullcontext():
        found = next((pointer for pointer in available(folder) if pointer.version == version), None)
        if found is None:
            raise SnapshotRefusedError(f"no snapshot {version!r} is kept; `scrm snapshots list` shows those that are")
        if file_sha256(folder / found.file) != found.sha256:
            raise SnapshotRefusedError(f"{found.file} is damaged (its sha256 differs); choose another version")
        current, publication = _last(folder)
        pointer = replace(found, publication=publication + 1)
        _point(folder, current, pointer)
        return pointer


@contextmanager
def _publisher(folder: Path) -> Iterator[None]:
    """One process at a time changes the folder: a roll-back does not hold the warehouse's lock."""
    try:
        with FileLock(folder / ".lock", timeout=PUBLISHER_SECONDS):
            yield
    except Timeout:
        raise SnapshotRefusedError(
            f"another process has been changing {folder} for {PUBLISHER_SECONDS} s; try again"
        ) from None


def _sealed(warehouse: Warehouse, folder: Path) -> tuple[str, int]:
    """sha256 and bytes of the candidate, which must be the file that was verified for this build."""
    try:
        seal = json.loads((warehouse.building / SEAL).read_text(encoding="utf-8"))
        digest, size = file_sha256(folder / CANDIDATE), (folder / CANDIDATE).stat().st_size
    except FileNotFoundError as error:
        raise SnapshotRefusedError(f"{error.filename} is not there: run the whole main job") from None
    if digest != seal["sha256"]:
        raise SnapshotRefusedError(f"{CANDIDATE} is not the file that was verified for this build; not published")
    return digest, size


def _last(folder: Path) -> tuple[Pointer | None, int]:
    """The current pointer, and the highest publication number in use.

    A run that died between the two files of a pointer has used its number: a name is never given twice. None: nothing
    was published, or the pointer cannot be read; the next publication mends that.
    """
    numbers = [pointer.publication for pointer in available(folder)]
    try:
        current = read_pointer(folder)
    except PointerError:
        return None, max(numbers, default=0) + UNTRACED
    return current, max([*numbers, current.publication if current else 0])


def _point(folder: Path, current: Pointer | None, pointer: Pointer) -> None:
    if current is None:
        (folder / CURRENT).unlink(missing_ok=True)  # one that cannot be read
    write_pointer(folder, pointer)


def _sweep(folder: Path, current: Pointer | None) -> None:
    """Delete what no pointer names: snapshots and drafts of publications that died."""
    named = {pointer.file for pointer in [*available(folder), *([current] if current else [])]}
    kept = named | {Path(file).with_suffix(".json").name for file in named}
    for path in [*folder.glob("serve-*"), *folder.glob("*.json.tmp")]:
        if path.name not in kept:
            path.unlink(missing_ok=True)


def commit_decided(lake: Lake, frames: Mapping[str, pl.DataFrame], plan: RunPlan) -> bool:
    """Land what a run decided, each dataset once. Returns False when the lake holds all of it already.

    A dataset is left out when the newest outcome in the lake is the same (nothing changed since), and when this very
    run decided the same before (an old run that is repeated must not become the newest).
    """
    earlier = [entry for entry in lake.entries() if entry.source == DECIDED_SOURCE]
    parts, digests = [], {}
    for dataset, frame in sorted(frames.items()):
        landed = [entry for entry in earlier if dataset in entry.details.get("digests", {})]
        if frame.is_empty() and (dataset in LOGS or not landed):
            continue
        digest = _rows_digest(frame)
        known = [*landed[-1:], *(entry for entry in landed if entry.details["run"] == plan.key)]
        if any(entry.details["digests"][dataset] == digest for entry in known):
            continue
        parts.append(Part("decided", dataset, frame.with_columns(_row=None, _raw=None)))
        digests[dataset] = digest
    if not parts:
        return False
    killpoint("decide.before_commit")
    key = content_key("decided", plan.key, *(piece for item in digests.items() for piece in item))
    return not lake.commit(
        source=DECIDED_SOURCE, key=key, parts=parts, details={"run": plan.key, "digests": digests}
    ).repeated


def _rows_digest(frame: pl.DataFrame) -> str:
    """sha256 of the rows, whatever their order; 32 hex digits."""
    return hashlib.sha256(frame.sort(pl.all()).write_csv().encode()).hexdigest()[:32]


def _commit_artifacts(lake: Lake, warehouse: Warehouse, plan: RunPlan) -> None:
    """Land trained artifacts; the newest one again, or one that this very run trained before, is a no-op."""
    for estimator, (content, form, metadata, card) in warehouse.artifacts().items():
        artifact_id = str(metadata["artifact_id"])
        landed = lake.files("artifacts", estimator)
        if landed and landed[-1][0].details["artifact_id"] == artifact_id:
            continue
        lake.commit(
            source=f"run:artifact:{estimator}",
            key=content_key("artifact", estimator, artifact_id, plan.key),
            parts=[
                Part("artifacts", estimator, content=content, suffix=form),
                Part("documents", f"card-{estimator}", content=card.encode(), suffix="md"),
            ],
            details=metadata,
        )


def _origin(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Where a published table comes from: the run's own accounting, or the dbt model."""
    registered = {name for (name,) in connection.sql("select view_name from duckdb_views() where temporary").fetchall()}
    return f"run_{table}" if f"run_{table}" in registered else f"built.{FROM_DBT}{table}"


def _promised(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """The select that gives a table's promised columns and types."""
    columns = ", ".join(f'cast("{column}" as {kind}) as "{column}"' for column, kind in table.columns.items())
    return f"select {columns} from {_origin(connection, table.name)}"  # noqa: S608 - names of the contract


def _run_tables(warehouse: Warehouse, lake: Lake, plan: RunPlan) -> dict[str, pl.DataFrame]:
    """Tables about the run itself: batches, quality_checks, estimators, publication; and the words of its figures."""
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
            "landed_at": datetime.fromisoformat(entry.landed_at).astimezone(UTC).replace(tzinfo=None),
        }
        for entry in lake.entries(plan.to_seq)
        if entry.accounting is not None
    ]
    counts = dict.fromkeys(("seq", "rows", "accepted", "quarantined", "skipped"), pl.Int64())
    schema = {"source": pl.String(), "dataset": pl.String(), **counts, "landed_at": pl.Datetime("us")}
    return {
        "metric_glossary": glossary().frame(),
        "batches": pl.DataFrame(batches, schema=schema),
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


def _fingerprint(connection: duckdb.DuckDBPyConnection, select: str, table: Table) -> tuple[int, ...]:
    """What must be equal on both sides: rows, the sum of every whole number, a hash of all values in any order."""
    numbers = [column for column, kind in table.columns.items() if kind in (BIGINT, INTEGER)]
    sums = "".join(f', coalesce(sum("{column}"), 0)' for column in numbers)
    every = ", ".join(f'"{column}"' for column in table.columns)
    hashed = f"coalesce(sum(hash({every})::hugeint), 0)"
    return tuple(int(value) for value in connection.sql(select).aggregate(f"count(*){sums}, {hashed}").fetchall()[0])


def _verify(path: Path, expected: Mapping[str, tuple[int, ...]]) -> None:
    """Open the closed file as a reader would; read every value; compare. One flipped bit shows only on a full read."""
    if (wal := path.with_name(path.name + ".wal")).exists():
        raise SnapshotRefusedError(f"{wal.name} still holds a part of the snapshot; not published")
    with duckdb.connect(str(path), read_only=True, config=ENGINE_CONFIG) as connection:
        check(connection)
        for name, fingerprint in expected.items():
            found = _fingerprint(connection, f'from "{name}"', PUBLISHED[name])
            if found != fingerprint:
                raise SnapshotRefusedError(
                    f"published table {name} holds {found}, the warehouse {fingerprint}; not published"
                )


def _store_seq(lake: Lake, to_seq: int) -> int:
    """The last row of the store's consents ledger that the run has seen."""
    cursors = [entry.cursor for entry in lake.entries(to_seq) if entry.source == "store:consents" and entry.cursor]
    return int(cursors[-1]["seq"]) if cursors else 0


def _retire(folder: Path, keep: int, *in_use: Pointer | None) -> None:
    """Delete snapshots beyond the newest ``keep``; the one that is current and the one that was just now stay.

    An open reader keeps its file until it closes it.
    """
    needed = {pointer.file for pointer in in_use if pointer is not None}
    for pointer in available(folder)[keep:]:
        if pointer.file not in needed:
            (folder / pointer.file).unlink(missing_ok=True)
            killpoint("publish.retired")
            (folder / pointer.file).with_suffix(".json").unlink(missing_ok=True)
