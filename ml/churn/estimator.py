"""The estimators, what is kept of one, and scoring: a probability, its band and exact reasons.

A shipped estimator is a sum of one curve per feature. A reason is that feature's curve at the customer minus its mean
over the training rows, in log-odds: the reasons of all features plus the base add up to the score's log-odds.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ml import registry
from ml.churn.heuristics import Curve
from ml.churn.splines import LinearSplines
from ml.features import BY_NAME, Floats, matrix, prepared
from models.documents.churn import ChurnBands
from models.money import PPM

Kind = Literal["additive", "boosted_additive", "heuristic"]
REASONS = 3
_FORMAT = 1

#: The only types that a churn artifact may hold, besides plain values and arrays.
ALLOWED = frozenset(
    {
        "ml.churn.splines.LinearSplines",
        "sklearn.pipeline.Pipeline",
        "sklearn.linear_model._logistic.LogisticRegression",
        # the boosted rung, when it was promoted
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "numpy.random._generator.Generator",
        "numpy.uint64",
    }
)

SCORE_SCHEMA: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "artifact_id": pl.String(),
    "band": pl.String(),
    **{f"reason_{n}": pl.String() for n in range(1, REASONS + 1)},
    "score_ppm": pl.Int64(),
    "rank": pl.Int64(),
    **{f"effect_ppm_{n}": pl.Int64() for n in range(1, REASONS + 1)},
}


def linear() -> Pipeline:
    """The linear baseline: nothing but standardised features."""
    return Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True)),
            ("scale", StandardScaler()),
            ("logit", LogisticRegression(C=0.03, solver="newton-cholesky", max_iter=100)),
        ]
    )


def additive() -> Pipeline:
    """Lines that may bend, and a logit: the production estimator. newton-cholesky converges to the last digits."""
    return Pipeline(
        [("curves", LinearSplines()), ("logit", LogisticRegression(C=0.03, solver="newton-cholesky", max_iter=100))]
    )


def boosted_additive(names: tuple[str, ...], seed: int) -> Pipeline:
    """Boosted trees that read one feature each and keep to the stated directions: reasons stay exact."""
    directions = [BY_NAME[name].direction for name in names]
    trees = _trees(seed).set_params(interaction_cst="no_interactions", monotonic_cst=directions)
    return Pipeline([("trees", trees)])


def boosted(seed: int) -> Pipeline:
    """Boosted trees without limits: compared only, because reasons taken from it would be guesses."""
    return Pipeline([("trees", _trees(seed))])


def _trees(seed: int) -> HistGradientBoostingClassifier:
    # small leaves and a penalty: the defaults lose to a linear model on a few thousand rows. Never class weights: they
    # leave the ranking alone and ruin the probability (ECE .010 becomes .205 on Complete Journey).
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=200,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    )


def parts(pipeline: Pipeline, features: Floats) -> tuple[float, Floats]:
    """A constant, and rows × features of log-odds; constant plus the sum of a row is the model's log-odds."""
    final = pipeline[-1]
    if isinstance(final, LogisticRegression):
        splines = pipeline[0]
        weighted = splines.transform(features) * final.coef_[0]
        return float(final.intercept_[0]), np.add.reduceat(weighted, splines.starts_, axis=1)
    reference = np.zeros((1, features.shape[1]))
    constant = float(pipeline.decision_function(reference)[0])
    found = np.empty_like(features)
    for column in range(features.shape[1]):
        values, where = np.unique(features[:, column], return_inverse=True)
        rows = np.repeat(reference, values.size, axis=0)
        rows[:, column] = values
        found[:, column] = (pipeline.decision_function(rows) - constant)[where]
    return constant, found


@dataclass(frozen=True)
class Artifact:
    """A trained estimator as it is stored. Log-odds = ``base`` + the sum of the features' effects.

    ``slope`` and ``shift`` are the calibration (1 and 0 when none was needed); ``centers`` are the population means of
    the features' parts. A ``heuristic`` has a curve and no pipeline.
    """

    artifact_id: str
    kind: Kind
    features: tuple[str, ...]
    bands: ChurnBands
    curve: Curve
    pipeline: Pipeline | None = None
    centers: tuple[float, ...] = ()
    slope: float = 1.0
    shift: float = 0.0

    def effects(self, frame: pl.DataFrame) -> tuple[float, Floats]:
        """Base log-odds, and rows × ``features`` of effects on the log-odds, for prepared rows.

        Raises ValueError when the artifact is a heuristic that has never seen a label.
        """
        if self.pipeline is None:
            probability = self.curve.probability(matrix(frame, [self.curve.feature])[:, 0])
            base = _logit(np.array([self.curve.base]))[0]
            return self.shift + self.slope * float(base), self.slope * (_logit(probability) - base)[:, None]
        constant, found = parts(self.pipeline, matrix(frame, self.features))
        centers = np.array(self.centers)
        return self.shift + self.slope * (constant + float(centers.sum())), self.slope * (found - centers)

    def to_bytes(self) -> bytes:
        return registry.dump(
            {
                "format": _FORMAT,
                "artifact_id": self.artifact_id,
                "kind": self.kind,
                "features": list(self.features),
                "bands": [self.bands.high, self.bands.medium],
                "curve": self.curve.to_state(),
                "pipeline": [] if self.pipeline is None else [self.pipeline],
                "centers": list(self.centers),
                "calibration": [self.slope, self.shift],
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Raises registry.ArtifactRefusedError when the bytes are not what ``to_bytes`` writes."""
        state = registry.load(content, allowed=ALLOWED)
        try:
            return cls(
                artifact_id=state["artifact_id"],
                kind=cast(Kind, state["kind"]),
                features=tuple(state["features"]),
                bands=ChurnBands(high=state["bands"][0], medium=state["bands"][1]),
                curve=Curve.from_state(state["curve"]),
                pipeline=_checked(state["pipeline"]),
                centers=tuple(state["centers"]),
                slope=state["calibration"][0],
                shift=state["calibration"][1],
            )
        except (KeyError, IndexError, TypeError) as error:
            raise registry.ArtifactRefusedError(f"not a churn artifact of this release: {error!r}") from error


def _checked(held: list[Any]) -> Pipeline | None:
    if not held:
        return None
    if not isinstance(held[0], Pipeline):
        raise registry.ArtifactRefusedError(f"the artifact holds a {type(held[0]).__name__} where its Pipeline belongs")
    return held[0]


def load(content: bytes) -> Artifact:
    """An artifact from bytes whose sha256 the caller has checked. Raises registry.ArtifactRefusedError."""
    return Artifact.from_bytes(content)


def score(artifact: Artifact, examples: pl.DataFrame) -> pl.DataFrame:
    """Scores of the ``is_scoring`` rows. Grain customer_id, ordered by rank.

    Columns: customer_id, artifact_id, band (high, medium, low), reason_1..3 (feature codes whose effect raises the
    risk, strongest first; null when fewer), score_ppm (probability in millionths), rank (1 = highest score, ties by
    customer_id), effect_ppm_1..3 (of the reasons, log-odds in millionths). Empty when the artifact has never seen a
    label: no probability is known then, and none is made up. Raises ml.features.FeatureError on unusable rows.
    """
    frame = prepared(examples).filter(pl.col("is_scoring"))
    if frame.is_empty() or (artifact.pipeline is None and artifact.curve.base is None):
        return pl.DataFrame(schema=SCORE_SCHEMA)
    with threadpool_limits(limits=1):
        base, effects = artifact.effects(frame)
    probability = expit(base + effects.sum(axis=1))
    ppm = np.clip(np.rint(probability * PPM), 1, PPM - 1).astype(np.int64)  # never a certainty
    names = artifact.features if artifact.pipeline is not None else (artifact.curve.feature,)
    scored = frame.select(
        "customer_id",
        pl.lit(artifact.artifact_id).alias("artifact_id"),
        pl.Series("score_ppm", ppm),
        *_reasons(names, effects),
    )
    band = (
        pl.when(pl.col("score_ppm") >= artifact.bands.high_ppm)
        .then(pl.lit("high"))
        .when(pl.col("score_ppm") >= artifact.bands.medium_ppm)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low"))
    )
    ranked = scored.sort("score_ppm", "customer_id", descending=[True, False]).with_row_index("rank", offset=1)
    return ranked.with_columns(band.alias("band")).select(pl.col(n).cast(t) for n, t in SCORE_SCHEMA.items())


def _reasons(names: tuple[str, ...], effects: Floats) -> list[pl.Series]:
    ppm = np.rint(effects * PPM).astype(np.int64)
    order = np.argsort(-ppm, axis=1, kind="stable")[:, :REASONS]
    strongest = np.take_along_axis(ppm, order, axis=1)
    columns = []
    for place in range(REASONS):
        if place >= order.shape[1]:
            columns += [
                pl.Series(f"reason_{place + 1}", [None] * len(ppm), dtype=pl.String),
                pl.Series(f"effect_ppm_{place + 1}", [None] * len(ppm), dtype=pl.Int64),
            ]
            continue
        raises = pl.Series(strongest[:, place] > 0)
        codes = pl.Series(np.array(names, dtype=np.str_)[order[:, place]])
        columns += [
            codes.zip_with(raises, pl.Series([None], dtype=pl.String)).alias(f"reason_{place + 1}"),
            pl.Series(strongest[:, place])
            .zip_with(raises, pl.Series([None], dtype=pl.Int64))
            .alias(f"effect_ppm_{place + 1}"),
        ]
    return columns


def expit(log_odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)), dtype=np.float64)


def _logit(probability: Floats) -> Floats:
    return np.asarray(np.log(probability / (1.0 - probability)), dtype=np.float64)
