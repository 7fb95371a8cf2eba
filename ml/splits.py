"""Splits in time. A model is judged on cut-offs whose past it could have known, never on a random half of the rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray


class SplitError(ValueError):
    """No honest split exists, or the one given is not honest."""


@dataclass(frozen=True)
class TimeSplit:
    """Cut-off dates that teach, that judge, and those between whose label windows reach into the test."""

    train: tuple[date, ...]
    test: tuple[date, ...]
    embargoed: tuple[date, ...]


def time_split(cutoff_dates: Collection[date], *, horizon_days: int, test_cutoffs: int) -> TimeSplit:
    """The newest ``test_cutoffs`` judge; those teach whose label window ends at or before the first of them.

    Raises SplitError when no cut-off is left to teach.
    """
    ordered = sorted(set(cutoff_dates))
    test = ordered[-test_cutoffs:]
    horizon = timedelta(days=horizon_days)
    train = [day for day in ordered if test and day + horizon <= test[0]]
    if not train:
        raise SplitError(
            f"no cut-off has a label window of {horizon_days} days that ends before the first test cut-off;"
            f" labelled cut-offs: {', '.join(map(str, ordered)) or 'none'}"
        )
    embargoed = [day for day in ordered if day not in train and day not in test]
    return TimeSplit(tuple(train), tuple(test), tuple(embargoed))


def assert_embargo(train: Sequence[date], test: Sequence[date], *, horizon_days: int) -> None:
    """Every training label window ends at or before the first test cut-off.

    Raises SplitError naming the windows that reach past it.
    """
    if not train or not test:
        raise SplitError("a split needs training and test cut-offs")
    first_test = min(test)
    late = sorted(day for day in train if day + timedelta(days=horizon_days) > first_test)
    if late:
        windows = ", ".join(f"{day} to {day + timedelta(days=horizon_days)}" for day in late)
        raise SplitError(f"label window(s) of training reach past the first test cut-off {first_test}: {windows}")


def customer_halves(customer_ids: Sequence[str]) -> NDArray[np.bool_]:
    """True for the half of the customers whose sha256 is even: all rows of a customer on one side, on every machine."""
    halves = {one: sha256(one.encode()).digest()[-1] % 2 == 0 for one in set(customer_ids)}
    return np.fromiter((halves[one] for one in customer_ids), dtype=np.bool_, count=len(customer_ids))
