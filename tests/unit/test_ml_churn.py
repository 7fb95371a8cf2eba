"""The churn estimator on a company whose rates are known: training, reasons, scores, fallback, and when it is due."""

import json
from datetime import date, datetime, timedelta

import churn_company
import numpy as np
import polars as pl
import pytest

from ml import churn, splits
from ml.churn import estimator, evaluate
from ml.features import matrix, prepared
from models.documents.churn import ChurnBands, ChurnDocument

AS_OF = datetime(2026, 7, 1)
TODAY = AS_OF.date()
DOCUMENT = ChurnDocument(bootstrap_rounds=100)


@pytest.fixture(scope="module")
def lines() -> pl.DataFrame:
    return churn_company.sales(1500)


@pytest.fixture(scope="module")
def examples(lines) -> pl.DataFrame:
    return churn_company.examples(lines, AS_OF, DOCUMENT)


@pytest.fixture(scope="module")
def trained(examples) -> churn.Trained:
    return churn.train(examples, DOCUMENT, TODAY)


def test_it_beats_the_rule_on_later_cutoffs_and_is_calibrated(trained):
    metrics, lines = trained.metadata["metrics"], {one["name"]: one for one in trained.metadata["comparison"]}
    assert trained.metadata["kind"] == "additive"
    assert metrics["auc"] > metrics["recency_auc"] + 0.005
    assert metrics["auc_low"] < metrics["auc"] < metrics["auc_high"]
    assert metrics["ece"] < 0.06
    assert metrics["brier"] < lines["base_rate"]["brier"]
    assert trained.metadata["cutoffs_used"]["embargoed"] == ["2026-04-02"]
    assert trained.metadata["suspicions"] == []


def test_rows_in_any_order_give_the_same_bytes_and_scores(examples, trained):
    shuffled = examples.sample(fraction=1.0, shuffle=True, seed=11)
    again = churn.train(shuffled, DOCUMENT, TODAY)
    assert (again.artifact_id, again.content, again.card) == (trained.artifact_id, trained.content, trained.card)
    artifact = churn.load(trained.content)
    assert churn.score(artifact, shuffled).equals(churn.score(artifact, examples))


def test_reasons_add_up_to_the_log_odds(examples, trained):
    artifact = churn.load(trained.content)
    frame = prepared(examples).filter("is_scoring")
    base, effects = artifact.effects(frame)
    expected = artifact.pipeline.decision_function(matrix(frame, artifact.features))
    assert artifact.shift + artifact.slope * expected == pytest.approx(base + effects.sum(axis=1), abs=1e-9)


def test_effects_of_boosted_trees_with_one_feature_each_add_up_too():
    x = np.random.default_rng(0).normal(size=(600, 3)).round(1)
    x[::7, 1] = np.nan
    y = (x[:, 0] - np.nan_to_num(x[:, 1]) + np.random.default_rng(1).normal(size=600) > 0).astype(float)
    pipeline = estimator.boosted_additive(("recency_days", "orders_30", "tenure_days"), 1).fit(x, y)
    constant, found = estimator.parts(pipeline, x)
    assert constant + found.sum(axis=1) == pytest.approx(pipeline.decision_function(x), abs=1e-9)


def test_scores_keep_their_promise_of_shape(examples, trained):
    scores = churn.score(churn.load(trained.content), examples)
    assert dict(scores.schema) == estimator.SCORE_SCHEMA
    assert scores.height == examples.filter("is_scoring").height == scores["customer_id"].n_unique()
    assert scores["rank"].to_list() == list(range(1, scores.height + 1))
    assert scores.sort(["score_ppm", "customer_id"], descending=[True, False]).equals(scores)
    high, medium = pl.col("score_ppm") >= 600_000, pl.col("score_ppm") >= 350_000
    expected = pl.when(high).then(pl.lit("high")).when(medium).then(pl.lit("medium")).otherwise(pl.lit("low"))
    assert scores["band"].equals(scores.select(expected.alias("band"))["band"])
    assert set(scores["band"]) == {"high", "medium", "low"}


