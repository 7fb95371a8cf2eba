"""When to learn, learning, and what is written down about it."""

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ml import registry, reports, splits
from ml.churn.estimator import Artifact, Kind, parts
from ml.churn.evaluate import Candidate, Comparison, compare, informative, insufficient, suspicions
from ml.churn.heuristics import RECENCY, Curve
from ml.churn.model_card import card
from ml.features import BY_NAME, matrix, outcome, prepared
from models.documents.churn import ChurnDocument

ML_FOLDER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Trained:
    """``content``: the artifact as bytes. ``metadata``: plain JSON values. ``card``: Markdown made from them."""

    artifact_id: str
    content: bytes
    metadata: dict[str, Any]
    card: str


def due(
    metadata: dict[str, Any] | None, business_date: date, document: ChurnDocument, *, retrain: bool = False
) -> str | None:
    """Why an estimator has to be trained for this business date, or None when the one described will do.

    Besides age and request: an artifact that was trained after the business date knows its future, and one that was
    trained for another document or by another scikit-learn answers another question or cannot be read safely.
    """
    if metadata is None:
        return "there is no artifact"
    if retrain:
        return "retraining was asked for"
    trained_on = date.fromisoformat(metadata["trained_on"])
    if trained_on > business_date:
        return f"the artifact was trained on {trained_on}, after the business date {business_date}"
    if metadata["document_version"] != document.version:
        return "the churn document has changed"
    if metadata["libraries"]["scikit-learn"] != registry.library_versions()["scikit-learn"]:
        return "scikit-learn has changed"
    unknown = sorted(set(metadata["features"]) - set(BY_NAME))
    if unknown:
        return f"the artifact reads features that are gone: {', '.join(unknown)}"
    age = (business_date - trained_on).days
    if age >= document.retrain_after_days:
        return f"the artifact is {age} days old; the limit is {document.retrain_after_days}"
    return None


def train(examples: pl.DataFrame, document: ChurnDocument, business_date: date) -> Trained:
    """Learn from the labelled rows of ``churn_examples``; grain (customer_id, as_of), rows in any order.

    With too few rows, one outcome, or no test cut-off nothing is trained: the artifact is the plain rule of recency
    with the rates that were seen, kind ``heuristic``, and metadata and card say why. Equal rows, document and code give
    an equal ``artifact_id`` and equal bytes. Raises ml.features.FeatureError on unusable rows, ml.splits.SplitError
    when a row carries a label whose window is not over on ``business_date``.
    """
    frame = prepared(examples)
    labelled = frame.filter(pl.col("churned").is_not_null() & ~pl.col("is_scoring"))
    _assert_windows_are_over(labelled, document, business_date)
    with threadpool_limits(limits=1):
        problem = insufficient(labelled, document)
        comparison = None if problem else compare(labelled, document)
        draft = _fallback(labelled, document) if comparison is None else _shipped(labelled, document, comparison)
        names = draft.features or (draft.curve.feature,)
        training = registry.training_digest(labelled, tuple(BY_NAME))
        code = registry.code_version(ML_FOLDER)
        artifact = replace(
            draft,
            artifact_id=registry.artifact_id(
                training_digest=training, document_version=document.version, code_version=code
            ),
        )
        metadata = {
            "estimator": "churn",
            "artifact_id": artifact.artifact_id,
            "kind": artifact.kind,
            "trained_on": business_date.isoformat(),
            "problem": problem,
            "document": document.model_dump(mode="json"),
            "document_version": document.version,
            "training_digest": training,
            "code_version": code,
            "libraries": registry.library_versions(),
            "features": list(names),
            **_data(labelled, document),
            **(_findings(comparison) if comparison else {"metrics": {}, "cutoffs_used": {}}),
            "suspicions": suspicions(labelled),
            "drift": _drift(frame, labelled, artifact),
        }
    return Trained(artifact.artifact_id, artifact.to_bytes(), metadata, card(metadata))


def _assert_windows_are_over(labelled: pl.DataFrame, document: ChurnDocument, business_date: date) -> None:
    last = labelled["cutoff_date"].max()
    if isinstance(last, date) and last + timedelta(days=document.horizon_days) > business_date:
        raise splits.SplitError(
            f"rows of cut-off {last} are labelled, but their window of {document.horizon_days} days"
            f" is not over on {business_date}"
        )


def _fallback(labelled: pl.DataFrame, document: ChurnDocument) -> Artifact:
    values = matrix(labelled, [RECENCY])[:, 0]
    curve = Curve.fit(RECENCY, values, outcome(labelled))
    return Artifact(artifact_id="", kind="heuristic", features=(), bands=document.bands, curve=curve)


