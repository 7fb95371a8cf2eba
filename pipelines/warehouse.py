"""The warehouse folder: inputs that dbt reads, tables that Python steps read and write, the lock, the promotion.

Engine-neutral: a step sees Parquet in ``inputs/`` and polars frames, never the engine. One process opens the
warehouse at a time, guarded by an OS file lock that the kernel frees on death.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from models.contracts import CONTRACTS
from models.errors import ExpectedError
from models.files import file_sha256, fsync_folder, write_parquet
from models.killpoints import killpoint
from models.settings import Settings
from pipelines.lake import Lake, LakeError
from pipelines.plan import RunPlan

LOCK_LOOK_SECONDS = 0.2  # how often a waiting run looks
DATABASE = "warehouse.duckdb"
INPUTS = "inputs"  # below the building folder: one folder of Parquet a name
CONTRACT_FILE = "_contract.parquet"  # zero rows: gives types, and keeps a glob from being empty
ARTIFACTS = ("skops", "splink")  # forms of trained estimators: scikit-learn's, and Splink's settings as JSON
SPARK_FOLDER = "spark"  # below the building folder: one folder of Parquet a table, in main.db
QUICK = 1  # the level of Zstandard: of ids and hashes the next ones save nothing and cost twice the time
SCAN_MEMORY = "1GB"  # what is read in passing is not kept
ENGINE_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class RunInProgressError(ExpectedError):
    """Another process builds this warehouse."""


class Warehouse:
    def __init__(self, settings: Settings) -> None:
        self.building = settings.building_dir
        self.promoted = settings.promoted_dir
        self.database = self.building / DATABASE
        self.inputs = self.building / INPUTS
        self.outcomes = self.building / "outcomes"
        self.retired = self.promoted.with_name("retired")
        self.memory = settings.warehouse_memory

    @contextmanager
    def exclusive(self, wait_seconds: float = 0) -> Iterator[None]:
        """Hold the warehouse for one run. Raises RunInProgressError when another process has it, after the wait.

        Whoever holds it may enter again in the same thread: a runner can keep it around all steps of a run.
        """
        self.building.parent.mkdir(parents=True, exist_ok=True)
        lock = self.building.parent / ".lock"
        try:
            held = FileLock(lock, blocking=False, is_singleton=True).acquire(
                timeout=wait_seconds, blocking=wait_seconds > 0, poll_interval=LOCK_LOOK_SECONDS
            )
        except Timeout:
            raise RunInProgressError(
                f"another run is building in {self.building.parent}; wait for it or stop it"
            ) from None
        with held:
            yield

    def start(self, lake: Lake, plan: RunPlan) -> dict[str, int]:
        """An empty building folder with the run's inputs hard-linked into it. Returns files per dataset.

        Raises LakeError when the plan names batches that are still to come (the same pair would not stay the same),
        or when a file that the run would read is damaged: no figure is made of it.
        """
        if plan.to_seq > lake.head():
            raise LakeError(f"the run asks for batches up to {plan.to_seq}; the lake ends at {lake.head()}")
        self._recover()
        if self.building.exists():
            shutil.rmtree(self.building)
        killpoint("warehouse.cleared")
        self.outcomes.mkdir(parents=True)
        linked = {dataset: self._link(lake, dataset, plan.to_seq) for dataset in CONTRACTS}
        entries = lake.entries(plan.to_seq)
        batches = {
            "batch": [e.key for e in entries],
            "source": [e.source for e in entries],
            "seq": [e.seq for e in entries],
            "landed_at": [datetime.fromisoformat(e.landed_at).astimezone(UTC).replace(tzinfo=None) for e in entries],
        }
        schema = {"batch": pl.String(), "source": pl.String(), "seq": pl.Int64(), "landed_at": pl.Datetime("us")}
        self.write_input("lake_batches", pl.DataFrame(batches, schema=schema))
        self.write_input("run", plan.frame())
        plan.write(self.building)
        killpoint("warehouse.started")
        return linked

    def write_input(self, name: str, frame: pl.DataFrame) -> Path:
        """One file that a dbt source reads, replacing what was there."""
        path = self.inputs / name / "rows.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(frame, path, QUICK)
        killpoint("warehouse.input_written")
        return path

    def read(self, table: str) -> pl.DataFrame:
        """A table that dbt built, with no promise on order."""
        return read_table(self.building, table)

    def scanning(self) -> AbstractContextManager[Callable[[str], pl.LazyFrame]]:
        """Tables that dbt built, by name, of which only what is asked is read."""
        return scanning(self.building)

    def read_input(self, name: str) -> pl.DataFrame:
        """The rows of an input. Contract datasets carry ``_batch``."""
        return read_input(self.building, name)

    def scan_input(self, name: str) -> pl.LazyFrame:
        """The same, of which only what is asked is read."""
        return pl.scan_parquet(sorted((self.inputs / name).glob("*.parquet")))

    def decide(self, dataset: str, frame: pl.DataFrame) -> None:
        """Set aside outcomes that the publication commits to the lake when the whole graph is green."""
        write_parquet(frame, self.outcomes / f"{dataset}.parquet", QUICK)
        killpoint("warehouse.set_aside")

    def set_aside_artifact(
        self, estimator: str, content: bytes, metadata: Mapping[str, Any], card: str, *, form: str = "skops"
    ) -> None:
        """The same for a newly trained estimator: its bytes, what is known of it, and its card. form: of ARTIFACTS."""
        (self.outcomes / f"{estimator}.{form}").write_bytes(content)
        (self.outcomes / f"{estimator}.json").write_text(json.dumps(metadata, default=str), encoding="utf-8")
        (self.outcomes / f"{estimator}.md").write_text(card, encoding="utf-8")

    def artifacts(self) -> dict[str, tuple[bytes, str, dict[str, Any], str]]:
        """Artifacts set aside: content, form, metadata and card by estimator."""
        return {
            path.stem: (
                path.read_bytes(),
                form,
                json.loads(path.with_suffix(".json").read_text(encoding="utf-8")),
                path.with_suffix(".md").read_text(encoding="utf-8"),
            )
            for form in ARTIFACTS
            for path in sorted(self.outcomes.glob(f"*.{form}"))
        }

    def decided(self) -> dict[str, pl.DataFrame]:
        return {path.stem: pl.read_parquet(path) for path in sorted(self.outcomes.glob("*.parquet"))}

    def promote(self) -> None:
        """Make the building folder the promoted one by two renames; after a crash between, ``start`` goes back."""
        self._recover()
        if self.promoted.exists():
            self.promoted.rename(self.retired)
            killpoint("promote.retired")
        self.building.rename(self.promoted)
        killpoint("promote.moved")
        fsync_folder(self.promoted.parent)
        killpoint("promote.done")
        shutil.rmtree(self.retired, ignore_errors=True)  # what resists is of no use and goes with the next run

    def _recover(self) -> None:
        """What a run left that died while it promoted: the last promoted folder is put back, or cleared away."""
        if self.retired.exists() and not self.promoted.exists():
            self.retired.rename(self.promoted)
        if self.retired.exists():
            shutil.rmtree(self.retired)

    def _link(self, lake: Lake, dataset: str, to_seq: int) -> int:
        folder = self.inputs / dataset
        folder.mkdir(parents=True)
        write_parquet(CONTRACTS[dataset].empty(), folder / CONTRACT_FILE)
        zone = "decided" if CONTRACTS[dataset].door == "run" else "landed"
        files = lake.files(zone, dataset, to_seq)  # type: ignore[arg-type]
        for _, file in files:
            target = folder / Path(file.path).name
            _link_or_copy(lake.root / file.path, target)
            # Parquet holds no checksums: a flipped bit would become a wrong figure without a word
            if file_sha256(target) != file.sha256:
                raise LakeError(f"{file.path}: content does not match the manifest; restore it from a backup")
        killpoint("warehouse.linked")
        return len(files)


def read_table(folder: Path, name: str) -> pl.DataFrame:
    """A table that dbt built in a warehouse folder, with no promise on order."""
    with duckdb.connect(config=ENGINE_CONFIG) as connection:
        attach(connection, folder, "built")
        found: pl.DataFrame = connection.table(f"built.{name}").pl()
        return found


@contextmanager
def scanning(folder: Path) -> Iterator[Callable[[str], pl.LazyFrame]]:
    """Tables that dbt built, by name, while the context lasts: the engine reads the columns and rows that are asked."""
    with duckdb.connect(config=ENGINE_CONFIG | {"memory_limit": SCAN_MEMORY}) as connection:
        attach(connection, folder, "built")
        yield lambda name: connection.table(f"built.{name}").pl(lazy=True)


def read_input(folder: Path, name: str) -> pl.DataFrame:
    """The rows of an input of a warehouse folder. Contract datasets carry ``_batch``."""
    paths = sorted((folder / INPUTS / name).glob("*.parquet"))
    return pl.concat([pl.read_parquet(path) for path in paths], how="diagonal_relaxed")


def attach(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    """Show the tables that dbt built in a warehouse folder as ``name.<table>``, read only, whichever engine it was."""
    tables = folder / SPARK_FOLDER / "main.db"
    if not tables.exists():
        database = str(folder / DATABASE).replace("'", "''")
        connection.execute(f"attach '{database}' as {name} (read_only)")
        return
    connection.execute(f"attach ':memory:' as {name}")
    for table in sorted(tables.iterdir()):
        files = str(table / "*.parquet").replace("'", "''")
        connection.execute(f"create view {name}.{table.name} as from read_parquet('{files}')")


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system: a copy serves as well
        shutil.copyfile(source, target)


def digests(database: Path, schema: str = "main") -> dict[str, str]:
    """Rows and an order-independent hash of every table and view of a schema: equal content, equal digest.

    The hash is DuckDB's own over whole rows, summed: comparable within one DuckDB version, not across.
    """
    with duckdb.connect(str(database), read_only=True, config=ENGINE_CONFIG) as connection:
        connection.execute("set threads = 1")
        tables = [
            name
            for (name,) in connection.sql(
                "select table_name from duckdb_tables() where schema_name = $schema order by 1",
                params={"schema": schema},
            ).fetchall()
        ]
        return {table: _digest(connection, table) for table in tables}


def _digest(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    relation = connection.table(table)
    columns = ", ".join(f'"{column}"' for column in relation.columns)
    rows, total = relation.aggregate(f"count(*), coalesce(sum(hash({columns})::hugeint), 0)").fetchall()[0]
    return f"{rows}:{total:x}"
