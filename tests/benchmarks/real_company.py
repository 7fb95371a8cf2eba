"""The main job on a real company's files: imported → resolved → settled → scored → published, with its figures."""

import json
import resource
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from models.documents.mapping import Mapping
from models.serving.pointer import read_pointer
from models.settings import PROJECT_ROOT
from tests.conftest import Company

MAPS = PROJECT_ROOT / "data" / "reference" / "maps"
ACCOUNTED = ("rows", "accepted", "quarantined", "skipped")
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


@dataclass(frozen=True)
class RealCompany:
    """Files with their maps (stem of a file of ``data/reference/maps``), the date of the run, what the company sets."""

    files: Sequence[tuple[Path, str]]
    business_date: date
    settings: dict[str, str] = field(default_factory=dict)

    def main_job(self, home: Path) -> dict[str, Any]:
        """Import and run in a home of its own. Amounts in minor units, memory in MB, imbalance must be 0."""
        company = Company(home)
        started = time.monotonic()
        accounted: Counter[str] = Counter()
        for path, name in self.files:
            mapping = MAPS / f"{name}.yaml"
            dataset = Mapping.load(mapping).dataset
            imported = company.scrm_json(
                "import", str(path), "--as", dataset, "--map", str(mapping), apart=True, **self.settings
            )
            accounted.update({key: imported[key] for key in ACCOUNTED})
        landed = time.monotonic()
        company.scrm("run", "--business-date", self.business_date.isoformat(), "--json", apart=True, **self.settings)
        ended = time.monotonic()
        return {
            **{key: accounted[key] for key in ACCOUNTED},
            "import_seconds": round(landed - started, 1),
            "run_seconds": round(ended - landed, 1),
            "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
            **_published(company),
        }


def _published(company: Company) -> dict[str, Any]:
    pointer = read_pointer(company.settings.published_dir)
    assert pointer is not None
    with duckdb.connect(str(company.settings.published_dir / pointer.file), read_only=True) as connection:
        (metrics,) = connection.sql("select metrics from estimators").fetchall()[0]
        (customers,) = connection.sql("select count(*) from customers").fetchall()[0]
        (imbalance,) = connection.sql(IMBALANCE).fetchall()[0]
    return {
        "customers": customers,
        "settlement_imbalance_minor": imbalance,
        **_churn(json.loads(metrics)["metrics"]),
    }


def _churn(metrics: dict[str, float]) -> dict[str, float]:
    """On the time split; the plain rules beside it."""
    names = (
        "auc", "auc_low", "auc_high", "recency_auc", "heuristic_auc", "brier", "ece", "lift_10", "base_rate",
        "test_rows",
    )  # fmt: skip
    return {f"churn_{name}": metrics[name] for name in names}
