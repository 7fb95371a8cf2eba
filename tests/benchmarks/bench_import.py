"""Door (a), measured: a million order lines from CSV, everything included, beside a reader that checks nothing."""

import gc
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from models.documents.mapping import Mapping
from models.settings import Settings
from pipelines.lake import Lake
from pipelines.sources.files.importing import import_file

ROWS = 1_000_000
BAD_EVERY = 100  # one line in a hundred breaks a rule and goes to quarantine
MAPPING = Mapping.parse(
    """
dataset: orders
constants: {currency: CNY, timezone: Asia/Shanghai}
columns: {order_id: 订单号, line_no: 行号, store_id: 店铺, ordered_at: 下单时间, buyer_phone: 手机, product_id: 货号,
  product_name: 商品, quantity: 数量, unit_price: 单价, discount: 优惠, paid_amount: 实付, status: 状态,
  salesperson_id: 导购}
""",
    name="bench",
)


def write_orders(path: Path, rows: int) -> None:
    """Order lines with Chinese headers and names, quoted cells and rejects; the same bytes every time."""
    n = pl.int_range(0, rows)
    number = n.cast(pl.String)
    moment = pl.lit("2026-01-01").str.to_datetime() + pl.duration(seconds=n * 29)
    name = pl.format("私域 商品 {}", n % 4000)
    cents = (n % 90_000 + 100).cast(pl.Int64)
    money = pl.format("{}.{}", cents // 100, (cents % 100).cast(pl.String).str.zfill(2))
    pl.select(
        订单号=pl.lit("2026") + (n // 3).cast(pl.String).str.zfill(14),
        行号=(n % 3 + 1).cast(pl.String),
        店铺=pl.format("S{}", n % 200),
        下单时间=moment.dt.to_string("%Y-%m-%d %H:%M:%S"),
        手机=pl.lit("13") + ((n * 7919) % 1_000_000_000).cast(pl.String).str.zfill(9),
        货号=pl.lit("00") + number,
        商品=pl.when(n % 50 == 0).then(pl.format("{}, 红", name)).otherwise(name),
        数量=pl.when(n % BAD_EVERY == 7).then(pl.lit("-1")).otherwise((n % 5 + 1).cast(pl.String)),
        单价=money,
        优惠=pl.lit("0.00"),
        实付=money,
        状态=pl.lit("paid"),
        导购=pl.format("G{}", n % 300),
    ).write_csv(path)


def measure(rows: int = ROWS) -> dict[str, Any]:
    """rows, seconds (wall and processor), rows_per_second, peak_mb of the process, and the same for polars alone.

    A small file goes first: pandera loads its back end, and with it hypothesis where that is installed, when it
    validates for the first time; 0.5 to 0.8 s that a process pays once and a user without hypothesis never.
    The alternative reads the same file with ``polars.read_csv`` and writes Parquet: no encoding, no accounting of
    records, no parsing, no rules, no quarantine, no source record, no fsync.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        write_orders(path, rows)
        size = path.stat().st_size
        plain, plain_cpu = _timed(lambda: pl.read_csv(path).write_parquet(path.with_suffix(".parquet")))
        gc.collect()
        lake = Lake(Path(folder) / "lake")
        settings = Settings(home=Path(folder))
        small = path.with_name("small.csv")
        write_orders(small, 1_000)
        import_file(small, dataset="orders", mapping=MAPPING, lake=Lake(Path(folder) / "first"), settings=settings)
        reports = []
        seconds, cpu = _timed(
            lambda: reports.append(import_file(path, dataset="orders", mapping=MAPPING, lake=lake, settings=settings))
        )
    report = reports[0]
    assert report.rows == rows == report.accepted + report.quarantined + report.skipped
    assert report.quarantined == len(range(7, rows, BAD_EVERY))
    return {
        "name": "import of order lines from CSV",
        "rows": rows,
        "file_mb": round(size / 1e6, 1),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "rows_per_second": round(rows / seconds),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "bar_rows_per_second": 150_000,
        "quarantined": report.quarantined,
        "alternative": {
            "name": "polars read_csv + write_parquet, nothing checked",
            "seconds": round(plain, 2),
            "cpu_seconds": round(plain_cpu, 2),
            "rows_per_second": round(rows / plain),
        },
    }


def _timed(work: Any) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu
