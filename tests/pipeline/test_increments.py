"""A build that goes on from the run before gives the tables of a whole build, row for row.

Accidents it prevents: a late correction that changes nothing, a row that the day reached and nobody told, a record that
vanished and stays, and a build that goes on although its rules or its lake are others.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from models.documents.identity import IdentityRegistry
from models.identity.registry_tables import limits_table, rules_table
from models.settings import PROJECT_ROOT, Settings
from pipelines import increments
from pipelines.defs.warehouse import inputs
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.sandbox.generating import Order, generate_into
from pipelines.warehouse import Warehouse
from tests import dbt_runs
from tests.dbt_runs import Tables
from tests.increments_company import correct

DAY = date(2026, 6, 10)
RULES = "identity_rules"
REGISTRY = IdentityRegistry.load(PROJECT_ROOT / "data" / "rulebooks" / "identity.yaml")
#: sources of which a build that goes on needs no word: of the run, where every comparison with them is named, and what
#: rows of files say in fields of the company's own, which comes and goes with those rows
OF_THE_RUN = {"lake_batches", "run", "custom_values"}
#: where one of these is another, the build is whole
RULE_TABLES = set(inputs.OF_THE_RUN) - increments.OF_THE_DAY


@dataclass
class Builder:
    """Builds staging and records of a lake, as the first invocation of a run does."""

    warehouse: Warehouse
    lake: Lake

    def start(self, plan: RunPlan, registry: IdentityRegistry = REGISTRY, *, why_whole: str = "") -> increments.Basis:
        self.warehouse.start(self.lake, plan)
        self.warehouse.write_input(RULES, rules_table(registry))
        self.warehouse.write_input("identity_limits", limits_table(registry))
        return increments.begin(self.warehouse, self.lake, plan, [RULES], why_whole=why_whole)

    def build(self, plan: RunPlan, *, why_whole: str = "") -> increments.Basis:
        basis = self.start(plan, why_whole=why_whole)
        before = increments.database_before(self.warehouse)
        going_on = ["--vars", json.dumps({"before": str(before)})] if before else []
        dbt_runs.passed(self.warehouse.building, "run", "--select", "tag:identity", *going_on)
        return basis

    def tables(self) -> Tables:
        return dbt_runs.tables(self.warehouse.building)

    def changes(self) -> dict[str, int]:
        """Rows that left and came, by table."""
        with duckdb.connect(str(self.warehouse.database), read_only=True) as connection:
            found = connection.sql(
                "select table_name, estimated_size from duckdb_tables() where schema_name = 'changes'"
            )
            return dict(found.fetchall())

    def promote(self) -> None:
        self.warehouse.promote()


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of a small company: parts, and what changed later, in batches of their own."""
    home = tmp_path_factory.mktemp("increments") / "home"
    order = Order(customers=240, seed=11, ends_on=date(2026, 6, 30), days=90, part_people=120)
    generate_into(Lake(Settings(home=home).lake_dir), order)
    return home


@pytest.fixture
def builder(generated: Path, tmp_path: Path) -> Iterator[Builder]:
    home = tmp_path / "home"
    shutil.copytree(generated, home)
    settings = Settings(home=home)
    yield Builder(Warehouse(settings), Lake(settings.lake_dir))


def plan(day: date, to_seq: int) -> RunPlan:
    return RunPlan(day, to_seq, "Siyu", "Asia/Shanghai", "CNY")


def assert_same_as_whole(builder: Builder, day: RunPlan) -> None:
    """What was built, beside a whole build of the same run; what was built is promoted."""
    found = builder.tables()
    builder.promote()
    builder.build(day, why_whole="to compare")
    whole = builder.tables()
    assert found.keys() == whole.keys()
    differ = [name for name, table in whole.items() if not _sorted(found[name]).equals(_sorted(table))]
    assert not differ


def _sorted(table: pl.DataFrame) -> pl.DataFrame:
    return table.sort(table.columns)


def test_days_and_late_corrections_give_what_a_whole_build_gives(builder: Builder) -> None:
    head = builder.lake.head()
    assert builder.build(plan(DAY, head - 2)).reason.startswith("there is no run before")
    builder.promote()

    a_day_later = plan(DAY + timedelta(days=1), head - 2)
    assert builder.build(a_day_later).before == f"{DAY}/{head - 2}"
    moved = builder.changes()
    assert all(moved[table] for table in ("stg_mini_program__events", "stg_files__order_lines", "personas"))
    assert moved["stg_mini_program__events"] < builder.tables()["stg_mini_program__events"].height / 10
    assert_same_as_whole(builder, a_day_later)

    correct(builder.lake, seed=1)
    more_landed = plan(DAY + timedelta(days=1), builder.lake.head())  # and parts of the company that had not landed
    assert builder.build(more_landed).before == a_day_later.key
    assert_same_as_whole(builder, more_landed)

    correct(builder.lake, seed=2)
    corrected = plan(DAY + timedelta(days=7), builder.lake.head())
    assert builder.build(corrected).before == more_landed.key
    touched = {name for name, rows in builder.changes().items() if rows}
    assert {"stg_bills__payment_lines", "stg_files__coupons", "stg_taobao__trades", "identity_records"} <= touched
    assert_same_as_whole(builder, corrected)


def test_a_build_says_why_it_is_whole(builder: Builder, tmp_path: Path) -> None:
    head = builder.lake.head()
    day = plan(DAY, head)
    builder.build(day)
    builder.promote()
    assert builder.start(plan(DAY - timedelta(days=1), head)).reason == f"it is earlier than the run before, {day.key}"
    assert builder.start(day, why_whole="it was asked for").reason == "it was asked for"
    other = REGISTRY.model_copy(update={"rules": REGISTRY.rules[:-1]})
    assert builder.start(day, other).reason == f"rules have changed: {RULES}"
    moved = RunPlan(DAY, head, "Siyu", "Asia/Tokyo", "CNY")
    assert "time zone" in builder.start(moved).reason
    other_lake = Lake(tmp_path / "other")
    generate_into(other_lake, Order(customers=240, seed=12, ends_on=date(2026, 6, 30), days=90, part_people=120))
    builder.lake = other_lake
    assert builder.start(day).reason.startswith("the lake is another one")


def test_every_table_that_such_a_model_reads_is_named_among_what_touches_it(tmp_path: Path) -> None:
    """What is read and not named would be a change that the model never learns of."""
    nodes = dbt_runs.project().manifest.nodes
    statements = dbt_runs.compiled(tmp_path, "config.materialized:incremental_by_key")
    assert len(statements) > 10
    for unique_id, statement in statements.items():
        keys = "\n".join(line for line in statement.splitlines() if line.startswith("--keys"))
        for parent in _read(nodes, unique_id):
            kind, *_, table = parent.split(".")
            told = rf"changes\.{table}\b" + ("" if kind == "model" else f"|/inputs/{table}/")
            assert table in RULE_TABLES | OF_THE_RUN or re.search(told, keys), f"{unique_id}: {table}"


def _read(nodes: Mapping[str, Any], unique_id: str) -> set[str]:
    """Tables and sources that a model reads, also through parts that are no tables."""
    found = set()
    for parent in nodes[unique_id].depends_on.nodes:
        is_part = parent in nodes and nodes[parent].config.materialized in ("ephemeral", "view")
        found |= _read(nodes, parent) if is_part else {parent}
    return found
