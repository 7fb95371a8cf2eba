"""Seeded draws that are the same on every machine.

A draw is raw integers of PCG64, or a look-up in a table whose entries are rounded: ``exp`` and ``log`` differ in
the last bit between processors and their libraries, and numpy may change the stream of its distributions.
Every subject (orders, names, ...) has a stream of its own, so that a new subject leaves the others as they were.
"""

import zlib
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_TABLE = 1 << 16
_DIGITS = 6
_ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", dtype=np.uint8)


@cache
def _normal_table() -> Floats:
    inverse = NormalDist().inv_cdf
    return np.round(np.array([inverse((i + 0.5) / _TABLE) for i in range(_TABLE)]), _DIGITS)


@cache
def _exponential_table() -> Floats:
    share: Floats = (np.arange(_TABLE, dtype=np.float64) + 0.5) / _TABLE
    return np.asarray(np.round(-np.log1p(-share), _DIGITS))


class Chance:
    """Draws for one subject. Equal (seed, subject) give equal draws, in the order they are asked for."""

    def __init__(self, seed: int, subject: str) -> None:
        self._bits = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(subject.encode())])))

    def uniform(self, size: int) -> Floats:
        """In [0, 1)."""
        return self._bits.random(size)

    def below(self, size: int, high: int | Ints) -> Ints:
        """Integers in [0, high); ``high`` may be one bound for each draw."""
        if isinstance(high, int):
            return self._bits.integers(0, high, size, dtype=np.int64)
        return np.floor(self.uniform(size) * high).astype(np.int64)

    def happens(self, size: int, probability: float | Floats) -> Bools:
        return np.asarray(self.uniform(size) < probability)

    def pick(self, size: int, weights: Sequence[int]) -> Ints:
        """Indices into ``weights`` with frequency in proportion to these whole numbers."""
        bounds = np.cumsum(np.asarray(weights, dtype=np.int64))
        return np.searchsorted(bounds, self.below(size, int(bounds[-1])), side="right").astype(np.int64)

    def exponential(self, size: int) -> Floats:
        """Mean 1."""
        return np.asarray(_exponential_table()[self.below(size, _TABLE)])

    def erlang(self, size: int, shape: int) -> Floats:
        """Mean 1; the larger the shape, the more regular."""
        total = np.zeros(size)
        for _ in range(shape):
            total = total + self.exponential(size)
        return total / shape

    def lognormal(self, size: int, median: float, sigma: float) -> Floats:
        table = np.round(median * np.exp(sigma * _normal_table()), _DIGITS)
        return np.asarray(table[self.below(size, _TABLE)])

    def codes(self, size: int, prefix: str, length: int) -> NDArray[Any]:
        """Random identifiers of ``length`` URL-safe characters after a prefix, as numpy text."""
        cells = _ALPHABET[self.below(size * length, 64)].reshape(size, length)
        return np.char.add(prefix, cells.view(f"S{length}").ravel().astype(f"U{length}"))


def distinct_numbers(size: int, seed: int, digits: int, salt: int, first: int = 0) -> Ints:
    """Different numbers below 10**digits, in no visible order (an affine map with a unit multiplier).

    ``first``: how many of the same seed and salt were handed out before. Raises ValueError when there are not so many.
    """
    space = 10**digits
    if first + size > space:
        raise ValueError(f"{first + size} distinct numbers do not fit in {digits} digits")
    # The multiplier ends in 7, so it has no factor in common with a power of ten; the product stays below 2**63.
    multiplier = 6_180_337 if digits <= 9 else 618_037
    start = (seed * 7_919 + salt * 104_729 + 12_345) % space
    return np.asarray((np.arange(first, first + size, dtype=np.int64) * multiplier + start) % space)
