"""Tiers: graduated ones are continuous and never fall, all-units ones jump at limits only (I11).

What a party gets in a period does not depend on the order of its lines (I10).
"""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.documents.settlement import SettlementDocument
from models.money import PPM
from models.settlement.accumulating import Slice, Tiers, offsets_of, tier_amount
from models.settlement.evaluate import settle
from models.settlement.facts import TransferEntry
from models.settlement.rules import rules_of
from tests.settlement_worlds import world

LIMITS = st.lists(st.integers(1, 10**6), max_size=4, unique=True).map(sorted)
RATES = st.lists(st.integers(0, PPM // 5), min_size=5, max_size=5)


def tiers(limits: list[int], rates: list[int], *, graduated: bool, inclusive: bool) -> Tiers:
    starts = [0, *limits]
    used = rates[: len(starts)]
    offsets = offsets_of(starts, used) if graduated else [0] * len(starts)
    return Tiers(tuple(map(Slice, starts, offsets, used)), inclusive)


@given(LIMITS, RATES, st.integers(0, 2 * 10**6), st.booleans())
def test_graduated_tiers_never_fall_and_never_jump(
    limits: list[int], rates: list[int], reached: int, inclusive: bool
) -> None:
    terms = tiers(limits, rates, graduated=True, inclusive=inclusive)
    step = tier_amount(terms, reached + 1) - tier_amount(terms, reached)
    assert 0 <= step <= 1
    either = tiers(limits, rates, graduated=True, inclusive=not inclusive)
    assert tier_amount(terms, reached) == tier_amount(either, reached), "at a limit both slices say the same"


@given(LIMITS, RATES, st.integers(0, 2 * 10**6), st.booleans())
def test_one_rate_for_all_jumps_at_limits_only(
    limits: list[int], rates: list[int], reached: int, inclusive: bool
) -> None:
    terms = tiers(limits, rates, graduated=False, inclusive=inclusive)
    crossed = reached + 1 in limits if inclusive else reached in limits
    if not crossed:
        assert 0 <= tier_amount(terms, reached + 1) - tier_amount(terms, reached) <= 1
    assert tier_amount(terms, -reached) == -tier_amount(terms, reached)


@pytest.mark.parametrize("limit", [10_000_000])
@pytest.mark.parametrize(("inclusive", "at"), [(True, 200_000), (False, 100_000)])
def test_at_a_limit_the_boundary_decides(limit: int, inclusive: bool, at: int) -> None:
    terms = tiers([limit], [10_000, 20_000], graduated=False, inclusive=inclusive)
    found = [tier_amount(terms, reached) for reached in (0, 1, limit - 1, limit, limit + 1)]
    assert found == [0, 0, 100_000, at, 200_000]


@pytest.mark.parametrize("seed", range(10))
def test_what_a_party_gets_does_not_depend_on_the_order_of_lines(seed: int) -> None:
    """The day's turnover is the same; other times of day move what each line adds, and nothing else."""
    one = world(seed, 60)
    rules = rules_of(SettlementDocument.model_validate(one.book | {"rules": [BONUS]}))
    rng = random.Random(seed)
    moments = [sale.happened_at for sale in one.sales]
    rng.shuffle(moments)
    moved = [
        type(sale)(**{**vars(sale), "happened_at": moment}) for sale, moment in zip(one.sales, moments, strict=True)
    ]
    first, second = (_by_party(settle(sales, [], rules)[1]) for sales in (one.sales, moved))
    assert first == second
    assert first


BONUS = {
    **{"id": "bonus", "component": "rebate", "party": "store", "payer": "hq"},
    "tiers": {"mode": "all_units", "slices": [{"from": 0, "rate": "1%"}, {"from": 100, "rate": "2%"}]},
}


def _by_party(entries: list[TransferEntry]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        found[entry.party_id, entry.period] += entry.amount
    return found
