"""``explain`` of any pair from a published snapshot of 100,000 customers, fifteen personas each: the bar is 0.1 s.

Beside it, on the same pairs: the way found by a search over the whole graph read into memory, as a tool must that keeps
its links in no order. Opening the snapshot (its hash is checked once per process) is not counted.
"""

import hashlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from models.identity.explaining import way
from models.serving import Snapshots, Viewer, run, write_pointer
from models.serving.explaining import explain, find, pair
from tests.factories_snapshot import build_snapshot

CUSTOMERS, MONTHS = 100_000, 12
PAIRS = 60
BAR_SECONDS = 0.1

#: A year of orders beside the factory's three personas: phone and member number, linked to the member's own record.
_MORE = f"""
    create table more as
        select customer_id, substr(customer_id, 2)::bigint * 100 + 10000000 + m as persona_id, m, phone, member_no
        from customers, range({MONTHS}) r(m);
    insert into identity_personas by name
        select customer_id, persona_id, kind as identifier_type, case kind when 'phone' then phone else member_no end
            as identifier, 'orders' as source, 2 as records_count, true as is_identifier,
            timestamp '2025-07-01' + to_months(m::int) as first_seen_at
        from more, (values ('phone'), ('member_no')) k(kind);
    insert into identity_links by name
        select customer_id, substr(customer_id, 2)::bigint * 10 + 1 as left_persona, persona_id as right_persona, rule,
            timestamp '2025-07-01' + to_months(m::int) as seen_at
        from more, (values ('same_member'), ('same_phone')) k(rule);
    drop table more;
    create or replace table identity_personas as
        from identity_personas order by customer_id, persona_id, identifier_type;
    create or replace table identity_links as from identity_links order by customer_id, left_persona, right_persona;
"""


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        published = Path(folder) / "published"
        snapshots = _published(published)
        snapshot = snapshots.current()
        viewer = Viewer.owner_of_the_company()

        def read(query_id: str, **parameters: object) -> pl.DataFrame:
            return run(snapshot, query_id, viewer, **parameters)

        asked = _pairs(read)
        rows = {
            name: snapshot.query(f"select count(*) as n from {name}", {})["n"][0]
            for name in ("identity_personas", "identity_links", "identity_orders")
        }
        figures = {name: _timed(read, texts) for name, texts in asked.items()}
        started = time.perf_counter()
        links = read("identity_rules").join(snapshot.query("select * from identity_links", {}), on="rule", how="right")
        way(links, {11}, {12})
        return {
            "customers": CUSTOMERS,
            "rows": rows,
            "snapshot_bytes": snapshot.pointer.bytes,
            "bar_seconds": BAR_SECONDS,
            **figures,
            "whole_graph_seconds": round(time.perf_counter() - started, 3),
        }


def _published(folder: Path) -> Snapshots:
    pointer = build_snapshot(folder, customers=CUSTOMERS, orders=3 * CUSTOMERS, stores=40, days=365)
    path = folder / pointer.file
    with duckdb.connect(str(path)) as connection:
        connection.execute(_MORE)
    again = path.with_name("serve-explain.duckdb")
    path.rename(again)
    content = again.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    write_pointer(
        folder,
        replace(pointer, file=again.name, version="explain", publication=2, sha256=digest, bytes=len(content)),
    )
    return Snapshots(folder)


def _pairs(read: Callable[..., pl.DataFrame]) -> dict[str, list[tuple[str, str]]]:
    """One customer by a phone and an order, two who share nothing, two customers that were refused."""
    chance = random.Random(20_260_630)
    numbers = [chance.randrange(CUSTOMERS) for _ in range(PAIRS)]
    orders = {n: read("customer_orders", customer_id=f"C{n:06d}", limit=1) for n in numbers}
    return {
        "one_customer": [
            (f"phone:+86138{n:08d}", found["order_key"][0]) for n, found in orders.items() if found.height
        ],
        "two_strangers": [(f"C{n:06d}", f"phone:+86138{chance.randrange(CUSTOMERS):08d}") for n in numbers],
        "two_refused": [("C000001", "C000002")] * 10,
    }


def _timed(read: Callable[..., pl.DataFrame], texts: list[tuple[str, str]]) -> dict[str, Any]:
    seconds = []
    for left, right in texts:
        started = time.perf_counter()
        answer = explain(read, *pair(find(read, left), find(read, right)))
        seconds.append(time.perf_counter() - started)
    return {
        "pairs": len(seconds),
        "verdict": answer.verdict,
        "median_seconds": round(statistics.median(seconds), 4),
        "worst_seconds": round(max(seconds), 4),
    }
