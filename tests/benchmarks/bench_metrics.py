"""Every figure of a generated company: the models of ``metrics`` by dbt, seconds, processor seconds, memory, rows.

``alternative``: the same count of active customers in one query over the timeline with grouping sets, without the step
by customer and day; it is the largest single figure. ``SIYU_BENCH_ORDERS``: millions of orders, five events to each.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from models.settings import PROJECT_ROOT
from pipelines.plan import RunPlan

ORDERS = int(float(os.environ.get("SIYU_BENCH_ORDERS", "1")) * 1_000_000)
EVENTS_OF_AN_ORDER, ORDERS_OF_A_CUSTOMER, STORES, DAYS = 5, 10, 200, 730
MEMORY = "8GB"
START = datetime(2024, 7, 1)

_TABLES = {
    "stores": """
        select printf('S%03d', i) as store_id, ['Asia/Shanghai', 'Asia/Hong_Kong'][i % 10 // 9 + 1] as timezone,
            printf('R%02d', i % 12) as region, ['direct', 'online'][i % 7 // 6 + 1] as store_type
        from range($stores) r(i)
    """,
    "store_periods": "select *, date '1900-01-01' as valid_from, date '9999-12-31' as valid_to from stores",
    "customers": """
        select printf('C%015x', hash(i) >> 4) as customer_id, $start + to_seconds(i * 60) as first_seen_at,
            printf('S%03d', i % $stores) as home_store_id
        from range($customers) r(i)
    """,
    "numbered": "select customer_id, row_number() over () - 1 as n from customers",
    # a customer keeps to two stores
    "orders": """
        select printf('S%03d:%d', (c + i % 2) % $stores, i) as order_key, printf('S%03d', (c + i % 2) % $stores)
            as store_id, customer_id, 'CNY' as currency, true as is_sale,
            $start + to_seconds(((i * 7919) % ($days * 86400))::bigint) as sold_at, c
        from (select i, (i * 104729) % $customers as c from range($orders) r(i)) join numbered on n = c
    """,
    "order_lines": """
        select order_key || ':' || l as order_line_id, order_key, store_id, customer_id, currency, is_sale, sold_at,
            1.000::decimal(18, 3) as quantity, 9900::bigint as paid_amount
        from orders, range(2) r(l)
    """,
    "refunds": """
        select order_key as refund_line_id, store_id, 'CNY' as currency, 500::bigint as refund_amount,
            sold_at::date as refunded_on
        from orders where c % 20 = 0
    """,
    "interactions": """
        select customer_id,
            ['page_viewed', 'page_viewed', 'product_viewed', 'message_received', 'message_sent'][i % 5 + 1] as kind,
            ['mini_program', 'mini_program', 'mini_program', 'wecom', 'wecom'][i % 5 + 1] as channel,
            case when i % 5 > 2 then printf('S%03d', c % $stores) end as store_id, printf('%d', i) as object_id,
            $start + to_seconds(((i // 4 * 6007) % ($days * 86400))::bigint) as occurred_at
        from (select i, (i // 4 * 15485863) % $customers as c from range($events) r(i)) join numbered on n = c
    """,
    "settlement_entries": """
        select store_id, region, store_type, ['hq', 'store', 'region'][p::int + 1] as party_role,
            'CNY' as currency, 3300::bigint as amount,
            sold_at::date as economic_date
        from orders join stores using (store_id), range(3) r(p)
    """,
    "staff_periods": """
        select 'u' as staff_id, 'S001' as store_id, date '1900-01-01' as valid_from, date '9999-12-31' as valid_to,
            timestamp '1900-01-01' as starts_at, timestamp '9999-12-31' as ends_at
    """,
    "stg_files__members": "select ''::varchar as store_id, ''::varchar as source, $start as joined_at limit 0",
    "stg_store__consents": "select 'granted' as state, 'any' as channel, $start as decided_at limit 0",
    "stg_files__tickets": """
        select ''::varchar as store_id, ''::varchar as channel, $start as opened_at, $start as first_answered_at,
            $start as resolved_at limit 0
    """,
    "stg_wecom__follows": """
        select 'c' as corp_id, 'u' as userid, customer_id as external_userid, true as is_current,
            first_seen_at as followed_at from customers
    """,
    "stg_wecom__events": """
        select 'c' as corp_id, 'u' as userid, 'x' as external_userid, 'del_follow_user' as change_type,
            $start as occurred_at limit 0
    """,
}
_DIRECT = """
    select count(*) from (
        select d, m, store_id, channel, count(distinct customer_id) from (
            select customer_id, store_id, channel, d, date_trunc('month', d) as m from (
                select i.*,
                    cast(timezone(coalesce(s.timezone, 'Asia/Shanghai'), timezone('UTC', occurred_at)) as date) as d
                from interactions i left join stores s using (store_id) where kind <> 'message_sent'
            )
        ) group by grouping sets ((d), (d, store_id), (d, channel), (m), (m, store_id), (m, channel))
    )
"""


def measure() -> dict[str, Any]:
    """Seconds of all models and of each, peak memory in MB, rows of the mart; and the alternative's seconds."""
    with tempfile.TemporaryDirectory() as scratch:
        building = Path(scratch)
        _generate(building)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        seconds = _built(building)
        whole = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with duckdb.connect(str(building / "warehouse.duckdb"), config=_CONFIG) as connection:
            (rows,) = connection.sql("select count(*) from metrics").fetchall()[0]
            started = time.monotonic()
            connection.sql(_DIRECT).fetchall()
            direct = time.monotonic() - started
        return {
            "orders": ORDERS,
            "events": ORDERS * EVENTS_OF_AN_ORDER,
            "seconds": round(whole, 1),
            "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
            "peak_mb": after.ru_maxrss // 1024,
            "rows": rows,
            "seconds_of_models": seconds,
            "alternative_seconds_active_customers": round(direct, 1),
        }


_CONFIG = {"memory_limit": MEMORY, "threads": "2", "preserve_insertion_order": "false"}


def _generate(building: Path) -> None:
    given = {
        "stores": STORES, "customers": ORDERS // ORDERS_OF_A_CUSTOMER, "orders": ORDERS, "days": DAYS, "start": START,
        "events": ORDERS * EVENTS_OF_AN_ORDER,
    }  # fmt: skip
    plan = RunPlan(date(2026, 7, 1), 1, "bench", "Asia/Shanghai", "CNY")
    folder = building / "inputs" / "run"
    folder.mkdir(parents=True)
    plan.frame().write_parquet(folder / "rows.parquet")
    with duckdb.connect(str(building / "warehouse.duckdb"), config=_CONFIG) as connection:
        for name, select in _TABLES.items():
            used = {key: value for key, value in given.items() if f"${key}" in select}
            connection.execute(f"create table {name} as {select}", used)


def _built(building: Path) -> dict[str, float]:
    """dbt in a process of its own, so that its memory is measured alone. Returns seconds by model."""
    project = str(PROJECT_ROOT / "dbt_project")
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "--quiet", "run", "--select", "path:models/metrics"),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(building / "target"), "--log-path", str(building / "target")),
        ],
        env={
            **os.environ,
            "SCRM_BUILDING": str(building),
            "SCRM_WAREHOUSE": str(building / "warehouse.duckdb"),
            "SCRM_WAREHOUSE_MEMORY": MEMORY,
        },
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    results = pl.read_json(building / "target" / "run_results.json")["results"].explode().struct.unnest()
    return {
        name.removeprefix("model.siyu."): round(seconds, 1)
        for name, seconds in results.select("unique_id", "execution_time").iter_rows()
    }
