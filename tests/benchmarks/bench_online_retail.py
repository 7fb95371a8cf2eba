"""The main job on Online Retail (541,909 invoice lines): imported → resolved → settled → scored → published."""

import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from models.serving.pointer import read_pointer
from models.settings import PROJECT_ROOT
from tests.conftest import DATASETS, Company

EXPECTED_ROWS = 541_909
MAP = PROJECT_ROOT / "data" / "reference" / "maps" / "online_retail.yaml"
IMBALANCE = """
    with paid as (
        select coalesce(sum(l.paid_amount), 0) as amount
        from order_lines l join orders o using (order_key)
        where o.is_sale
    ),
    given_back as (select coalesce(sum(refund_amount), 0) as amount from refunds),
    settled as (select sum(amount) as amount from settlement_entries)
    select (settled.amount - paid.amount + given_back.amount)::bigint from settled, paid, given_back
"""


def measure() -> dict[str, Any] | None:
    """Rows accounted, seconds, peak memory, churn beside the recency rule, conservation; None without the data."""
    folder = DATASETS / "online_retail"
    if not folder.exists():
        return None
    with tempfile.TemporaryDirectory() as scratch:
        return run_main_job(folder, Path(scratch) / "home")


def run_main_job(folder: Path, home: Path) -> dict[str, Any]:
    """Import and run in a home of its own. Amounts in pence."""
    company = Company(home)
    started = time.monotonic()
    imported = company.scrm_json("import", str(folder / "online_retail.parquet"), "--as", "orders", "--map", str(MAP))
    landed = time.monotonic()
    company.scrm_json("run", "--business-date", "2011-12-10")
    ended = time.monotonic()
    pointer = read_pointer(company.settings.published_dir)
    assert pointer is not None
    with duckdb.connect(str(company.settings.published_dir / pointer.file), read_only=True) as connection:
        (metrics,) = connection.sql("select metrics from estimators").fetchall()[0]
        (customers,) = connection.sql("select count(*) from customers").fetchall()[0]
        (imbalance,) = connection.sql(IMBALANCE).fetchall()[0]
    return {
        **{name: imported[name] for name in ("rows", "accepted", "quarantined", "skipped")},
        "import_seconds": round(landed - started, 1),
        "run_seconds": round(ended - landed, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "customers": customers,
        "settlement_imbalance_minor": imbalance,
        **_churn(json.loads(metrics)),
    }


def _churn(metadata: dict[str, Any]) -> dict[str, float]:
    """On the time split; recency alone beside it."""
    names = ("auc", "auc_low", "auc_high", "recency_auc", "brier", "ece", "lift_10", "base_rate", "test_rows")
    return {f"churn_{name}": metadata["metrics"][name] for name in names}
