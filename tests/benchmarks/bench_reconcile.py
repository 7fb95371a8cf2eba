"""Reconciliation of a year of a large company: 2,000,000 payments of ours against as many lines of bills.

Tables on disk, the project's own models by dbt, with their keys held and without their tests. One row in a thousand
differs. The alternative is what a script would do: polars reads both sides from Parquet, joins them in full by the
channel's number, and writes the pairs with the difference of their amounts; no classes, no days, no other way to match.
"""

import multiprocessing
import os
import tempfile
import time
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from models.documents.reconciliation import ReconciliationDocument, rules_table
from models.settings import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "dbt_project"
BUSINESS_DATE = date(2026, 7, 1)
#: Everything follows from row numbers: 4 accounts, 2 channels, one refund in twenty, all of 360 days.
_ROWS = """
    select i, case when i % 3 = 0 then 'alipay' else 'wechat_pay' end as channel, '19000' || (i % 4) as account_id,
        case when i % 20 = 7 then 'refund' else 'payment' end as kind, printf('42000%023d', i) as number,
        printf('O%012d', i) as order_id, printf('S%03d', (i * 7919) % 200) as store_id,
        (100 + (i * 37) % 90000)::bigint as amount,
        timestamp '2025-07-01 04:00:00' + to_seconds((i * 104729) % (360 * 86400)) as moment
    from range(20, 20 + $rows) r(i)
"""
_SIGNED = "case when kind = 'refund' then -1 else 1 end"
_TABLES = {
    "stg_files__payments": f"""
        select 'ours:' || kind || ':' || channel || ':' || order_id as row_id, order_id as payment_id, account_id,
            store_id,
            case when kind = 'refund' then printf('O%012d', i - 12) else order_id end as order_id,
            case when kind = 'refund' then printf('42000%023d', i - 12) else number end as transaction_id,
            case when kind = 'refund' then 'R' || order_id end as refund_id,
            case when kind = 'refund' then number end as platform_refund_id, channel as payment_channel, kind,
            'CNY' as currency, {_SIGNED} * (amount + case when i % 1000 = 11 then 500 else 0 end) as amount,
            -{_SIGNED} * (amount * 6 // 1000) as fee_amount, true as is_success,
            (moment + interval 8 hour)::date as bill_day, moment as occurred_at
        from drawn where i % 1000 <> 12
    """,
    "stg_bills__payment_lines": f"""
        select 'bill:' || channel || ':' || account_id || ':' || kind || ':' || number || ':1' as line_id, channel,
            account_id, kind,
            case when kind = 'refund' then printf('42000%023d', i - 12) else number end as transaction_id,
            number as entry_id, null::varchar as store_id,
            case when kind = 'refund' then printf('O%012d', i - 12) else order_id end as order_id,
            case when kind = 'refund' then 'R' || order_id end as refund_id,
            case when kind = 'refund' then 'SUCCESS' end as refund_status, 'CNY' as currency, 1::bigint as occurrence,
            {_SIGNED} * amount as amount, -{_SIGNED} * (amount * 6 // 1000) as fee_amount,
            (moment + interval 8 hour)::date as bill_date, moment as occurred_at
        from drawn where i % 1000 <> 13
    """,
    "stg_files__shop_statements": """
        select null::varchar as platform, null::varchar as account_id, null::varchar as entry_id, null::varchar as kind,
            null::varchar as store_id, null::varchar as order_id, null::varchar as platform_order_id,
            null::varchar as refund_id, null::varchar as status, null::varchar as currency, null::bigint as amount,
            null::bigint as fee_amount, null::timestamp as occurred_at where false
    """,
    "stg_wecom__payments": """
        select null::varchar as corp_id, null::varchar as transaction_id, null::varchar as out_trade_no,
            null::varchar as mch_id, null::bigint as amount, null::timestamp as paid_at where false
    """,
    "stg_wecom__payment_refunds": """
        select null::varchar as corp_id, null::varchar as transaction_id, null::varchar as out_refund_no,
            null::bigint as amount, null::timestamp as requested_at where false
    """,
    "orders": """
        select null::varchar as order_key, null::varchar as order_id, null::varchar as store_id,
            null::varchar as currency, null::bigint as paid_amount, true as is_sale, null::timestamp as ordered_at,
            null::timestamp as paid_at where false
    """,
    "refunds": """
        select null::varchar as refund_line_id, null::varchar as refund_id, null::varchar as order_key,
            null::varchar as store_id, null::varchar as currency, null::bigint as refund_amount,
            null::timestamp as refunded_at where false
    """,
}