def test_only_what_raises_the_risk_is_a_reason_strongest_first(examples, trained):
    scores = churn.score(churn.load(trained.content), examples)
    effects = scores.select(pl.col(f"effect_ppm_{n}") for n in (1, 2, 3))
    assert effects.min_horizontal().min() > 0
    assert scores.filter(pl.col("effect_ppm_1") < pl.col("effect_ppm_2")).is_empty()
    assert scores.filter(pl.col("effect_ppm_2") < pl.col("effect_ppm_3")).is_empty()
    for n in (1, 2, 3):
        assert (scores[f"reason_{n}"].is_null() == scores[f"effect_ppm_{n}"].is_null()).all()
    long_away = scores.join(examples.filter(pl.col("is_scoring") & (pl.col("recency_days") > 120)), on="customer_id")
    named = long_away.select(
        pl.concat_list("reason_1", "reason_2", "reason_3").list.eval(pl.element().str.starts_with("recency")).list.any()
    )
    assert named.to_series().mean() > 0.9


def test_a_score_does_not_depend_on_who_else_is_scored(examples, trained):
    artifact = churn.load(trained.content)
    together = churn.score(artifact, examples).sort("customer_id").head(20)
    alone = churn.score(artifact, examples.filter(pl.col("customer_id").is_in(together["customer_id"].implode())))
    assert alone.drop("rank").sort("customer_id").equals(together.drop("rank"))


@pytest.mark.slow
def test_seven_days_of_the_label_window_raise_the_auc_and_the_suspicion(lines, trained):
    leaky = churn.train(churn_company.examples(lines, AS_OF, DOCUMENT, seen_days=7), DOCUMENT, TODAY)
    assert leaky.metadata["metrics"]["auc"] > trained.metadata["metrics"]["auc"] + 0.02
    assert len(leaky.metadata["suspicions"]) == 1
    assert "check that features end at the cut-off" in leaky.card


def test_a_label_whose_window_is_not_over_is_refused(examples):
    with pytest.raises(splits.SplitError, match="not over on 2026-06-30"):
        churn.train(examples, DOCUMENT, TODAY - timedelta(days=1))


def test_a_wrong_probability_is_mended_and_the_order_kept():
    random = np.random.default_rng(2)
    log_odds = random.normal(0, 1.2, 4000)
    y = (random.uniform(size=4000) < estimator.expit(log_odds)).astype(float)
    tilted = estimator.expit(2 * log_odds + 1)  # too sure, and too high
    ids = [f"c{n}" for n in range(4000)]
    calibration, mended = evaluate._calibrated(y, tilted, ids, DOCUMENT)
    assert calibration.applied
    assert calibration.ece_before > 0.1
    assert calibration.ece_after < 0.03
    assert (calibration.slope, calibration.shift) == pytest.approx((0.5, -0.5), abs=0.1)
    left_alone, same = evaluate._calibrated(y, estimator.expit(log_odds), ids, DOCUMENT)
    assert not left_alone.applied
    assert (same == estimator.expit(log_odds)).all()
    assert not np.array_equal(mended, tilted)


