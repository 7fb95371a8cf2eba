"""Numbers that judge a probability: ranking, calibration, and intervals over customers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from ml.features import Floats

BINS = 10
_CHUNK_CELLS = 2_000_000  # bootstrap weights held at once: 16 MB an array


@dataclass(frozen=True)
class Bin:
    """One of ten bins with equally many rows, by predicted probability."""

    rows: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Interval:
    """A figure and the middle 95 % of it over resampled customers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Metrics:
    """AUC, PR-AUC (average precision), Brier score, log loss, ECE over ten equal-count bins, lift in the top tenth."""

    auc: float
    pr_auc: float
    brier: float
    log_loss: float
    ece: float
    lift_10: float


def metrics(y: Floats, probability: Floats) -> Metrics:
    """Of rows with both outcomes. Raises ValueError when only one outcome is met."""
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    return Metrics(
        auc=float(roc_auc_score(y, probability)),
        pr_auc=float(average_precision_score(y, probability)),
        brier=float(brier_score_loss(y, probability)),
        log_loss=float(log_loss(y, clipped)),
        ece=expected_calibration_error(y, probability),
        lift_10=lift(y, probability, 0.1),
    )


def calibration_table(y: Floats, probability: Floats, bins: int = BINS) -> list[Bin]:
    """Equal-count bins from the lowest prediction to the highest; fewer bins when there are fewer rows.

    Rows with the same prediction share their mean outcome, so that the order of the rows does not matter.
    """
    _, group, size = np.unique(probability, return_inverse=True, return_counts=True)
    shared = (np.bincount(group, weights=y) / size)[group]
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    return [Bin(int(p.size), float(probability[p].mean()), float(shared[p].mean())) for p in parts]


def expected_calibration_error(y: Floats, probability: Floats, bins: int = BINS) -> float:
    """Mean absolute difference between predicted and observed over equal-count bins, weighted by rows."""
    table = calibration_table(y, probability, bins)
    return sum(b.rows * abs(b.predicted - b.observed) for b in table) / len(y)


def lift(y: Floats, probability: Floats, share: float) -> float:
    """Rate in the top ``share`` of the rows over the rate of all; rows tied at the edge count in proportion."""
    top = max(1, round(share * len(y)))
    edge = np.sort(probability)[-top]
    above, tied = probability > edge, probability == edge
    hits = y[above].sum() + y[tied].mean() * (top - above.sum())
    return float(hits / top / y.mean())


class CustomerBootstrap:
    """Resamples customers, not rows: the rows of one customer resemble each other.

    The same draws serve every figure of a report, so that differences of two scores are paired.
    """

    def __init__(self, customer_ids: Sequence[str], *, rounds: int, seed: int) -> None:
        self._customers, self._row_customer = np.unique(np.asarray(customer_ids, dtype=np.str_), return_inverse=True)
        self._rounds, self._seed = rounds, seed

    def draws(self, y: Floats, score: Floats) -> Floats:
        """One AUC a round; NaN where a round met one outcome only."""
        count = self._customers.size
        random = np.random.default_rng(self._seed)
        chunk = max(1, _CHUNK_CELLS // max(len(y), 1))
        drawn = []
        for start in range(0, self._rounds, chunk):
            size = min(chunk, self._rounds - start)
            picks = random.integers(0, count, size=(size, count))
            offsets = picks + count * np.arange(size)[:, None]
            times = np.bincount(offsets.ravel(), minlength=size * count).reshape(size, count)
            drawn.append(weighted_auc(y, score, times[:, self._row_customer].astype(np.float64)))
        return np.concatenate(drawn)


def weighted_auc(y: Floats, score: Floats, weights: Floats) -> Floats:
    """AUC for each row of ``weights`` (rounds × rows), ties counted half; NaN where a round met one outcome only."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) != 0])
    ordered = weights[:, order]
    positive = np.add.reduceat(ordered * y[order], starts, axis=1)
    negative = np.add.reduceat(ordered * (1 - y[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((positive * below).sum(axis=1) / pairs, dtype=np.float64)


def interval(value: float, draws: Floats) -> Interval:
    """A figure with the middle 95 % of its draws."""
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def population_stability(reference: Floats, current: Floats, bins: int = BINS) -> float:
    """PSI over the reference's quantile bins, nulls as one more bin. Below .1 fine, .1 to .25 look, above alarm."""
    known = reference[~np.isnan(reference)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if known.size else np.empty(0)
    shares = [_shares(values, edges) for values in (reference, current)]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def _shares(values: Floats, edges: Floats) -> Floats:
    slots: NDArray[np.int64] = np.where(np.isnan(values), edges.size + 1, np.searchsorted(edges, values, side="right"))
    counts = np.bincount(slots, minlength=edges.size + 2).astype(np.float64)
    smoothed = counts + 0.5  # an empty bin is rare, not impossible
    return np.asarray(smoothed / smoothed.sum(), dtype=np.float64)
