"""Unusable examples are refused by name; the feature list is the one that the documentation promises."""

import re
from datetime import datetime

import churn_company
import polars as pl
import pytest

from ml import features
from models.documents.churn import ChurnDocument
from models.settings import PROJECT_ROOT


@pytest.fixture(scope="module")
def examples() -> pl.DataFrame:
    return churn_company.examples(churn_company.sales(60), datetime(2026, 7, 1), ChurnDocument())


def test_the_documented_features_are_the_ones_that_are_learnt():
    text = (PROJECT_ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    table = text.split("| feature | meaning |")[1].split("\n\n")[0]
    documented = re.findall(r"[a-z]+[a-z_0-9]*", " ".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert documented == list(features.NAMES)


def test_every_feature_has_words_in_both_languages():
    for name in features.NAMES:
        assert re.search("[\u4e00-\u9fff]", features.label(name, "zh"))
        assert features.label(name, "en").isascii() or "÷" in features.label(name, "en")
    with pytest.raises(KeyError):
        features.label("shoe_size", "en")


def test_rows_in_any_order_are_prepared_alike(examples):
    shuffled = examples.sample(fraction=1.0, shuffle=True, seed=4)
    assert features.prepared(shuffled).equals(features.prepared(examples))


def test_oversampling_before_the_split_is_caught(examples):
    churned = examples.filter(pl.col("churned"))
    with pytest.raises(features.FeatureError, match=rf"{churned.height} row\(s\) repeat"):
        features.prepared(pl.concat([examples, churned]))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (pl.col("customer_id").replace("c000001", None), "must not be null"),
        (pl.lit(None, dtype=pl.Boolean).alias("is_scoring"), "is_scoring is null"),
        (pl.lit(-1.0).alias("recency_days"), "recency_days is negative"),
        (pl.lit(float("inf")).alias("recency_to_gap"), "recency_to_gap is infinite"),
    ],
)
def test_impossible_values_are_refused_by_name(examples, change: pl.Expr, named: str):
    with pytest.raises(features.FeatureError, match=named):
        features.prepared(examples.with_columns(change))


def test_a_missing_column_is_named(examples):
    with pytest.raises(features.FeatureError, match="orders_90"):
        features.prepared(examples.drop("orders_90"))


def test_noise_of_summation_order_does_not_reach_the_matrix(examples):
    noisy = examples.with_columns(pl.col("mean_gap_days") + 1e-12)
    assert features.prepared(noisy).equals(features.prepared(examples))
