"""A small company with known rates of buying, and churn_examples computed from its sales with polars."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from ml.features import NAMES
from models.documents.churn import ChurnDocument, cutoffs

START = datetime(2025, 6, 1)


def sales(customers: int, *, days: int = 395, seed: int = 7) -> pl.DataFrame:
    """Grain: order line. Gamma rates of buying, and a hazard of leaving for good: recency and frequency both tell."""
    random = np.random.default_rng(seed)
    rate = random.gamma(1.1, 1 / 40, customers) + 0.004
    first = random.uniform(0, days * 0.8, customers)
    leaves = first + random.exponential(420, customers)
    counts = random.poisson(rate * np.clip(np.minimum(leaves, days) - first, 0, None)) + 1
    who = np.repeat(np.arange(customers), counts)
    until = np.minimum(np.maximum(leaves, first + 1e-3), days)
    day = first[who] + random.uniform(0, 1, who.size) * (until - first)[who]
    starts = np.cumsum(np.r_[0, counts[:-1]])
    day[starts] = first
    orders = pl.DataFrame(
        {
            "customer_id": [f"c{one:06d}" for one in who],
            "order_id": [f"o{one:07d}" for one in range(who.size)],
            "store_id": [f"s{one}" for one in random.integers(0, 5, who.size)],
            "lines": 1 + random.poisson(1.2, who.size),
            "sold_at": [START + timedelta(seconds=int(one * 86400)) for one in day],
            "amount": random.lognormal(3, 0.6, who.size).round(2),
            "discount": random.uniform(0, 0.3, who.size).round(3),
        }
    )
    lines = orders.with_columns(pl.int_ranges("lines").alias("line")).explode("line")
    return lines.with_columns(
        (pl.col("line") * 37 + pl.col("order_id").str.slice(1).cast(pl.Int64) % 101).cast(pl.String).alias("product_id")
    ).drop("lines", "line")


def examples(
    lines: pl.DataFrame,
    as_of: datetime,
    document: ChurnDocument,
    *,
    refunds: pl.DataFrame | None = None,
    seen_days: int = 0,
) -> pl.DataFrame:
    """churn_examples of all cut-offs. ``seen_days`` plants the classic leak: features read so far into the labels."""
    frames = [
        _one_cutoff(lines, refunds, row, timedelta(days=0 if row["is_scoring"] else seen_days))
        for row in cutoffs(document, as_of).iter_rows(named=True)
    ]
    return pl.concat(frames)


def _one_cutoff(lines: pl.DataFrame, refunds: pl.DataFrame | None, row: dict, leak: timedelta) -> pl.DataFrame:
    now = row["as_of"] + leak
    active = lines.filter(pl.col("sold_at").is_between(row["active_since"], row["as_of"], closed="left"))
    bought = lines.filter(pl.col("sold_at").is_between(row["as_of"], row["label_until"], closed="left"))
    past = lines.filter(pl.col("sold_at") < now).join(active, on="customer_id", how="semi")
    orders = (
        past.group_by("customer_id", "order_id")
        .agg(pl.col("sold_at").first(), pl.col("amount").sum(), pl.len().alias("lines"))
        .sort("customer_id", "sold_at", "order_id")
        .with_columns(pl.col("sold_at").diff().over("customer_id").dt.total_seconds().truediv(86400).alias("gap"))
    )
    age = (pl.lit(now) - pl.col("sold_at")).dt.total_seconds() / 86400
    by_customer = orders.group_by("customer_id").agg(
        age.min().alias("recency_days"),
        age.max().alias("tenure_days"),
        *((age <= days).sum().alias(f"orders_{days}") for days in (30, 90, 180, 365)),
        pl.len().alias("orders_total"),
        (age.filter(age < 360) // 30).n_unique().alias("active_months_365"),
        pl.col("gap").mean().alias("mean_gap_days"),
        pl.col("gap").std().alias("gap_sd_days"),
        (pl.col("amount").last() / pl.col("amount").mean()).alias("last_order_ratio"),
        pl.col("lines").filter(age <= 180).mean().alias("lines_per_order_180"),
    )
    recent = past.filter(age <= 180)
    by_line = recent.group_by("customer_id").agg(
        pl.col("product_id").n_unique().alias("products_180"),
        pl.col("store_id").n_unique().alias("stores_180"),
        pl.col("discount").mean().alias("discount_share_180"),
        pl.len().alias("lines_180"),
    )
    joined = by_customer.join(by_line, on="customer_id", how="left").with_columns(
        (pl.col("recency_days") / pl.col("mean_gap_days").clip(lower_bound=1)).alias("recency_to_gap")
    )
    if refunds is not None:
        since = now - timedelta(days=180)
        accepted = refunds.filter(pl.col("refunded_at").is_between(since, now, closed="left"))
        counted = accepted.group_by("customer_id").agg(pl.len().alias("refunds_180"))
        joined = joined.join(counted, on="customer_id", how="left").with_columns(pl.col("refunds_180").fill_null(0))
        joined = joined.with_columns((pl.col("refunds_180") / pl.col("lines_180")).alias("refund_ratio_180"))
    absent = [name for name in NAMES if name not in joined.columns]
    label = ~pl.col("customer_id").is_in(bought["customer_id"].unique().implode())
    return joined.select(
        "customer_id",
        pl.lit(row["as_of"]).alias("as_of"),
        pl.lit(row["cutoff_date"]).alias("cutoff_date"),
        pl.lit(row["is_scoring"]).alias("is_scoring"),
        pl.when(pl.lit(row["is_labelled"])).then(label).alias("churned"),
        *(
            pl.lit(None, dtype=pl.Float64).alias(n) if n in absent else pl.col(n).cast(pl.Float64).round(6)
            for n in NAMES
        ),
    )
