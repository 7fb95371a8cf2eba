"""Which run a build goes on from: a copy of the last promoted tables, in which models touch only what changed.

Decided once, when the inputs stand (docs/decisions/0013-builds-that-go-on.md). Whatever is not sure is built whole: the
result is the same, only later.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from models.settings import PROJECT_ROOT
from pipelines.lake import Lake
from pipelines.plan import PLAN_FILE, RunPlan
from pipelines.warehouse import DATABASE, ENGINE_CONFIG, INPUTS, Warehouse

BASIS_FILE = "basis.json"
#: Documents as tables that say other things each day, or whose every reader is built whole.
OF_THE_DAY = {"run", "lake_batches", "churn_cutoffs", "value_rules", "engagement_rules", "custom_values"}
CODE = (("dbt_project", ("*.sql", "*.yml")), ("models", ("*.py",)), ("pipelines", ("*.py",)), (".", ("*.lock",)))


@dataclass(frozen=True)
class Basis:
    """What a build stands on.

    before: the key of the run that it goes on from; empty when it is built whole. reason: why it is whole. code, lake:
    fingerprints of this release and of all batches of this run.
    """

    before: str
    reason: str
    code: str
    lake: str

    def write(self, folder: Path) -> None:
        (folder / BASIS_FILE).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Basis | None":
        """None: the folder was built by a release that wrote none."""
        path = folder / BASIS_FILE
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def begin(warehouse: Warehouse, lake: Lake, plan: RunPlan, documents: Iterable[str], *, why_whole: str = "") -> Basis:
    """Decide, and lay the copy in place. documents: inputs that are tables of rules. why_whole: a reason against it.

    The inputs of the run must stand. Raises OSError when the copy finds no room.
    """
    reason = why_whole or _objection(warehouse, lake, plan, documents)
    before = "" if reason else RunPlan.read(warehouse.promoted).key
    if before:
        shutil.copyfile(warehouse.promoted / DATABASE, warehouse.database)
        _prepare(warehouse, RunPlan.read(warehouse.promoted), plan)
    basis = Basis(before, reason, code_fingerprint(), lake_fingerprint(lake, plan.to_seq))
    basis.write(warehouse.building)
    return basis


def database_before(warehouse: Warehouse) -> Path | None:
    """The tables of the run that the build goes on from; None: it is built whole."""
    basis = Basis.read(warehouse.building)
    return warehouse.promoted / DATABASE if basis and basis.before else None


def _objection(warehouse: Warehouse, lake: Lake, plan: RunPlan, documents: Iterable[str]) -> str:
    """Why the build cannot go on from the promoted one, in words; empty when it can."""
    promoted = warehouse.promoted
    basis = Basis.read(promoted)
    if basis is None or not (promoted / PLAN_FILE).exists() or not (promoted / DATABASE).exists():
        return "there is no run before that a build could go on from"
    before = RunPlan.read(promoted)
    if basis.code != code_fingerprint():
        return "the program has changed since the run before"
    if plan.business_date < before.business_date or plan.to_seq < before.to_seq:
        return f"it is earlier than the run before, {before.key}"
    if (before.company, before.company_timezone, before.company_currency) != (
        plan.company,
        plan.company_timezone,
        plan.company_currency,
    ):
        return "the company's name, time zone or currency has changed"
    if basis.lake != lake_fingerprint(lake, before.to_seq):
        return "the lake is another one than in the run before"
    changed = [name for name in sorted(documents) if name not in OF_THE_DAY and not _same(warehouse, name)]
    return f"rules have changed: {', '.join(changed)}" if changed else ""


def _same(warehouse: Warehouse, name: str) -> bool:
    paths = [folder / INPUTS / name / "rows.parquet" for folder in (warehouse.promoted, warehouse.building)]
    return all(path.exists() for path in paths) and pl.read_parquet(paths[0]).equals(pl.read_parquet(paths[1]))


def _prepare(warehouse: Warehouse, before: RunPlan, plan: RunPlan) -> None:
    """Schema ``changes``: new_batches (batch: landed since the run before), moments (earlier and as_of, one row)."""
    batches = str(warehouse.inputs / "lake_batches" / "rows.parquet")
    with duckdb.connect(str(warehouse.database), config=ENGINE_CONFIG) as connection:
        connection.execute("drop schema if exists changes cascade")
        connection.execute("create schema changes")
        connection.execute(
            "create table changes.new_batches as select batch from read_parquet($batches) where seq > $seq",
            {"batches": batches, "seq": before.to_seq},
        )
        connection.execute(
            "create table changes.moments as select $earlier::timestamp as earlier, $as_of::timestamp as as_of",
            {"earlier": before.as_of, "as_of": plan.as_of},
        )


@cache
def code_fingerprint() -> str:
    """A hash of everything that decides what a run builds: models, contracts, steps and the lock of the libraries."""
    digest = hashlib.sha256()
    for folder, patterns in CODE:
        root = PROJECT_ROOT / folder
        found = [path for pattern in patterns for path in (root.glob if folder == "." else root.rglob)(pattern)]
        for path in sorted(path for path in found if "target" not in path.relative_to(root).parts):
            digest.update(f"{path.relative_to(PROJECT_ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def lake_fingerprint(lake: Lake, to_seq: int) -> str:
    """A hash of all committed batches up to one: their keys and the hashes of their files."""
    digest = hashlib.sha256()
    for entry in lake.entries(to_seq):
        said: Mapping[str, object] = {
            "seq": entry.seq,
            "key": entry.key,
            "files": [file.sha256 for file in entry.files],
        }
        digest.update(json.dumps(said).encode())
    return digest.hexdigest()