@pytest.mark.slow
def test_a_shift_of_the_season_is_calibrated_and_shipped_as_it_was_judged(examples):
    """In the test cut-off a third of the churners come back: what was learnt before is too high for all."""
    random = np.random.default_rng(8)
    newest = examples.filter(pl.col("churned").is_not_null())["cutoff_date"].max()
    back = pl.Series(random.uniform(size=examples.height) < 0.4)
    shifted = examples.with_columns(
        pl.when((pl.col("cutoff_date") == newest) & back).then(False).otherwise("churned").alias("churned")
    ).with_columns(pl.when(pl.col("is_scoring")).then(None).otherwise("churned").alias("churned"))
    found = churn.train(shifted, DOCUMENT, TODAY)
    calibration = found.metadata["calibration"]
    assert calibration["applied"]
    assert calibration["ece_after"] < calibration["ece_before"] - 0.05
    assert "The shipped estimator is the one that was judged" in found.card
    artifact = churn.load(found.content)
    assert artifact.shift == pytest.approx(calibration["shift"], abs=1e-6)
    mean = churn.score(artifact, shifted)["score_ppm"].mean() / 1e6
    assert (
        mean
        < churn.score(churn.load(churn.train(examples, DOCUMENT, TODAY).content), examples)["score_ppm"].mean() / 1e6
    )


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (pl.col("cutoff_date") == date(2026, 5, 2), "no cut-off has a label window"),
        (pl.col("customer_id") < "c000040", "labelled rows; 200 are needed"),
        (pl.col("churned") | pl.col("is_scoring"), "training: the rarer outcome has 0 rows"),
    ],
)
def test_with_too_little_nothing_is_trained_and_the_card_says_so(examples, rows: pl.Expr, why: str):
    some = examples.filter(rows | pl.col("is_scoring"))
    found = churn.train(some, DOCUMENT, TODAY)
    assert found.metadata["kind"] == "heuristic"
    assert why in found.metadata["problem"]
    assert found.metadata["metrics"] == {}
    assert "No model was trained" in found.card
    scores = churn.score(churn.load(found.content), some)
    assert scores.height == some.filter("is_scoring").height
    assert set(scores["reason_1"].drop_nulls()) <= {"recency_days"}
    assert scores["reason_2"].null_count() == scores.height


def test_the_rule_ranks_by_recency_with_the_rates_that_were_seen(examples):
    some = examples.filter((pl.col("cutoff_date") == date(2026, 5, 2)) | pl.col("is_scoring"))
    scores = churn.score(churn.load(churn.train(some, DOCUMENT, TODAY).content), some)
    joined = scores.join(some.filter("is_scoring"), on="customer_id").sort("recency_days")
    assert joined["score_ppm"].is_sorted()
    labelled = some.filter(pl.col("churned").is_not_null())
    assert joined["score_ppm"].mean() / 1e6 == pytest.approx(labelled["churned"].mean(), abs=0.06)
    longest = labelled.filter(pl.col("recency_days") > 130)["churned"].mean()
    assert joined["score_ppm"][-1] / 1e6 == pytest.approx(longest, abs=0.12)


def test_without_any_label_nobody_is_scored(examples):
    unlabelled = examples.filter("is_scoring")
    found = churn.train(unlabelled, DOCUMENT, TODAY)
    assert churn.score(churn.load(found.content), unlabelled).is_empty()
    assert "No customer is scored" in found.card


def test_a_company_of_300_runs_through():
    examples = churn_company.examples(churn_company.sales(300, seed=3), AS_OF, DOCUMENT)
    found = churn.train(examples, DOCUMENT, TODAY)
    assert found.metadata["kind"] == "additive"
    assert churn.score(churn.load(found.content), examples).height == examples.filter("is_scoring").height


def test_features_that_nobody_has_or_all_share_are_left_out(examples, trained):
    assert "is_contact" not in trained.metadata["features"]  # never known in this company
    constant = churn.train(examples.with_columns(pl.lit(1.0).alias("stores_180")), DOCUMENT, TODAY)
    assert "stores_180" not in constant.metadata["features"]


def test_the_more_complex_model_needs_an_interval_above_zero():
    def lines(boosted_low: float, additive_high: float) -> tuple[evaluate.Candidate, ...]:
        metrics = evaluate.reports.Metrics(0.7, 0.5, 0.2, 0.6, 0.01, 2.0)
        whole = evaluate.reports.Interval(0.7, 0.6, 0.8)

        def one(name: str, low: float, high: float) -> evaluate.Candidate:
            return evaluate.Candidate(name, metrics, whole, "x", evaluate.reports.Interval(0.0, low, high))

        return one("additive", -0.2, additive_high), one("boosted_additive", boosted_low, 0.2), one("boosted", 0.1, 0.2)

    assert evaluate._chosen(lines(-0.001, 0.1), "recency_days") == "additive"
    assert evaluate._chosen(lines(0.001, 0.1), "recency_days") == "boosted_additive"
    assert evaluate._chosen(lines(-0.001, -0.01), "orders_180") == "orders_180"


