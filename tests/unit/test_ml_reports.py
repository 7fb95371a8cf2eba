"""The numbers of a report against scikit-learn and against values worked out by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml import reports


@pytest.fixture(scope="module")
def scored() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    probability = random.uniform(0.05, 0.95, 4000).round(2)  # many ties
    return (random.uniform(size=4000) < probability).astype(float), probability


def test_weighted_auc_is_the_auc_of_repeated_rows(scored):
    y, probability = scored
    y, probability = y[:300], probability[:300]
    weights = np.random.default_rng(0).integers(0, 4, (5, 300))
    expected = [roc_auc_score(np.repeat(y, w), np.repeat(probability, w)) for w in weights]
    assert reports.weighted_auc(y, probability, weights.astype(float)) == pytest.approx(expected, abs=1e-12)


def test_calibration_error_of_true_probabilities_is_small_and_of_shifted_ones_the_shift(scored):
    y, probability = scored
    assert reports.expected_calibration_error(y, probability) < 0.03
    assert reports.expected_calibration_error(y, probability + 0.2) == pytest.approx(0.2, abs=0.03)


def test_calibration_bins_have_equal_counts_and_do_not_depend_on_the_order(scored):
    y, probability = scored
    table = reports.calibration_table(y, probability)
    assert [one.rows for one in table] == [400] * 10
    shuffled = np.random.default_rng(1).permutation(len(y))
    for one, other in zip(table, reports.calibration_table(y[shuffled], probability[shuffled]), strict=True):
        assert (one.predicted, one.observed) == pytest.approx((other.predicted, other.observed), abs=1e-12)


def test_a_constant_prediction_errs_by_its_distance_from_the_rate():
    y = np.r_[np.ones(30), np.zeros(70)]
    assert reports.expected_calibration_error(y, np.full(100, 0.5)) == pytest.approx(0.2)


def test_lift_counts_ties_at_the_edge_in_proportion():
    y = np.r_[np.ones(2), np.zeros(8)]
    assert reports.lift(y, np.linspace(1, 0, 10), 0.1) == pytest.approx(5.0)  # the top one churned, rate .2
    assert reports.lift(y, np.full(10, 0.3), 0.1) == pytest.approx(1.0)


def test_the_interval_is_wider_when_customers_repeat(scored):
    y, probability = scored
    alone = reports.CustomerBootstrap([f"c{n}" for n in range(4000)], rounds=200, seed=1).draws(y, probability)
    packed = reports.CustomerBootstrap([f"c{n % 40}" for n in range(4000)], rounds=200, seed=1)
    order = np.argsort(y + probability / 10, kind="stable")  # the rows of a customer resemble each other
    by_kind = reports.CustomerBootstrap([f"c{n // 100}" for n in range(4000)], rounds=200, seed=1)
    assert by_kind.draws(y[order], probability[order]).std() > 1.5 * alone.std()
    found = reports.interval(float(roc_auc_score(y, probability)), packed.draws(y, probability))
    assert found.low < found.value < found.high


def test_the_same_seed_draws_the_same_customers(scored):
    y, probability = scored
    ids = [f"c{n}" for n in range(4000)]
    one, other = (reports.CustomerBootstrap(ids, rounds=50, seed=9).draws(y, probability) for _ in range(2))
    assert (one == other).all()


def test_stability_index_sees_a_shift_and_a_new_null():
    random = np.random.default_rng(5)
    before, now = random.normal(size=5000), random.normal(size=5000)
    assert reports.population_stability(before, now) < 0.02
    assert reports.population_stability(before, now + 1) > 0.25
    assert reports.population_stability(before, np.where(np.arange(5000) < 1500, np.nan, now)) > 0.25
