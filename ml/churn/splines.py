"""One feature, one curve: a line that bends only where many customers say so, and whose parts can be told apart."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from ml.features import Floats


class LinearSplines(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Each feature becomes one standardised column and hat functions between its own quantiles.

    The hats are linear between knots and flat outside them; ``bend`` scales them down, so that a penalty on the
    coefficients keeps a feature a straight line until there is evidence for a curve. Measured on the time split, mean
    AUC of 250 / 400 / 4,000 synthetic customers and of Online Retail: hats alone .740 / .737 / .782 / .743, a line
    alone .749 / .757 / .781 / .741, both .752 / .756 / .783 / .746.

    A missing value (NaN) has neither, so that "missing" gets a level of its own. scikit-learn's SplineTransformer
    stacks several knots on one value where a count is mostly zero; here a feature has as many as it has different
    quantiles.

    After ``fit``: ``knots_`` of all features in a row, ``knot_starts_`` and ``starts_`` (where each feature's knots
    and columns begin), ``centers_`` and ``scales_`` of the standardised columns.
    """

    def __init__(self, n_knots: int = 7, bend: float = 0.5) -> None:
        self.n_knots = n_knots
        self.bend = bend

    def fit(self, X: Floats, y: Floats | None = None) -> Self:  # noqa: N803, ARG002 - scikit-learn's names
        knots = [self._quantiles(X[:, column]) for column in range(X.shape[1])]
        sizes = np.array([one.size for one in knots])
        clipped = np.clip(X, [one[0] for one in knots], [one[-1] for one in knots])
        known = ~np.isnan(clipped)
        counts = np.maximum(known.sum(axis=0), 1)
        self.centers_ = np.where(known, clipped, 0).sum(axis=0) / counts
        spread = np.sqrt((np.where(known, clipped - self.centers_, 0) ** 2).sum(axis=0) / counts)
        self.scales_ = np.where(spread > 0, spread, 1.0)
        self.knots_ = np.concatenate(knots)
        self.knot_starts_ = (np.cumsum(sizes) - sizes).astype(np.int64)
        self.starts_ = self.knot_starts_ + np.arange(sizes.size)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Floats) -> Floats:  # noqa: N803
        columns = np.zeros((X.shape[0], self.knots_.size + self.n_features_in_))
        for feature, knots in enumerate(np.split(self.knots_, self.knot_starts_[1:])):
            known = np.flatnonzero(~np.isnan(X[:, feature]))
            values = np.clip(X[known, feature], knots[0], knots[-1])
            start = int(self.starts_[feature])
            columns[known, start] = (values - self.centers_[feature]) / self.scales_[feature]
            right = np.clip(np.searchsorted(knots, values, side="right"), 1, knots.size - 1) if knots.size > 1 else None
            if right is None:
                columns[known, start + 1] = self.bend
                continue
            share = (values - knots[right - 1]) / (knots[right] - knots[right - 1])
            columns[known, start + right] = self.bend * (1 - share)
            columns[known, start + right + 1] = self.bend * share
        return columns

    def _quantiles(self, values: Floats) -> Floats:
        known = values[~np.isnan(values)]
        if known.size == 0:
            return np.zeros(1)  # never known in training: one flat hat
        return np.unique(np.quantile(known, np.linspace(0, 1, self.n_knots)))