@pytest.mark.parametrize(
    "chosen", [pytest.param("boosted_additive", marks=pytest.mark.slow), "recency_days", "orders_180"]
)
def test_whatever_is_chosen_can_be_shipped_loaded_and_explained(examples, monkeypatch, chosen: str):
    monkeypatch.setattr(evaluate, "_chosen", lambda candidates, best: chosen if chosen == "boosted_additive" else best)
    if chosen == "orders_180":  # make visits the better rule
        noise = pl.Series(np.random.default_rng(1).uniform(0, 180, examples.height))
        examples = examples.with_columns(noise.alias("recency_days"))
    found = churn.train(examples, DOCUMENT, TODAY)
    assert found.metadata["chosen"] == chosen
    artifact = churn.load(found.content)
    frame = prepared(examples).filter("is_scoring")
    base, effects = artifact.effects(frame)
    scores = churn.score(artifact, examples).sort("customer_id")
    ids = frame.with_columns(pl.Series("p", estimator.expit(base + effects.sum(axis=1)))).sort("customer_id")
    assert (scores["score_ppm"] - ids["p"] * 1e6).abs().max() <= 0.5
    assert scores["score_ppm"].mean() / 1e6 == pytest.approx(0.47, abs=0.1)
    if chosen == "boosted_additive":
        expected = artifact.pipeline.predict_proba(matrix(frame, artifact.features))[:, 1]
        assert artifact.slope != 1.0 or ids["p"].to_numpy() == pytest.approx(expected[np.argsort(frame["customer_id"])])
    else:
        assert set(scores["reason_1"].drop_nulls()) == {chosen}
        assert "surely worse than the plain rule" in found.card


def test_the_card_carries_the_numbers_and_the_limits(trained):
    metrics = trained.metadata["metrics"]
    assert f"{metrics['auc']:.4f} ({metrics['auc_low']:.4f} to {metrics['auc_high']:.4f})" in trained.card
    for text in ("Intended use", "Left out on purpose", "Known failures", "Licences", trained.artifact_id):
        assert text in trained.card
    for name in ("rule: days since the last purchase", "logistic regression", "unlimited"):
        assert name in trained.card
    assert trained.card.count("| predicted |") == 1
    again = json.loads(json.dumps(trained.metadata))
    assert churn.card(again) == trained.card


def test_bands_of_the_document_travel_with_the_artifact(examples):
    document = DOCUMENT.model_copy(update={"bands": ChurnBands(high=0.9, medium=0.8)})
    scores = churn.score(churn.load(churn.train(examples, document, TODAY).content), examples)
    assert scores.filter(pl.col("band") == "high")["score_ppm"].min() >= 900_000
    assert scores.filter(pl.col("band") == "low")["score_ppm"].max() < 800_000


@pytest.mark.parametrize(
    ("change", "today", "retrain", "why"),
    [
        ({}, TODAY, False, None),
        ({}, TODAY + timedelta(days=29), False, None),
        ({}, TODAY + timedelta(days=30), False, "30 days old"),
        ({}, TODAY, True, "asked for"),
        ({}, TODAY - timedelta(days=1), False, "after the business date"),
        ({"document_version": "0" * 16}, TODAY, False, "document has changed"),
        ({"libraries": {"scikit-learn": "1.0"}}, TODAY, False, "scikit-learn has changed"),
        ({"features": ["shoe_size"]}, TODAY, False, "shoe_size"),
    ],
)
def test_when_training_is_due(trained, change: dict, today: date, retrain: bool, why: str | None):
    found = churn.due({**trained.metadata, **change}, today, DOCUMENT, retrain=retrain)
    assert found is None if why is None else why in found


def test_training_is_due_without_an_artifact():
    assert churn.due(None, TODAY, DOCUMENT) == "there is no artifact"
