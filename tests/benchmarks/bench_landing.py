"""Landing of API records on one core, beside dlt in the same run: parse, validate, Parquet, fsync, commit.

Nested: trades with two lines each, as pages of JSON. Flat: refunds. Columnar: a typed frame. dlt is given the same
records as Python objects, without the bytes they came in: it is spared the parsing of JSON, not the landing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS, PAGE = 200_000, 100


def measure() -> dict[str, Any]:
    """Rows per second by shape, ours and dlt's, each in a process of its own that is bound to one core."""
    figures: dict[str, Any] = {"rows": ROWS}
    for shape in ("nested", "flat", "columnar"):
        ours, theirs = (_alone(shape, engine) for engine in ("siyu", "dlt"))
        figures[shape] = {"rows_per_second": ours, "dlt_rows_per_second": theirs, "ratio": round(ours / theirs, 1)}
    return figures


def _alone(shape: str, engine: str) -> int:
    one_core = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "RUNTIME__DLTHUB_TELEMETRY": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_landing", shape, engine],
        env={**os.environ, **one_core},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return int(done.stdout.splitlines()[-1])


# ------------------------------------------------------------------ the records


def trade(number: int) -> dict[str, Any]:
    lines = [
        {"oid": f"{number}{line}", "num_iid": f"6000{line}", "outer_iid": f"P{line:04d}", "title": "经典西湖龙井",
         "num": 1 + line, "price": "168.00", "payment": "160.00", "divide_order_fee": "160.00", "discount_fee": "8.00",
         "total_fee": "168.00", "refund_status": "NO_REFUND", "status": "TRADE_FINISHED"}
        for line in (1, 2)
    ]  # fmt: skip
    return {
        "tid": f"20260630{number:010d}", "type": "fixed", "status": "TRADE_FINISHED", "buyer_nick": "王**",
        "buyer_open_uid": f"AAF{number:024d}", "receiver_name": "王**", "receiver_mobile": "138****0000",
        "receiver_city": "上海", "receiver_address": "***", "payment": "320.00", "total_fee": "336.00",
        "post_fee": "0.00", "discount_fee": "16.00", "created": "2026-06-30 10:00:00",
        "modified": "2026-06-30 10:00:59", "pay_time": "2026-06-30 10:00:30", "orders": {"order": lines},
    }  # fmt: skip


def refund(number: int) -> dict[str, Any]:
    return {
        "refund_id": f"R{number:010d}", "tid": f"20260630{number:010d}", "oid": f"{number}1", "status": "SUCCESS",
        "refund_phase": "aftersale", "reason": "七天", "buyer_nick": "王**", "buyer_open_uid": f"AAF{number:024d}",
        "has_good_return": True, "total_fee": "168.00", "payment": "0.00", "refund_fee": "168.00",
        "created": "2026-06-30 10:00:00", "modified": "2026-06-30 10:00:59",
    }  # fmt: skip


MAKERS: dict[str, Callable[[int], dict[str, Any]]] = {"nested": trade, "flat": refund, "columnar": refund}
PATHS = {"nested": ("trades", "trade"), "flat": ("refunds", "refund"), "columnar": ("refunds", "refund")}


def siyu(shape: str, folder: Path) -> float:
    from models.settings import Settings
    from pipelines.lake import Lake, Part
    from pipelines.sources import records
    from pipelines.sources.connector import Context, Span
    from pipelines.sources.http import HttpClient
    from pipelines.sources.taobao import Refunds, Trades
    from pipelines.sources.taobao_api import TaobaoClient, TaobaoOptions
    from pipelines.sources.windows import _Position

    options = TaobaoOptions.model_validate({"app_key": "1", "app_secret": "s", "session": "s", "store_id": "S1"})
    lake = Lake(folder / "lake")
    client = TaobaoClient(options, HttpClient("http://127.0.0.1"))
    stream = (Trades if shape == "nested" else Refunds)("bench", Context(lake, Settings(home=folder)), client)
    pages = [
        json.dumps({PATHS[shape][0]: {PATHS[shape][1]: [MAKERS[shape](n) for n in range(start, start + PAGE)]}},
                   ensure_ascii=False).encode()
        for start in range(0, ROWS, PAGE)
    ]  # fmt: skip
    if shape == "columnar":
        found = [record for page in pages for record in records.cut(page, PATHS[shape])]
        (frame, _), *_ = stream.tables(records.decode(found, stream.schema), "bench").values()
        began = time.perf_counter()
        lake.commit(source="bench", key="1", parts=[Part("landed", "taobao_refunds", frame)])
        return time.perf_counter() - began
    from datetime import UTC, datetime

    moment = datetime(2026, 6, 30, tzinfo=UTC)
    stream.tables(records.decode(records.cut(pages[0], PATHS[shape]), stream.schema), "imports are not measured")
    began = time.perf_counter()
    for number, start in enumerate(range(0, len(pages), 100)):  # batches of 10,000 records, as a sync commits them
        found = [record for page in pages[start : start + 100] for record in records.cut(page, PATHS[shape])]
        chunk = stream._chunk([records.decode(found, stream.schema)], _Position(), Span(moment, moment), 0)
        lake.commit(source="bench", key=str(number), parts=chunk.parts, accounting=chunk.accounting)
    return time.perf_counter() - began


def dlt(shape: str, folder: Path) -> float:
    import dlt as tool

    pipeline = tool.pipeline(
        "bench", destination=tool.destinations.filesystem(str(folder / "out")), dataset_name="bench",
        pipelines_dir=str(folder / "state"),
    )  # fmt: skip
    rows: Any = [MAKERS[shape](number) for number in range(ROWS)]
    pipeline.run(rows[:10], table_name="imports", loader_file_format="parquet")  # they are not measured
    if shape == "columnar":
        import polars as pl

        rows = [pl.DataFrame(rows).to_arrow()]
    began = time.perf_counter()
    pipeline.run(rows, table_name="records", loader_file_format="parquet")
    return time.perf_counter() - began


if __name__ == "__main__":
    os.sched_setaffinity(0, {0})
    chosen, engine = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        seconds = {"siyu": siyu, "dlt": dlt}[engine](chosen, Path(place))
    print(round(ROWS / seconds))