def _shipped(labelled: pl.DataFrame, document: ChurnDocument, comparison: Comparison) -> Artifact:
    """The chosen estimator: fitted again on every labelled cut-off, or, when it had to be calibrated, as it was judged.

    The calibration belongs to the fit that it was measured on.
    """
    calibration, chosen = comparison.calibration, comparison.chosen
    train = labelled.filter(pl.col("cutoff_date").is_in(comparison.split.train)) if calibration.applied else labelled
    curve = comparison.curves[comparison.best_heuristic]
    draft = Artifact(
        artifact_id="",
        kind="heuristic",
        features=(),
        bands=document.bands,
        curve=curve,
        slope=calibration.slope,
        shift=calibration.shift,
    )
    if chosen in ("additive", "boosted_additive"):
        pipeline, x = comparison.pipelines[chosen], matrix(train, comparison.features)
        if not calibration.applied:
            pipeline.fit(x, outcome(train))
        centers = parts(pipeline, x)[1].mean(axis=0)
        return replace(
            draft,
            kind=cast(Kind, chosen),
            features=comparison.features,
            pipeline=pipeline,
            centers=tuple(map(float, centers)),
        )
    values = matrix(train, [curve.feature])[:, 0]
    return replace(draft, curve=Curve.fit(curve.feature, values, outcome(train)))


def _data(labelled: pl.DataFrame, document: ChurnDocument) -> dict[str, Any]:
    by_cutoff = (
        labelled.group_by("cutoff_date")
        .agg(pl.len().alias("rows"), pl.col("churned").sum().cast(pl.Int64).alias("churned"))
        .sort("cutoff_date")
    )
    days = by_cutoff["cutoff_date"].to_list()
    before, after = timedelta(days=document.active_within_days), timedelta(days=document.horizon_days)
    return {
        "labelled_rows": labelled.height,
        "customers": labelled["customer_id"].n_unique(),
        "data_from": (days[0] - before).isoformat() if days else None,
        "data_until": (days[-1] + after).isoformat() if days else None,
        "cutoffs": [{**row, "cutoff_date": row["cutoff_date"].isoformat()} for row in by_cutoff.to_dicts()],
    }


def _findings(found: Comparison) -> dict[str, Any]:
    by_name = {one.name: one for one in found.candidates}
    rule, chosen = by_name[found.best_heuristic], by_name[found.chosen]
    return {
        "chosen": found.chosen,
        "best_heuristic": found.best_heuristic,
        "metrics": {
            **{name: _rounded(value) for name, value in asdict(found.shipped).items()},
            "auc_low": _rounded(chosen.auc.low),
            "auc_high": _rounded(chosen.auc.high),
            "heuristic_auc": _rounded(rule.metrics.auc),
            "recency_auc": _rounded(by_name[RECENCY].metrics.auc),
            "base_rate": _rounded(found.test_rate),
            "test_rows": found.test_rows,
        },
        "cutoffs_used": {
            "train": [day.isoformat() for day in found.split.train],
            "embargoed": [day.isoformat() for day in found.split.embargoed],
            "test": [day.isoformat() for day in found.split.test],
        },
        "train_rows": found.train_rows,
        "train_rate": _rounded(found.train_rate),
        "comparison": [_line(one) for one in found.candidates],
        "calibration": {k: _rounded(v) if isinstance(v, float) else v for k, v in asdict(found.calibration).items()},
        "calibration_table": [
            {"rows": one.rows, "predicted": _rounded(one.predicted), "observed": _rounded(one.observed)}
            for one in found.table
        ],
    }


def _line(one: Candidate) -> dict[str, Any]:
    return {
        "name": one.name,
        **{name: _rounded(value) for name, value in asdict(one.metrics).items()},
        "auc_low": _rounded(one.auc.low),
        "auc_high": _rounded(one.auc.high),
        "against": one.against,
        "gain": None if one.gain is None else [_rounded(v) for v in (one.gain.value, one.gain.low, one.gain.high)],
    }


def _rounded(value: float) -> float:
    return round(float(value), 6)


def _drift(frame: pl.DataFrame, labelled: pl.DataFrame, artifact: Artifact) -> dict[str, float]:
    """PSI from the labelled rows to the rows to be scored, of the features and of the score's log-odds.

    Features that grow with the calendar are left out: they always drift.
    """
    scoring = frame.filter(pl.col("is_scoring"))
    if scoring.is_empty() or labelled.is_empty():
        return {}
    names = [name for name in informative(labelled) if not BY_NAME[name].grows]
    before, now = matrix(labelled, names), matrix(scoring, names)
    found = {n: _rounded(reports.population_stability(before[:, i], now[:, i])) for i, n in enumerate(names)}
    log_odds = [np.asarray(artifact.effects(rows)[1].sum(axis=1)) for rows in (labelled, scoring)]
    return {"score": _rounded(reports.population_stability(log_odds[0], log_odds[1])), **found}
