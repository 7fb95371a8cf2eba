"""The timeline of five million events: the statement that dbt compiles, the publisher's writing, and looking up.

Beside it, in the same run, the same statement as three tables (a subject's, the union, the serving one), which is what
the project did while the timeline was small.
"""

import os
import tempfile
import time
from datetime import date
from pathlib import Path
from statistics import quantiles
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from models.contracts.published import PUBLISHED, create_statement
from models.serving import Snapshot, Viewer, run
from models.settings import PROJECT_ROOT
from tests.factories_lake import HandMadeLake

EVENTS, MESSAGES, ORDERS, CUSTOMERS = 4_000_000, 600_000, 400_000, 100_000
LOOKS = 200
DBT = PROJECT_ROOT / "dbt_project"
OWNER = Viewer("owner", "", frozenset({"owner"}), None, True, None)
_AT = "timestamp '2025-01-01' + to_seconds((i * 104729) % (540 * 86400))"

#: What staging would hold, by table: one customer has an openid, a contact and orders.
_ROWS = {
    "stg_mini_program__events": f"""
        select 'mall:e' || i as app_event_id, 'mall' as app_id, 'o' || (hash(i) % {CUSTOMERS}) as openid,
            ['view', 'view', 'view', 'search', 'launch', 'add_to_cart'][i % 6 + 1] as kind,
            case when i % 6 in (0, 1, 2, 5) then 'product' end as object_type,
            case when i % 6 in (0, 1, 2, 5) then 'P' || (i % 500) end as object_id,
            case when i % 6 = 3 then 'word ' || (i % 90) end as keyword, 1 as quantity, {_AT} as occurred_at
        from range({EVENTS}) r(i)
    """,
    "stg_files__products": "select 'P' || i as product_id, 'Product number ' || i as name from range(500) r(i)",
    "record_customers": f"""
        select 'app_users:' || substr(md5(concat_ws(chr(31), 'mall', 'o' || i, chr(30), chr(30))), 1, 16) as record_id,
            printf('C%06d', i) as customer_id
        from range({CUSTOMERS}) r(i)
    """,
    "customer_identifiers": f"""
        select printf('C%06d', i) as customer_id, 'external_userid' as identifier_type, 'wm' || i as identifier,
            true as is_owner
        from range({CUSTOMERS}) r(i)
    """,
    "stg_chat__messages": f"""
        select 'corp' as corp_id, 'm' || i as msgid, 'send' as action, 'text' as kind, 'external' as from_kind,
            'wm' || (hash(i) % {CUSTOMERS}) as from_id, 1 as receivers_count, false as is_recalled, {_AT} as sent_at
        from range({MESSAGES}) r(i)
    """,
    "stg_chat__receivers": f"""
        select 'corp' as corp_id, 'm' || i as msgid, 'ann' as receiver_id, 'staff' as receiver_kind
        from range({MESSAGES}) r(i)
    """,
    "store_periods": """
        select 'S1' as store_id, 'direct' as store_type, timestamp '1900-01-01' as starts_at,
            timestamp '9999-12-31' as ends_at
    """,
    "orders": f"""
        select 'S1:' || i as order_key, 'S1' as store_id, printf('C%06d', hash(i) % {CUSTOMERS}) as customer_id,
            1 + i % 3 as lines_count, 'Product number ' || (i % 500) as product_name, 'CNY' as currency,
            1000 as paid_amount, true as is_sale, {_AT} as ordered_at, {_AT} + interval 1 minute as sold_at
        from range({ORDERS}) r(i)
    """,
}


