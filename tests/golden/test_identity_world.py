"""Who is who in a made-up company, beside its truth: masked orders, families on one phone, gifts, typing errors.

Over records P 0.995 and masked links P 0.98 are the bars of the product; R 0.93 is met by 3,000 customers (0.934) and
not quite by these. Over personas the bars are what was measured, less a little (docs/identity-matching.md).
"""

import polars as pl
import pytest

from tests.conftest import Company
from tests.identity_world import Judged, judged

pytestmark = pytest.mark.slow
CUSTOMERS = 1500


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    company = Company(tmp_path_factory.mktemp("world") / "home")
    company.scrm("sandbox", "fill", "--customers", str(CUSTOMERS))
    company.scrm("run")
    return judged(company, CUSTOMERS)


def test_customers_are_people(world: Judged) -> None:
    assert world.quality.precision >= 0.995, world.quality
    assert world.quality.recall >= 0.925, world.of_channel().to_dicts()
    assert world.of_personas.precision >= 0.99, world.of_personas
    assert world.of_personas.recall >= 0.82, world.of_channel().to_dicts()
    assert world.of_personas.largest < 60


def test_masked_orders_find_their_customers(world: Judged) -> None:
    linked = world.likely.filter(pl.col("decision") == "linked")
    assert linked.height > 100
    assert linked.filter("is_right").height / linked.height >= 0.98
    (taobao,) = world.of_channel().filter(pl.col("channel") == "taobao_open_uid").to_dicts()
    assert taobao["found"] > 0.4, taobao  # those of one order wait for the second
    assert taobao["wrong"] < 0.01, taobao
