"""The main job on a year of a real web shop, through the file door."""

import pytest

from tests.benchmarks.bench_online_retail import EXPECTED_ROWS, online_retail
from tests.conftest import dataset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_real_year_goes_the_whole_way(tmp_path) -> None:
    figures = online_retail(dataset("online_retail")).main_job(tmp_path / "home")
    accounted = figures["accepted"] + figures["quarantined"] + figures["skipped"]
    assert figures["rows"] == EXPECTED_ROWS == accounted
    assert figures["settlement_imbalance_minor"] == 0
    assert 4_200 < figures["customers"] <= 4_372, "of the 4,372 numbered customers some have no valid line"
    assert figures["churn_auc_low"] > figures["churn_recency_auc"], "the estimator must beat the recency rule"
