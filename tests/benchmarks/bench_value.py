"""Value at the size of a large company: 1,000,000 customers, 10,000,000 orders, 14,000,000 lines in 200 stores.

The tables before it are drawn in SQL; only the models of value are built and tested, each with its seconds. A tenth of
the company is built beside it: the growth is the alternative. Every product has a cost, one store in ten costs of its
own, one order in four a fee on a bill, every sale a salesperson.
"""

import multiprocessing
import os
import resource
import tempfile
import time
from datetime import datetime
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from models.documents.value import ValueDocument, value_tables
from models.settings import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "dbt_project"
AS_OF = datetime(2026, 6, 29, 16)
MODELS = ("path:models/commerce/value", *(f"serve_{name}" for name in (
    "customer_rfm", "customer_value", "contribution_totals", "contribution_gaps", "value_segments",
)))  # fmt: skip
#: Everything follows from row numbers. Buyers are skewed: half of the orders are of a tenth of the customers.
_TABLES = {
    "stores": """
        select printf('S%03d', i) as store_id, case when i % 5 = 0 then 'online' else 'direct' end as store_type,
            'Asia/Shanghai' as timezone, case when i % 20 = 0 then 'HKD' else 'CNY' end as currency
        from range(200) r(i)
    """,
    "store_periods": "select *, date '1900-01-01' as valid_from, date '9999-12-31' as valid_to from stores",
    "order_lines": """
        with orders as (
            select i, (i * 7919) % 200 as s,
                case when i % 2 = 0 then (i * 7907) % ($customers // 10) else (i * 7907) % $customers end as c,
                timestamp '2026-06-29 16:00:00' - to_seconds((i * 104729) % (720 * 86400) + 1) as sold_at
            from range($orders) r(i)
        )
        select printf('S%03d:%d:%d', s, i, n) as order_line_id, printf('S%03d:%d', s, i) as order_key,
            i::varchar as order_id, printf('S%03d', s) as store_id,
            case when i % 11 <> 0 then printf('C%07d', c) end as customer_id,
            printf('P%04d', (i * 31 + n * 17) % 2000) as product_id,
            case when s % 20 = 0 then 'HKD' else 'CNY' end as currency, 1::decimal(18, 3) as quantity,
            (990 + (i * 37 + n) % 90000) / 100::decimal(18, 6) as unit_price,
            case when i % 4 = 0 then 100 else 0 end::bigint as discount,
            (990 + (i * 37 + n) % 90000 - case when i % 4 = 0 then 100 else 0 end)::bigint as paid_amount,
            true as is_sale, sold_at
        from orders, range(1, 3) p(n)
        where n = 1 or i % 5 < 2
    """,
    "refunds": """
        select order_line_id || ':R' as refund_line_id, order_line_id, order_key, store_id, customer_id, product_id,
            currency, paid_amount // 2 as refund_amount, sold_at::date + 3 as refunded_on,
            sold_at + interval 3 day as refunded_at
        from order_lines where order_id::bigint % 25 = 3 and sold_at < timestamp '2026-06-20'
    """,
    "settlement_entries": """
        select 'SALE:' || order_line_id || ':' || n as entry_id, 'SALE' as posting, order_line_id as line_id,
            null::varchar as original_line_id, order_key, store_id, 'direct' as store_type,
            'r' as rule_id, 'v' as rule_version,
            n::int as component_seq, currency, paid_amount * (case when n = 1 then 2 else 98 end) // 100 as amount,
            sold_at::date as economic_date
        from order_lines, range(1, 3) p(n)
    """,
    "settlement_transfers": """
        select 'SALE:' || order_line_id || ':commission:party' as entry_id, 'SALE' as posting, order_line_id as line_id,
            null::varchar as original_line_id, order_key, store_id, 'direct' as store_type, 't' as rule_id,
            'v' as rule_version, 'party' as side, currency, paid_amount // 50 as amount, sold_at::date as economic_date
        from order_lines
    """,
    "stg_files__costs": """
        select printf('P%04d', i) as product_id, '*' as order_id, '*' as store_id, 'purchase' as kind,
            'CNY' as currency, (3 + i % 7 + n)::decimal(18, 6) as unit_cost, null::bigint as amount,
            date '2024-01-01' + (n * 365)::int as valid_from, null::date as valid_to
        from range(2000) r(i), range(3) p(n)
        union all
        select printf('P%04d', i), '*', printf('S%03d', s * 10), 'purchase', 'CNY', 2::decimal(18, 6), null,
            date '2025-01-01', null
        from range(2000) r(i), range(20) p(s)
    """,
    "stg_files__fx_rates": """
        select 'HKD' as base_currency, 'CNY' as quote_currency, '*' as source, 0.9::decimal(20, 10) as rate,
            date '2024-06-01' + i::int as rate_date
        from range(760) r(i)
    """,
    "stg_bills__payment_lines": """
        select 'wechat_pay' as channel, '1' as account_id, 'payment' as kind, order_id as transaction_id,
            order_id as entry_id, 1 as occurrence, null::varchar as store_id, order_id, currency,
            -(sum(paid_amount) * 6 // 1000)::bigint as fee_amount, null::varchar as refund_status,
            min(sold_at) as occurred_at
        from order_lines where order_id::bigint % 4 = 1 group by order_id, currency
    """,
    "stg_files__shop_statements": """
        select null::varchar as platform, null::varchar as account_id, null::varchar as entry_id,
            null::varchar as kind, null::varchar as store_id, null::varchar as order_id,
            null::varchar as platform_order_id, null::varchar as refund_id, null::varchar as currency,
            null::bigint as amount, null::bigint as fee_amount, null::timestamp as occurred_at
        where false
    """,
}


