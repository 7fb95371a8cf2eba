"""A company small enough to publish in a tenth of a second, without dbt: generation ``n`` has n customers and n orders.

Every generation lands one batch, decides ids, scores and members, and trains an artifact, so that each step of a
publication has something to do.
"""

import atexit
import functools
import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from models.contracts import contract
from models.contracts.published import create_statement
from models.serving import available
from models.serving.pointer import CURRENT, Pointer
from models.settings import Settings
from pipelines import publishing
from pipelines.lake import Lake, Part, content_key
from pipelines.plan import RunPlan
from pipelines.publishing import STAGES
from pipelines.warehouse import Warehouse

BUSINESS_DATE = date(2026, 7, 1)
KEEP = 3
#: One answer that touches four tables: equal numbers mean one publication.
COUNTS = """
    select (select count(*) from customers) as customers, (select count(*) from orders) as orders,
        (select max(lines_count) from orders) as newest, (select count(*) from customer_stores) as stores
"""


@dataclass(frozen=True)
class TinyCompany:
    home: Path

    @functools.cached_property
    def settings(self) -> Settings:
        return Settings(home=self.home)

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake_dir)

    @functools.cached_property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings)

    @functools.cached_property
    def published(self) -> Path:
        return self.settings.published_dir

    def land(self, generation: int) -> None:
        """The facts of a generation; again: nothing."""
        self.lake.commit(
            source="file:orders",
            key=content_key("orders", str(generation)),
            parts=[Part("landed", "orders", order(generation))],
        )

    def build(
        self, generation: int, *, business_date: date = BUSINESS_DATE, to_seq: int = 0, fresh: bool = False
    ) -> RunPlan:
        """All steps of a run before the publication. ``fresh``: the candidate is written, not copied."""
        lake, warehouse = self.lake, self.warehouse
        plan = RunPlan(business_date, to_seq or lake.head(), "Tiny", "Asia/Shanghai", "CNY")
        warehouse.start(lake, plan)
        shutil.copyfile(_database(generation), warehouse.database)
        self._decide(warehouse, generation, plan)
        for tag in STAGES:
            checks = [{"check_name": f"{tag}_holds", "status": "pass", "failing_rows": 0}]
            (warehouse.building / f"checks-{tag}.json").write_text(json.dumps(checks))
        metadata = {"artifact_id": f"churn-{generation}", "trained_on": business_date.isoformat()}
        warehouse.set_aside_artifact("churn", f"bytes {generation}".encode(), metadata, "# Card")
        (warehouse.building / "estimators.json").write_text(json.dumps([{"estimator": "churn", "metadata": metadata}]))
        if fresh:
            publishing.write_candidate(warehouse, lake, plan, self.published)
        else:
            self._candidate(plan, generation)
        return plan

    def _candidate(self, plan: RunPlan, generation: int) -> None:
        """Written and verified once per generation and pair; drills that publish a hundred times take a copy."""
        kept = _kept() / f"{generation}-{plan.business_date}-{plan.to_seq}"
        written, seal = self.published / publishing.CANDIDATE, self.warehouse.building / publishing.SEAL
        if kept.exists():
            self.published.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept / written.name, written)
            shutil.copyfile(kept / seal.name, seal)
            return
        publishing.write_candidate(self.warehouse, self.lake, plan, self.published)
        kept.mkdir()
        shutil.copyfile(written, kept / written.name)
        shutil.copyfile(seal, kept / seal.name)

    def _decide(self, warehouse: Warehouse, generation: int, plan: RunPlan) -> None:
        known = warehouse.read_input("customer_ids")["identifier"].to_list()
        members = [f"{number:04d}" for number in range(1, generation + 1)]
        new = [member for member in members if member not in known]
        ids = {"identifier_type": "member_no", "identifier": new, "customer_id": [f"C{member}" for member in new]}
        scored = {"customer_id": [f"C{member}" for member in members], "artifact_id": f"churn-{generation}"}
        warehouse.decide("customer_ids", _frame("customer_ids", {**ids, "decided_on": plan.business_date}))
        warehouse.decide(
            "scores",
            _frame("scores", {**scored, "estimator": "churn", "score_ppm": 1, "business_date": plan.business_date}),
        )

    def publish(self, plan: RunPlan) -> Pointer:
        return publishing.publish(self.warehouse, self.lake, plan, self.published, KEEP)

    def run(
        self, generation: int, *, business_date: date = BUSINESS_DATE, to_seq: int = 0, fresh: bool = False
    ) -> Pointer:
        """Sweep, land, build and publish a generation."""
        self.lake.sweep()
        self.land(generation)
        return self.publish(self.build(generation, business_date=business_date, to_seq=to_seq, fresh=fresh))


def assert_tidy(company: TinyCompany) -> None:
    """No loss, no duplicate, nothing left over."""
    assert company.lake.verify() == []
    ids = company.lake.read("decided", "customer_ids")
    assert ids["identifier"].is_unique().all()
    named = {pointer.file for pointer in available(company.published)}
    assert len(named) <= KEEP + 1
    beside = {name.replace(".duckdb", ".json") for name in named}
    assert {path.name for path in company.published.iterdir()} == named | beside | {CURRENT, ".lock"}
    assert {path.name for path in company.settings.promoted_dir.parent.iterdir()} <= {"promoted", ".lock"}


def order(number: int) -> pl.DataFrame:
    row = {
        "order_id": f"O{number}",
        "store_id": "S1",
        "ordered_at": datetime(2026, 6, 1),
        "product_id": "P",
        "quantity": Decimal(1),
        "unit_price": Decimal("9.9"),
        "currency": "CNY",
        "_row": 1,
        "_raw": "{}",
    }
    return contract("orders").conform(pl.DataFrame([row]))


def _frame(dataset: str, columns: dict) -> pl.DataFrame:
    """The dataset's business columns; single values fill the frame."""
    dtypes = contract(dataset).dtypes
    height = max((len(values) for values in columns.values() if isinstance(values, list)), default=0)
    filled = {name: values if isinstance(values, list) else [values] * height for name, values in columns.items()}
    return pl.DataFrame(filled, schema={name: dtypes[name] for name in filled})


_shared: list[Path] = []


def keep_in(folder: Path) -> None:
    """Keep what every company shares here, where another process has made it."""
    _shared[:] = [folder]


def _kept() -> Path:
    if not _shared:
        _shared.append(Path(tempfile.mkdtemp(prefix="tiny-company-")))
        atexit.register(shutil.rmtree, _shared[0])
    return _shared[0]


def _database(generation: int) -> Path:
    """The tables that dbt would have built, in a file of their own."""
    path = _kept() / f"warehouse-{generation}.duckdb"
    if path.exists():
        return path
    filled = {
        "customers": "customer_id, orders_count select printf('C%04d', i), 1",
        "customer_stores": "customer_id, store_id select printf('C%04d', i), 'S1'",
        "orders": "order_key, store_id, lines_count, paid_amount select printf('S1:O%d', i), 'S1', i, 100 * i",
    }
    run_itself = {"batches", "quality_checks", "estimators", "publication", "metric_glossary"}
    with duckdb.connect(str(path)) as connection:
        for table in publishing.PUBLISHED:
            if table in run_itself:
                continue
            statement = create_statement(table).replace(f'"{table}"', f'"serve_{table}"', 1)
            connection.execute(statement)
            if table in filled:
                columns, select = filled[table].split(" select ", 1)
                connection.execute(
                    f"insert into serve_{table} ({columns}) select {select} from range(1, {generation} + 1) r(i)"
                )
    return path
