"""The time split, everything side by side on it, and which estimator is shipped.

Order: base rate, plain rules, linear, additive, boosted. A more complex one is promoted only when the 95 % interval
of its gain in AUC, over resampled customers, excludes zero.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from ml import reports, splits
from ml.churn import estimator
from ml.churn.heuristics import RECENCY, VISITS, Curve
from ml.features import NAMES, Floats, matrix, outcome
from models.documents.churn import ChurnDocument

_FRESH_DAYS = 1
_BY_CHANCE = 1e-3


@dataclass(frozen=True)
class Candidate:
    """One line of the comparison. ``gain`` is the difference in AUC to ``against`` on the same customers."""

    name: str
    metrics: reports.Metrics
    auc: reports.Interval
    against: str | None = None
    gain: reports.Interval | None = None


@dataclass(frozen=True)
class Calibration:
    """Log-odds × slope + shift, fitted on the test cut-offs when it was needed.

    ``ece_after`` is cross-fitted: each half of the customers is corrected by what the other half taught.
    """

    slope: float = 1.0
    shift: float = 0.0
    applied: bool = False
    ece_before: float = 0.0
    ece_after: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """What the time split said. ``probability`` is the shipped candidate's, calibrated, on the test rows."""

    split: splits.TimeSplit
    features: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    chosen: str
    best_heuristic: str
    calibration: Calibration
    shipped: reports.Metrics
    table: tuple[reports.Bin, ...]
    train_rows: int
    test_rows: int
    train_rate: float
    test_rate: float
    curves: dict[str, Curve] = field(repr=False)
    pipelines: dict[str, Pipeline] = field(repr=False)


def informative(frame: pl.DataFrame) -> tuple[str, ...]:
    """Features with at least two known values; others teach nothing, and boosted trees cannot bin them."""
    return tuple(name for name in NAMES if frame[name].drop_nulls().n_unique() > 1)


def insufficient(labelled: pl.DataFrame, document: ChurnDocument) -> str | None:
    """Why nothing can be trained and judged on these rows, or None."""
    if labelled.height < document.minimum_rows:
        return f"{labelled.height} labelled rows; {document.minimum_rows} are needed"
    try:
        split = _split(labelled, document)
    except splits.SplitError as error:
        return str(error)
    for part, days in (("training", split.train), ("test", split.test)):
        rows = labelled.filter(pl.col("cutoff_date").is_in(days))
        churned = int(rows["churned"].sum())
        fewest = min(churned, rows.height - churned)
        if fewest < document.minimum_class_rows:
            return f"{part}: the rarer outcome has {fewest} rows; {document.minimum_class_rows} are needed"
    if not informative(labelled.filter(pl.col("cutoff_date").is_in(split.train))):
        return "no feature differs between customers"
    return None


def compare(labelled: pl.DataFrame, document: ChurnDocument) -> Comparison:
    """Fit everything on the training cut-offs and judge it on the test cut-offs, for prepared, labelled rows.

    Raises splits.SplitError when no honest split exists; ask ``insufficient`` first.
    """
    split = _split(labelled, document)
    splits.assert_embargo(split.train, split.test, horizon_days=document.horizon_days)
    train = labelled.filter(pl.col("cutoff_date").is_in(split.train))
    test = labelled.filter(pl.col("cutoff_date").is_in(split.test))
    names, y, y_test = informative(train), outcome(train), outcome(test)
    curves = {name: Curve.fit(name, matrix(train, [name])[:, 0], y) for name in (RECENCY, VISITS)}
    pipelines = {
        "linear": estimator.linear(),
        "additive": estimator.additive(),
        "boosted_additive": estimator.boosted_additive(names, document.seed),
        "boosted": estimator.boosted(document.seed),
    }
    x, x_test = matrix(train, names), matrix(test, names)
    scores: dict[str, Floats] = {"base_rate": np.full(len(y_test), y.mean())}
    scores |= {name: curve.probability(matrix(test, [name])[:, 0]) for name, curve in curves.items()}
    scores |= {name: pipeline.fit(x, y).predict_proba(x_test)[:, 1] for name, pipeline in pipelines.items()}

    candidates, best_heuristic = _judged(scores, test, document)
    chosen = _chosen(candidates, best_heuristic)
    calibration, probability = _calibrated(y_test, scores[chosen], list(test["customer_id"]), document)
    return Comparison(
        split=split,
        features=names,
        candidates=candidates,
        chosen=chosen,
        best_heuristic=best_heuristic,
        calibration=calibration,
        shipped=_shipped(y_test, scores[chosen], probability),
        table=tuple(reports.calibration_table(y_test, probability)),
        train_rows=train.height,
        test_rows=test.height,
        train_rate=float(y.mean()),
        test_rate=float(y_test.mean()),
        curves=curves,
        pipelines=pipelines,
    )