def measure() -> dict[str, object]:
    """Seconds of every model and peak memory, for the company and for a tenth of it."""
    customers = int(os.environ.get("SCRM_BENCH_CUSTOMERS", "1000000"))
    figures = {f"{size} customers": _apart(size) for size in (customers // 10, customers)}
    small, large = (figures[name]["seconds"] for name in figures)
    return {**figures, "growth": round(large / small, 1)}  # type: ignore[operator]


def _apart(customers: int) -> dict[str, object]:
    """In a process of its own, so that the peak of memory is this one's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_build, (customers,))


def _build(customers: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ |= {"SCRM_BUILDING": scratch, "SCRM_WAREHOUSE": str(folder / "warehouse.duckdb")}
        _draw(folder, customers)
        drawn = resource.getrusage(resource.RUSAGE_SELF)
        started = time.perf_counter()
        done = dbtRunner().invoke(
            [
                *("build", "--select", *MODELS, "--exclude-resource-type", "unit_test", "--quiet"),
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
            ]
        )
        seconds = time.perf_counter() - started
        spent = resource.getrusage(resource.RUSAGE_SELF)
        DuckDBConnectionManager.close_all_connections()
        if done.exception is not None or not done.success:
            raise RuntimeError(str(done.exception or [r.message for r in done.result if r.status != "success"]))  # type: ignore[union-attr]
        nodes = {result.node.name: round(result.execution_time, 1) for result in done.result}  # type: ignore[union-attr]
        return {
            "seconds": round(sum(nodes.values()), 1),
            "wall_seconds_with_parsing": round(seconds, 1),
            "cpu_seconds": round(spent.ru_utime + spent.ru_stime - drawn.ru_utime - drawn.ru_stime, 1),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "peak_mb_of_drawing": drawn.ru_maxrss // 1024,
            "nodes": {name: taken for name, taken in nodes.items() if taken >= 0.1},
        }


def _draw(folder: Path, customers: int) -> None:
    with duckdb.connect(os.environ["SCRM_WAREHOUSE"]) as connection:
        connection.execute("set memory_limit = '2GB'; set preserve_insertion_order = false")
        for name, select in _TABLES.items():
            given = {"customers": customers, "orders": customers * 10}
            used = {key: value for key, value in given.items() if f"${key}" in select}
            connection.execute(f"create table {name} as {select}", used)
    rules = "{rule_id: 'r', rule_version: 'v', component_seq: 1, party_kind: 'sales'}"
    _write(folder, "settlement_rules", f"select unnest([{rules}], recursive := true)")
    transfers = "{rule_id: 't', rule_version: 'v', party_kind: 'agent', payer_kind: 'store'}"
    _write(folder, "settlement_transfer_rules", f"select unnest([{transfers}], recursive := true)")
    run = "select date '2026-06-30' as business_date, timestamp '2026-06-29 16:00:00' as as_of"
    _write(folder, "run", run + ", 'Asia/Shanghai' as company_timezone")
    document = ValueDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "value.yaml")
    for name, frame in value_tables(document, AS_OF).items():
        path = folder / "inputs" / name / "rows.parquet"
        path.parent.mkdir(parents=True)
        frame.write_parquet(path)


def _write(folder: Path, name: str, select: str) -> None:
    path = folder / "inputs" / name
    path.mkdir(parents=True)
    duckdb.execute(f"copy ({select}) to '{path / 'rows.parquet'}' (format parquet)")
