"""The journey's dbt models over facts put in place by a test: no lake, no identities, no other model."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from models.documents.journey import JourneyDocument
from models.journeys.tables import limits_table, rules_table, stages_table
from models.settings import PROJECT_ROOT
from tests import dbt_runs

PROJECT = PROJECT_ROOT / "dbt_project"
MOMENT = pl.Datetime("us")
INTERACTIONS: Mapping[str, pl.DataType] = {
    "customer_id": pl.String(),
    "kind": pl.String(),
    "object_id": pl.String(),
    "store_id": pl.String(),
    "occurred_at": MOMENT,
}
ORDER_LINES: Mapping[str, pl.DataType] = {
    "order_key": pl.String(),
    "customer_id": pl.String(),
    "store_id": pl.String(),
    "currency": pl.String(),
    "paid_amount": pl.Int64(),
    "is_sale": pl.Boolean(),
    "sold_at": MOMENT,
}
REFUNDS: Mapping[str, pl.DataType] = {
    "customer_id": pl.String(),
    "store_id": pl.String(),
    "currency": pl.String(),
    "refund_amount": pl.Int64(),
    "refunded_at": MOMENT,
}
STORES: Mapping[str, pl.DataType] = {"store_id": pl.String(), "store_type": pl.String(), "timezone": pl.String()}


class JourneyProject:
    """A folder of its own; parsed once, built again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.duckdb"

    def write_run(self, document: JourneyDocument, as_of: datetime, zone: str = "UTC") -> None:
        run = {"business_date": as_of.date(), "as_of": as_of, "to_seq": 1, "company_timezone": zone}
        self._input("run", pl.DataFrame([run | {"company_currency": "CNY"}]))
        self._input("journey_stages", stages_table(document))
        self._input("journey_rules", rules_table(document))
        self._input("journey_limits", limits_table(document))

    def fill(self, **tables: pl.DataFrame) -> None:
        """Tables that models refer to, by name."""
        with duckdb.connect(str(self.warehouse)) as connection:
            for name, frame in tables.items():
                connection.register("rows", frame)
                connection.execute(f"create or replace table {name} as from rows")
                connection.unregister("rows")

    def build(self, *select: str) -> None:
        """Build and test the selected models. Fails with dbt's own words."""
        dbt_runs.passed(self.folder, "build", "--select", *select)

    def table(self, name: str) -> pl.DataFrame:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.table(name).pl()

    def _input(self, name: str, frame: pl.DataFrame) -> None:
        path = self.folder / "inputs" / name / "rows.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path)