def suspicions(labelled: pl.DataFrame) -> list[str]:
    """Marks of a leak in labelled rows, in words; empty when there are none.

    Features that have read past their cut-off call everybody "just bought" who did so within the label window, and of
    those nobody churns: the rate breaks off to zero below some days of recency. Honest rates fade: somebody who
    bought yesterday may stay away. A suspicion, not a proof: a shop of daily visitors can look so by itself.
    """
    fresh = labelled.filter(pl.col(RECENCY) < _FRESH_DAYS)
    month = labelled.filter(pl.col(RECENCY).is_between(_FRESH_DAYS, 30))
    if fresh.is_empty() or month.is_empty() or fresh["churned"].any():
        return []
    rate = outcome(month).mean()
    if (1 - rate / 2) ** fresh.height > _BY_CHANCE:
        return []
    return [
        f"none of {fresh.height} rows with a purchase within {_FRESH_DAYS} day of the cut-off churned, but"
        f" {100 * rate:.1f} % of those with one in the month did: check that features end at the cut-off"
    ]


def _split(labelled: pl.DataFrame, document: ChurnDocument) -> splits.TimeSplit:
    days = labelled["cutoff_date"].unique().to_list()
    return splits.time_split(days, horizon_days=document.horizon_days, test_cutoffs=document.test_cutoffs)


def _judged(
    scores: dict[str, Floats], test: pl.DataFrame, document: ChurnDocument
) -> tuple[tuple[Candidate, ...], str]:
    y = outcome(test)
    bootstrap = reports.CustomerBootstrap(
        list(test["customer_id"]), rounds=document.bootstrap_rounds, seed=document.seed
    )
    judged = {name: reports.metrics(y, score) for name, score in scores.items()}
    draws = {name: bootstrap.draws(y, score) for name, score in scores.items()}
    best_heuristic = RECENCY if judged[RECENCY].auc >= judged[VISITS].auc else VISITS
    against = {
        "linear": best_heuristic,
        "additive": best_heuristic,
        "boosted_additive": "additive",
        "boosted": "additive",
    }
    return tuple(
        Candidate(
            name=name,
            metrics=judged[name],
            auc=reports.interval(judged[name].auc, draws[name]),
            against=against.get(name),
            gain=_gain(judged[name], judged[against[name]], draws[name] - draws[against[name]])
            if name in against
            else None,
        )
        for name in scores
    ), best_heuristic


def _gain(one: reports.Metrics, other: reports.Metrics, draws: Floats) -> reports.Interval:
    return reports.interval(one.auc - other.auc, draws)


def _chosen(candidates: tuple[Candidate, ...], best_heuristic: str) -> str:
    """Additive; boosted when it is surely better; the plain rule when additive is surely worse than that."""
    gains = {one.name: one.gain for one in candidates if one.gain is not None}
    if gains["boosted_additive"].low > 0:
        return "boosted_additive"
    return best_heuristic if gains["additive"].high < 0 else "additive"


def _calibrated(
    y: Floats, probability: Floats, customer_ids: list[str], document: ChurnDocument
) -> tuple[Calibration, Floats]:
    """Two numbers on the log-odds (so that reasons stay exact), and only when the error is large and they mend it."""
    before = reports.expected_calibration_error(y, probability)
    unchanged = Calibration(ece_before=before, ece_after=before)
    half = splits.customer_halves(customer_ids)
    both_outcomes = all(0 < y[side].sum() < side.sum() for side in (half, ~half))
    if before <= document.recalibrate_above_ece or not both_outcomes:
        return unchanged, probability
    log_odds = np.log(probability / (1 - probability))
    crossed = np.empty_like(probability)
    for taught, corrected in ((half, ~half), (~half, half)):
        slope, shift = _platt(y[taught], log_odds[taught])
        crossed[corrected] = estimator.expit(shift + slope * log_odds[corrected])
    slope, shift = _platt(y, log_odds)
    if slope <= 0 or reports.metrics(y, crossed).log_loss >= reports.metrics(y, probability).log_loss:
        return unchanged, probability
    after = reports.expected_calibration_error(y, crossed)
    return Calibration(slope, shift, True, before, after), crossed


def _shipped(y: Floats, raw: Floats, calibrated: Floats) -> reports.Metrics:
    """Ranking as judged, probabilities as calibrated: the correction keeps the order, its cross-fitting does not."""
    ranking = reports.metrics(y, raw)
    return replace(reports.metrics(y, calibrated), auc=ranking.auc, pr_auc=ranking.pr_auc, lift_10=ranking.lift_10)


def _platt(y: Floats, log_odds: Floats) -> tuple[float, float]:
    fitted = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(log_odds[:, None], y)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
