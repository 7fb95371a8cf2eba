"""The models of value alone: the tables before them are put in place, dbt builds the rest, and every table is read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from models.documents.value import ValueDocument, value_tables
from models.settings import PROJECT_ROOT
from tests import dbt_runs

PROJECT = PROJECT_ROOT / "dbt_project"
ZONE = ZoneInfo("Asia/Shanghai")
SHIPPED = ValueDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "value.yaml")
MODELS = (
    "path:models/commerce/value",
    *(f"serve_{name}" for name in ("customer_rfm", "customer_value", "contribution_totals", "contribution_gaps")),
)
STORES = [
    {"store_id": "S1", "store_type": "direct", "timezone": "Asia/Shanghai"},
    {"store_id": "S2", "store_type": "online", "timezone": "Asia/Shanghai"},
    {"store_id": "unknown", "store_type": "undeclared", "timezone": "Asia/Shanghai"},
]
DAY = date(2025, 7, 1)
Row = dict[str, Any]
Tables = dict[str, pl.DataFrame]
_TEXT, _INT, _DAY, _TIME = pl.String(), pl.Int64(), pl.Date(), pl.Datetime("us")
_PRICE = pl.Decimal(18, 6)


def _columns(text: str, kind: pl.DataType) -> dict[str, pl.DataType]:
    return dict.fromkeys(text.split(), kind)


_ENTRY = {
    **_columns("entry_id posting line_id original_line_id order_key store_id store_type rule_id rule_version", _TEXT),
    **{"currency": _TEXT, "amount": _INT, "economic_date": _DAY},
}

#: What the models of value read, with the columns that they use.
BEFORE: dict[str, dict[str, pl.DataType]] = {
    "order_lines": {
        **_columns("order_line_id order_key order_id store_id customer_id product_id product_name currency", _TEXT),
        **{"quantity": pl.Decimal(18, 3), "unit_price": _PRICE, "discount": _INT, "paid_amount": _INT},
        **{"is_sale": pl.Boolean(), "sold_at": _TIME},
    },
    "refunds": {
        **_columns("refund_line_id order_line_id order_key store_id customer_id product_id currency", _TEXT),
        **{"refund_amount": _INT, "refunded_on": _DAY, "refunded_at": _TIME},
    },
    "stores": _columns("store_id store_type timezone", _TEXT),
    "store_periods": _columns("store_id store_type timezone", _TEXT) | _columns("valid_from valid_to", _DAY),
    "settlement_entries": {**_ENTRY, "component_seq": pl.Int32()},
    "settlement_transfers": {**_ENTRY, "side": _TEXT},
    "stg_files__costs": {
        **_columns("product_id order_id store_id kind currency", _TEXT),
        **{"unit_cost": _PRICE, "amount": _INT, "valid_from": _DAY, "valid_to": _DAY},
    },
    "stg_files__fx_rates": {
        **_columns("base_currency quote_currency source", _TEXT),
        **{"rate": pl.Decimal(20, 10), "rate_date": _DAY},
    },
    "stg_bills__payment_lines": {
        **_columns("channel account_id kind transaction_id entry_id store_id order_id refund_status currency", _TEXT),
        **{"occurrence": _INT, "fee_amount": _INT, "occurred_at": _TIME},
    },
    "stg_files__shop_statements": {
        **_columns("platform account_id entry_id kind store_id order_id platform_order_id refund_id currency", _TEXT),
        **{"amount": _INT, "fee_amount": _INT, "occurred_at": _TIME},
    },
}
_RULES = {
    **_columns("rule_id rule_version party_kind", _TEXT),
    "component_seq": pl.Int32(),
}
_TRANSFER_RULES = _columns("rule_id rule_version party_kind payer_kind", _TEXT)


class ValueProject:
    """dbt over a folder of its own."""

    def __init__(self, folder: Path, business_date: date, document: ValueDocument = SHIPPED) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.duckdb"
        self.business_date = business_date
        self.document = document

    @property
    def as_of(self) -> datetime:
        return datetime.combine(self.business_date, time.min, tzinfo=ZONE).astimezone(UTC).replace(tzinfo=None)

    def put(
        self,
        tables: Mapping[str, Sequence[Row] | pl.DataFrame],
        rules: Sequence[Row] = (),
        transfer_rules: Sequence[Row] = (),
    ) -> None:
        """The given tables and the others without rows, stores that never changed; inputs of the run."""
        ever = {"valid_from": date(1900, 1, 1), "valid_to": date(9999, 12, 31)}
        states = [row | ever for row in rows_of("stores", tables["stores"]).to_dicts()]
        tables = {"store_periods": rows_of("store_periods", states), **tables}
        self.folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(self.warehouse)) as connection:
            for name, dtypes in BEFORE.items():
                given = tables.get(name, [])
                frame = given if isinstance(given, pl.DataFrame) else rows_of(name, given)
                connection.register("given", frame.select(list(dtypes)))
                connection.execute(f"create or replace table {name} as from given")
        run = {"business_date": [self.business_date], "as_of": [self.as_of], "company_timezone": [ZONE.key]}
        inputs = {
            **value_tables(self.document, self.as_of, ZONE),
            "run": pl.DataFrame(run, schema_overrides={"as_of": pl.Datetime("us")}),
            "settlement_rules": pl.DataFrame(list(rules), schema=_RULES, orient="row"),
            "settlement_transfer_rules": pl.DataFrame(list(transfer_rules), schema=_TRANSFER_RULES, orient="row"),
        }
        for name, frame in inputs.items():
            path = self.folder / "inputs" / name / "rows.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(path)

    def build(self) -> Tables:
        """Models and their tests. Fails with dbt's own words."""
        dbt_runs.passed(self.folder, "build", "--select", *MODELS, "--exclude-resource-type", "unit_test")
        return self.tables()

    def tables(self) -> Tables:
        """Views too: contributions are one."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            names = connection.sql("select table_name from information_schema.tables").fetchall()
            return {name: connection.table(name).pl() for (name,) in names}

    def compiled(self, model: str) -> str:
        """The SQL of a model as dbt ran it."""
        (path,) = (self.folder / "dbt-target" / "compiled").rglob(f"{model}.sql")
        return path.read_text(encoding="utf-8")


def rows_of(table: str, rows: Sequence[Row]) -> pl.DataFrame:
    """Rows of a table of BEFORE; raises KeyError on a column that it does not have."""
    dtypes = BEFORE[table]
    if unknown := {name for row in rows for name in row} - set(dtypes):
        raise KeyError(f"{table} has no column(s) {', '.join(sorted(unknown))}")
    return pl.DataFrame([{name: row.get(name) for name in dtypes} for row in rows], schema=dtypes, orient="row")


def line(number: str, when: str, paid: int, **more: Any) -> Row:
    """One piece sold in S1 to C1, in an order of its own unless ``order`` says which; 2 pm in Shanghai is 6 am UTC."""
    order = more.pop("order", number)
    store_id = more.get("store_id", "S1")
    row = {
        **{"order_line_id": f"{store_id}:{order}:{number}", "order_key": f"{store_id}:{order}", "order_id": order},
        **{"store_id": store_id, "customer_id": "C1", "product_id": "P1", "product_name": "Tea", "currency": "CNY"},
        **{"quantity": Decimal(1), "unit_price": Decimal(paid) / 100, "discount": 0, "paid_amount": paid},
        **{"is_sale": True, "sold_at": datetime.fromisoformat(when)},
    }
    return row | more


def cost(since: str, unit_cost: str, **more: Any) -> Row:
    row = {"product_id": "P1", "order_id": "*", "store_id": "*", "kind": "purchase", "currency": "CNY"}
    return {**row, "unit_cost": Decimal(unit_cost), "valid_from": date.fromisoformat(since), **more}


def order_cost(order_id: str, amount: int, **more: Any) -> Row:
    row = {"product_id": "*", "order_id": order_id, "store_id": "*", "kind": "shipping", "currency": "CNY"}
    return {**row, "amount": amount, "valid_from": date(2025, 6, 1), **more}
