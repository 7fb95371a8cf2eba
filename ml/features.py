"""The features of the churn estimator: names, kinds, directions and the words by which a person reads a reason.

Their meaning and their null rules are in docs/features.md; dbt model ``churn_examples`` computes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
KEY = ("customer_id", "as_of")


class FeatureError(ValueError):
    """The examples cannot be used; the message names the column."""


@dataclass(frozen=True)
class Feature:
    """One column of ``churn_examples``.

    ``direction``: +1 when more of it can only raise the risk, -1 when it can only lower it, 0 when that is open (it
    constrains the boosted model). ``grows``: it grows with the calendar, so its distribution always drifts and is
    kept out of drift alarms.
    """

    name: str
    kind: Literal["days", "count", "ratio", "flag"]
    direction: Literal[-1, 0, 1]
    en: str
    zh: str
    grows: bool = False


FEATURES: tuple[Feature, ...] = (
    Feature("recency_days", "days", 1, "days since the last purchase", "距上次购买天数"),
    Feature("tenure_days", "days", 0, "days since the first purchase", "距首次购买天数", grows=True),
    Feature("orders_30", "count", -1, "orders in 30 days", "近30天订单数"),
    Feature("orders_90", "count", -1, "orders in 90 days", "近90天订单数"),
    Feature("orders_180", "count", -1, "orders in 180 days", "近180天订单数"),
    Feature("orders_365", "count", -1, "orders in 365 days", "近365天订单数", grows=True),
    Feature("orders_total", "count", -1, "orders ever", "累计订单数", grows=True),
    Feature("active_months_365", "count", -1, "months with an order, of twelve", "近一年有购买的月数", grows=True),
    Feature("mean_gap_days", "days", 1, "usual days between purchases", "平均购买间隔天数", grows=True),
    Feature("gap_sd_days", "days", 0, "irregularity of the purchases, days", "购买间隔波动天数", grows=True),
    Feature("recency_to_gap", "ratio", 0, "days since the last purchase ÷ usual gap", "距上次购买与平均间隔之比"),
    Feature("lines_per_order_180", "ratio", 0, "lines per order", "每单行数"),
    Feature("products_180", "count", 0, "different products in 180 days", "近180天购买商品数"),
    Feature("stores_180", "count", 0, "different stores in 180 days", "近180天光顾门店数"),
    Feature("online_share_180", "ratio", 0, "share of orders placed online", "线上订单占比"),
    Feature("discount_share_180", "ratio", 0, "share of the price given as discount", "折扣占比"),
    Feature("last_order_ratio", "ratio", 0, "last order against the usual amount", "末单金额与平均金额之比"),
    Feature("refunds_180", "count", 0, "refunds in 180 days", "近180天退款数"),
    Feature("refund_ratio_180", "ratio", 0, "refunds per line bought", "退款率"),
    Feature("is_contact", "flag", 0, "followed by a member of staff", "已添加企业微信"),
    Feature("contact_age_days", "days", 0, "days since staff began to follow", "添加企业微信天数", grows=True),
)

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
BY_NAME: dict[str, Feature] = {feature.name: feature for feature in FEATURES}


def label(code: str, language: str) -> str:
    """A reason's feature code in words; ``language`` is ``zh`` or ``en``. Raises KeyError on an unknown code."""
    feature = BY_NAME[code]
    return feature.zh if language == "zh" else feature.en


def prepared(examples: pl.DataFrame) -> pl.DataFrame:
    """The examples with the columns that learning reads, in one order whatever order the rows came in.

    Grain (customer_id, as_of). Columns further to the known ones are ignored. Raises FeatureError when a column is
    missing, a key is null or met twice, or a value is infinite or negative where only zero and more can be: a
    negative recency means that the feature has seen a purchase after its cut-off.
    """
    wanted = [*KEY, "cutoff_date", "is_scoring", "churned", *NAMES]
    missing = [name for name in wanted if name not in examples.columns]
    if missing:
        raise FeatureError(f"churn_examples: column(s) missing: {', '.join(missing)}")
    frame = examples.select(
        pl.col("customer_id").cast(pl.String),
        pl.col("as_of").cast(pl.Datetime("us")),
        pl.col("cutoff_date").cast(pl.Date),
        pl.col("is_scoring").cast(pl.Boolean),
        pl.col("churned").cast(pl.Boolean),
        # six places: sums of floats differ in the last bits with the number of threads that added them
        *(pl.col(name).cast(pl.Float64).fill_nan(None).round(6) for name in NAMES),
    ).sort("as_of", "customer_id")
    assert_unique(frame)
    for name in ("cutoff_date", "is_scoring"):
        if frame[name].null_count():
            raise FeatureError(f"churn_examples: {name} is null")
    _assert_plausible(frame)
    return frame


def assert_unique(examples: pl.DataFrame) -> None:
    """Every (customer_id, as_of) once. Raises FeatureError.

    A repeated row is the mark of oversampling before the split: copies land on both sides and the score looks
    brilliant (measured elsewhere: AUC .845 becomes .964).
    """
    if any(examples[name].null_count() for name in KEY):
        raise FeatureError("churn_examples: customer_id and as_of must not be null")
    repeated = examples.height - examples.select(KEY).n_unique()
    if repeated:
        raise FeatureError(f"churn_examples: {repeated} row(s) repeat a (customer_id, as_of); do not resample")


def _assert_plausible(frame: pl.DataFrame) -> None:
    not_negative = [f.name for f in FEATURES if f.kind != "ratio"]
    checks = frame.select(
        *(pl.col(name).is_infinite().any().alias(f"{name} is infinite") for name in NAMES),
        *((pl.col(name) < 0).any().alias(f"{name} is negative") for name in not_negative),
    )
    broken = [name for name, found in checks.row(0, named=True).items() if found] if frame.height else []
    if broken:
        raise FeatureError(f"churn_examples: {'; '.join(broken)}")


def matrix(frame: pl.DataFrame, names: Sequence[str] = NAMES) -> Floats:
    """Rows × features as float64, in the frame's order; null is NaN."""
    return np.ascontiguousarray(frame.select(names).fill_null(float("nan")).to_numpy(), dtype=np.float64)


def outcome(frame: pl.DataFrame) -> Floats:
    """1.0 churned, 0.0 kept, of labelled rows."""
    return frame["churned"].cast(pl.Float64).to_numpy().astype(np.float64)
