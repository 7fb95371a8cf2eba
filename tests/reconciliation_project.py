"""The models of reconciliation alone: rows of both sides are put in place, dbt builds, and every table is read."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from models.documents.reconciliation import ReconciliationDocument, rules_table
from models.settlement.reconciliation import BILL, OURS, Limits, Row
from tests import dbt_runs

MODELS = "path:models/settlement/reconciliation"
TESTS = "path:tests/reconciliation"
_TEXT, _INT, _DAY, _TIME = pl.String(), pl.Int64(), pl.Date(), pl.Datetime("us")
_BEIJING = timedelta(hours=8)


def _columns(text: str, kind: pl.DataType) -> dict[str, pl.DataType]:
    return dict.fromkeys(text.split(), kind)


#: What the models read, with the columns that they use.
BEFORE: dict[str, dict[str, pl.DataType]] = {
    "stg_files__payments": {
        **_columns("row_id payment_id account_id store_id order_id transaction_id refund_id platform_refund_id", _TEXT),
        **_columns("payment_channel kind currency", _TEXT),
        **{"amount": _INT, "fee_amount": _INT, "is_success": pl.Boolean(), "bill_day": _DAY, "occurred_at": _TIME},
    },
    "stg_bills__payment_lines": {
        **_columns("line_id channel account_id kind transaction_id entry_id store_id order_id refund_id", _TEXT),
        "refund_status": _TEXT,
        **{"currency": _TEXT, "occurrence": _INT, "amount": _INT, "fee_amount": _INT},
        **{"bill_date": _DAY, "occurred_at": _TIME},
    },
    "stg_files__shop_statements": {
        **_columns("platform account_id entry_id kind store_id order_id platform_order_id refund_id", _TEXT),
        **{"status": _TEXT, "currency": _TEXT, "amount": _INT, "fee_amount": _INT, "occurred_at": _TIME},
    },
    "stg_wecom__payments": {
        **_columns("corp_id transaction_id out_trade_no mch_id", _TEXT),
        **{"amount": _INT, "paid_at": _TIME},
    },
    "stg_wecom__payment_refunds": {
        **_columns("corp_id transaction_id out_refund_no", _TEXT),
        **{"amount": _INT, "requested_at": _TIME},
    },
    "orders": {
        **_columns("order_key order_id store_id currency", _TEXT),
        **{"paid_amount": _INT, "is_sale": pl.Boolean(), "ordered_at": _TIME, "paid_at": _TIME},
    },
    "refunds": {
        **_columns("refund_line_id refund_id order_key store_id currency", _TEXT),
        **{"refund_amount": _INT, "refunded_at": _TIME},
    },
}


def row(side: str, number: str, amount: int, at: datetime, **more: Any) -> Row:
    """A row of one side at WeChat Pay; ``at`` is Beijing civil time. ``number`` is our own number, or the channel's.

    ``order``, ``refund``: the merchant's numbers; ``entry``: the channel's own; ``transaction``: of the payment.
    """
    channel, account, kind = more.get("channel", "wechat_pay"), more.get("account", "1900"), more.get("kind", "payment")
    entry = more.get("entry", number if side == BILL else None)
    order, transaction = more.get("order"), more.get("transaction", entry if kind == "payment" else None)
    occurrence = more.get("occurrence", 1)
    ids = {
        OURS: f"ours:{kind}:{channel}:{number}",
        BILL: f"bill:{channel}:{account}:{kind}:{transaction or entry}:{entry}:{occurrence}",
    }
    return Row(
        row_id=ids[side],
        side=side,
        channel=channel,
        account_id=account,
        kind=kind,
        entry_id=entry,
        reference=more.get("refund") if kind == "refund" else order,
        transaction_id=(transaction or entry) if side == BILL else transaction,
        order_id=order,
        currency=more.get("currency", "CNY"),
        stated_amount=amount,
        fee_amount=more.get("fee", 0 if side == BILL else None),
        is_success=more.get("success", True),
        day=more.get("day", at.date()),
        occurred_at=at - _BEIJING,
    )


def _payment(given: Row) -> dict[str, Any]:
    return {
        "row_id": given.row_id,
        "payment_id": given.row_id.split(":", 3)[3],
        "bill_day": given.day,
        "account_id": given.account_id,
        "order_id": given.order_id,
        "transaction_id": given.transaction_id,
        "refund_id": given.reference if given.kind == "refund" else None,
        "platform_refund_id": given.entry_id if given.kind == "refund" else None,
        "payment_channel": given.channel,
        "kind": given.kind,
        "currency": given.currency,
        "amount": given.stated_amount,
        "fee_amount": given.fee_amount,
        "is_success": given.is_success,
        "occurred_at": given.occurred_at,
    }


def _bill_line(given: Row) -> dict[str, Any]:
    return {
        "line_id": given.row_id,
        "channel": given.channel,
        "account_id": given.account_id,
        "kind": given.kind,
        "transaction_id": given.transaction_id,
        "entry_id": given.entry_id,
        "order_id": given.order_id,
        "refund_id": given.reference if given.kind == "refund" else None,
        "refund_status": "SUCCESS" if given.is_success else "FAIL",
        "currency": given.currency,
        "occurrence": int(given.row_id.rsplit(":", 1)[1]),
        "amount": given.stated_amount,
        "fee_amount": given.fee_amount,
        "bill_date": given.day,
        "occurred_at": given.occurred_at,
    }


class ReconciliationProject:
    """dbt over a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.duckdb"

    def put(
        self,
        rows: Iterable[Row],
        business_date: date,
        document: ReconciliationDocument,
        **tables: Sequence[dict[str, Any]] | pl.DataFrame,
    ) -> None:
        """Rows of both sides as recorded payments and lines of bills, and further tables of BEFORE."""
        given = list(rows)
        there: dict[str, Any] = {
            "stg_files__payments": [_payment(one) for one in given if one.side == OURS],
            "stg_bills__payment_lines": [_bill_line(one) for one in given if one.side == BILL],
            **tables,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(self.warehouse)) as connection:
            for name, dtypes in BEFORE.items():
                found = there.get(name, [])
                frame = found if isinstance(found, pl.DataFrame) else _frame(found, dtypes)
                connection.register("given", frame.select(list(dtypes)))
                connection.execute(f"create or replace table {name} as from given")
        as_of = datetime.combine(business_date, time.min, tzinfo=UTC).replace(tzinfo=None) - _BEIJING
        run = pl.DataFrame(
            {"business_date": [business_date], "as_of": [as_of], "company_timezone": ["Asia/Shanghai"]},
            schema_overrides={"as_of": _TIME},
        )
        for name, frame in {"run": run, "reconciliation_rules": rules_table(document)}.items():
            path = self.folder / "inputs" / name / "rows.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(path)

    def build(self) -> dict[str, pl.DataFrame]:
        """Models and their tests. Fails with dbt's own words."""
        dbt_runs.passed(self.folder, "build", "--select", MODELS, TESTS, "--exclude-resource-type", "unit_test")
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            found = connection.sql("select table_name from information_schema.tables").fetchall()
            return {name: connection.table(name).pl() for (name,) in found}


def _frame(rows: Sequence[dict[str, Any]], dtypes: dict[str, pl.DataType]) -> pl.DataFrame:
    """Raises KeyError on a column that the table does not have."""
    if unknown := {name for one in rows for name in one} - set(dtypes):
        raise KeyError(f"no column(s) {', '.join(sorted(unknown))}")
    return pl.DataFrame([{name: one.get(name) for name in dtypes} for one in rows], schema=dtypes, orient="row")


def limits(document: ReconciliationDocument) -> Limits:
    return Limits(
        document.missing_after_days,
        document.same_time_minutes * 60,
        document.fee_tolerance,
        document.orphans_after_days,
    )