def measure() -> dict[str, object]:
    """Seconds and rows of both sides per second of all models, and of the polars join in the same run."""
    rows = int(os.environ.get("SCRM_BENCH_PAYMENTS", "2000000"))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (rows,))


def _measure(rows: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ |= {"SCRM_BUILDING": scratch, "SCRM_WAREHOUSE": str(folder / "warehouse.duckdb")}
        both = _draw(folder, rows)
        simple = _by_polars(folder)
        models = _by_models(folder)
        with duckdb.connect(os.environ["SCRM_WAREHOUSE"], read_only=True) as connection:
            classes = dict(
                connection.sql(
                    "select class, sum(ours_count + bill_count)::bigint from reconciliation_days group by 1 order by 1"
                ).fetchall()
            )
        seconds = sum(models.values())
        return {
            "rows": both,
            "seconds": round(seconds, 2),
            "rows_per_second": int(both / seconds),
            "models": {name: round(spent, 2) for name, spent in models.items()},
            "rows_by_class": classes,
            "polars_join_only": {"seconds": round(simple, 2), "rows_per_second": int(both / simple)},
            "times_of_polars_join": round(seconds / simple, 2),
        }


def _draw(folder: Path, rows: int) -> int:
    with duckdb.connect(os.environ["SCRM_WAREHOUSE"]) as connection:
        connection.execute(f"create temp table drawn as {_ROWS.replace('$rows', str(rows))}")
        for name, statement in _TABLES.items():
            connection.execute(f"create table {name} as {statement}")
        for name in ("stg_files__payments", "stg_bills__payment_lines"):
            connection.execute(f"copy {name} to '{folder / name}.parquet' (format parquet)")
        both: int = connection.sql(
            "select (select count(*) from stg_files__payments) + (select count(*) from stg_bills__payment_lines)"
        ).fetchall()[0][0]
    run = {
        "business_date": [BUSINESS_DATE],
        "as_of": [datetime(2026, 6, 30, 16)],
        "company_timezone": ["Asia/Shanghai"],
    }
    inputs = {"run": pl.DataFrame(run), "reconciliation_rules": rules_table(ReconciliationDocument())}
    for name, frame in inputs.items():
        path = folder / "inputs" / name / "rows.parquet"
        path.parent.mkdir(parents=True)
        frame.write_parquet(path)
    return both


def _by_models(folder: Path) -> dict[str, float]:
    """Seconds of each model that makes a table, as dbt tells them."""
    runner = dbtRunner()
    paths = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(folder / "target")]
    done = runner.invoke(["run", "--quiet", "--select", "path:models/settlement/reconciliation", *paths])
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if not done.success:
        raise RuntimeError(f"dbt: {done.exception or [r.message for r in done.result if str(r.status) != 'success']}")  # type: ignore[union-attr]
    return {one.node.name: one.execution_time for one in done.result}  # type: ignore[union-attr]


def _by_polars(folder: Path) -> float:
    started = time.perf_counter()
    key = ["channel", "account_id", "kind", "entry_id"]
    ours = pl.scan_parquet(folder / "stg_files__payments.parquet").select(
        pl.col("payment_channel").alias("channel"),
        "account_id",
        "kind",
        pl.when(pl.col("kind") == "refund").then("platform_refund_id").otherwise("transaction_id").alias("entry_id"),
        "payment_id",
        "amount",
        "occurred_at",
    )
    bills = pl.scan_parquet(folder / "stg_bills__payment_lines.parquet").select(
        *key, "bill_date", pl.col("amount").alias("bill_amount")
    )
    pairs = ours.join(bills, on=key, how="full", coalesce=True).with_columns(
        (pl.col("amount").fill_null(0) - pl.col("bill_amount").fill_null(0)).alias("difference")
    )
    pairs.collect().write_parquet(folder / "pairs.parquet")
    return time.perf_counter() - started