def measure() -> dict[str, Any]:
    """Seconds and rows a second of each step, megabytes of the published table, milliseconds of a page's first look."""
    with tempfile.TemporaryDirectory() as folder:
        building = Path(folder) / "building"
        database = building / "warehouse.duckdb"
        os.environ |= {"SCRM_BUILDING": str(building), "SCRM_WAREHOUSE": str(database)}
        HandMadeLake(date(2026, 7, 1)).write(building)
        for tag in ("identity", "links", "facts"):
            _dbt("run", "--select", f"tag:{tag}", target=folder)
        with duckdb.connect(str(database)) as connection:
            for table, rows in _ROWS.items():
                connection.execute(f"insert into {table} by name {rows}")
        _dbt("run", "--select", "interactions", target=folder)
        statement = (Path(folder) / "compiled/siyu/models/customers/timeline/interactions.sql").read_text("utf-8")
        with duckdb.connect(str(database), config={"threads": "2", "memory_limit": "3GB"}) as connection:
            # as profiles.yml has it
            connection.execute("set preserve_insertion_order = false; set TimeZone = 'UTC'; drop table interactions")
            built, built_cpu = _timed_with_cpu(lambda: connection.execute(f"create table interactions as {statement}"))
            rows = connection.sql("select count(*) from interactions").fetchall()[0][0]
            copied = _timed(lambda: connection.execute("create table again as from interactions"))
            copied += _timed(lambda: connection.execute("create table once_more as from interactions"))
        snapshot = Path(folder) / "snapshot.duckdb"
        published, published_cpu = _timed_with_cpu(lambda: _publish(database, snapshot))
        return {
            "rows": rows,
            "build_seconds": round(built, 1),
            "rows_a_second": round(rows / built),
            "as_three_tables_seconds": round(built + copied, 1),
            "publish_seconds": round(published, 1),
            "build_cpu_seconds": round(built_cpu, 1),
            "publish_cpu_seconds": round(published_cpu, 1),
            "snapshot_megabytes": round(snapshot.stat().st_size / 1e6),
            **_looks(snapshot),
        }


def _timed(step: Any) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def _timed_with_cpu(step: Any) -> tuple[float, float]:
    """Seconds on the clock, and of all threads: the second says what it costs on a machine that others use too."""
    started = time.process_time()
    seconds = _timed(step)
    return seconds, time.process_time() - started


def _dbt(*command: str, target: str) -> None:
    folders = ("--project-dir", str(DBT), "--profiles-dir", str(DBT), "--target-path", target, "--log-path", target)
    done = dbtRunner().invoke(["--quiet", "--no-use-colors", *command, *folders])
    DuckDBConnectionManager.close_all_connections()
    if not done.success:
        raise RuntimeError(f"dbt failed: {done.exception or done.result}")


def _publish(database: Path, snapshot: Path) -> None:
    """As ``pipelines.publishing`` does: one table in the order of its look-up key."""
    table = PUBLISHED["interactions"]
    with duckdb.connect(str(snapshot), config={"threads": "2", "memory_limit": "3GB"}) as connection:
        connection.execute(f"attach '{database}' as built (read_only)")
        for other in PUBLISHED.keys() - {"interactions"}:
            connection.execute(create_statement(other))
        columns = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in table.columns.items())
        connection.execute(
            f"create table interactions as select {columns} from built.interactions"
            f" order by {', '.join(table.ordered_by)}"
        )


def _looks(snapshot: Path) -> dict[str, float]:
    """The first page of a timeline and its subjects, of customers spread over the whole table."""
    with duckdb.connect(str(snapshot), read_only=True, config={"threads": "2"}) as connection:
        opened = Snapshot(connection, None)  # nobody asks which file it is
        spent: dict[str, list[float]] = {"customer_timeline": [], "customer_timeline_subjects": []}
        for number in range(LOOKS):
            customer_id = f"C{number * (CUSTOMERS // LOOKS):06}"
            for query_id, seconds in spent.items():
                seconds.append(_timed(lambda q=query_id, c=customer_id: run(opened, q, OWNER, customer_id=c)))
    return {f"{name}_p95_ms": round(quantiles(seconds, n=20)[-1] * 1000, 1) for name, seconds in spent.items()}
