"""A whole company straight into the lake: a tenth of a million customers by default, the bar is for a million.

``python -m tests.benchmarks.bench_generate 1000000`` measures another size.
"""

import json
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.lake import Lake
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.generating import Order, generate_into

CUSTOMERS, WORKERS = 100_000, 2
ENDS_ON = date(2026, 6, 30)
LINES_OF_AN_ORDER = 1.81  # the mean of what is drawn
BAR_SECONDS, BAR_MB = 600, 8_192  # for a million


def measure(customers: int = CUSTOMERS) -> dict[str, Any]:
    """Seconds (wall and processor), rows by kind, bytes, and the peak of all processes together; the seconds of a
    million at this rate. The alternative draws the first part in one process and lands nothing."""
    order = Order(customers, 5, ENDS_ON)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder) / "lake")
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        made = generate_into(lake, order, WORKERS)
        seconds = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = sum(file.bytes for entry in lake.entries() for file in entry.files)
    lines = sum(made.rows[name] for name in ("orders", "taobao_trade_lines", "youzan_trade_lines"))
    peak = WORKERS * after.ru_maxrss + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    first = FullWorld.one_part(order.company, 0)
    alone = time.perf_counter() - started
    return {
        "name": "a company straight into the lake",
        "customers": customers,
        "workers": WORKERS,
        "rows": sum(made.rows.values()),
        "orders_about": round(lines / LINES_OF_AN_ORDER),
        "order_lines": lines,
        "events": made.rows["app_events"],
        "lake_mb": round(size / 1e6),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "rows_per_second": round(sum(made.rows.values()) / seconds),
        "peak_mb": round(peak / 1024),
        "seconds_for_a_million": round(seconds * 1e6 / customers),
        "bar": {"seconds_for_a_million": BAR_SECONDS, "peak_mb": BAR_MB},
        "alternative": {
            "name": "one part drawn in one process, not landed",
            "customers": first.world.people.height,
            "seconds": round(alone, 1),
        },
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1])), indent=1))
