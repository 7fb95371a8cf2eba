"""Splits in time: no label window of training may reach into the test."""

from datetime import date, timedelta

import pytest

from ml.splits import SplitError, assert_embargo, customer_halves, time_split

DAYS = [date(2026, 5, 2) - timedelta(days=30 * n) for n in range(6)]


def test_cutoffs_whose_window_reaches_into_the_test_are_embargoed():
    split = time_split(DAYS, horizon_days=60, test_cutoffs=1)
    assert split.test == (date(2026, 5, 2),)
    assert split.embargoed == (date(2026, 4, 2),)
    assert split.train[-1] == date(2026, 3, 3)  # its window ends on the first test cut-off, to the day
    assert_embargo(split.train, split.test, horizon_days=60)


def test_more_test_cutoffs_push_the_embargo_back():
    split = time_split(DAYS, horizon_days=60, test_cutoffs=2)
    assert split.test == (date(2026, 4, 2), date(2026, 5, 2))
    assert split.embargoed == (date(2026, 3, 3),)


@pytest.mark.parametrize("days", [[], DAYS[:1], DAYS[:2]])
def test_no_split_without_a_cutoff_before_the_embargo(days: list[date]):
    with pytest.raises(SplitError, match="no cut-off has a label window"):
        time_split(days, horizon_days=60, test_cutoffs=1)


def test_an_overlapping_window_is_caught_and_named():
    with pytest.raises(SplitError, match="2026-04-02 to 2026-06-01"):
        assert_embargo([date(2026, 3, 3), date(2026, 4, 2)], [date(2026, 5, 2)], horizon_days=60)
    with pytest.raises(SplitError, match="training and test"):
        assert_embargo([], [date(2026, 5, 2)], horizon_days=60)


def test_halves_keep_a_customer_together_and_are_about_equal():
    ids = [f"c{n}" for n in range(1000)] * 2
    halves = customer_halves(ids)
    assert (halves[:1000] == halves[1000:]).all()
    assert 400 < halves[:1000].sum() < 600
