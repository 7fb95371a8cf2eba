"""The main job on Online Retail: a year of a British web shop, 541,909 invoice lines."""

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from tests.benchmarks.real_company import RealCompany
from tests.conftest import DATASETS

EXPECTED_ROWS = 541_909


def online_retail(folder: Path) -> RealCompany:
    return RealCompany([(folder / "online_retail.parquet", "online_retail")], date(2011, 12, 10))


def measure() -> dict[str, Any] | None:
    """Rows accounted, seconds, peak memory, churn beside the plain rules, conservation; None without the data."""
    folder = DATASETS / "online_retail"
    if not folder.exists():
        return None
    with tempfile.TemporaryDirectory() as scratch:
        return online_retail(folder).main_job(Path(scratch) / "home")
