"""Promises of the split that hold for every amount, rule and sequence of refunds (I1, I2, I3, I5, I6)."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from models.documents.settlement import RULE_KEYS
from models.money import PPM, largest_remainder
from models.settlement.evaluate import settle_line
from models.settlement.explaining import recompute
from models.settlement.facts import Place, Refund, Sale
from models.settlement.rules import Part, Rule

AMOUNTS = st.integers(min_value=-(10**13), max_value=10**13)
SHOP = Place("S", "r", "t", "b")
DAY = date(2026, 1, 1)


@st.composite
def rates(draw: st.DrawFn) -> list[int]:
    """Rates of one to eight components that sum to one million; zero among them."""
    cuts = draw(st.lists(st.integers(0, PPM), max_size=7))
    edges = [0, *sorted(cuts), PPM]
    return [high - low for low, high in pairwise(edges)]


@given(AMOUNTS, rates())
def test_shares_sum_to_the_amount_and_stay_next_to_their_exact_value(amount: int, weights: list[int]) -> None:
    shares = largest_remainder(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        exact = Fraction(amount * weight, PPM)
        assert abs(share - exact) < 1
        if exact.denominator == 1:
            assert share == exact  # what needs no rounding is never changed; a weight of zero gets zero
    assert largest_remainder(-amount, weights) == [-share for share in shares]


@given(AMOUNTS, rates())
def test_no_cent_goes_to_a_smaller_fraction(amount: int, weights: list[int]) -> None:
    size = abs(amount)
    shares = [abs(share) for share in largest_remainder(amount, weights)]
    fractions = [Fraction(size * weight, PPM) % 1 for weight in weights]
    up = [share > Fraction(size * weight, PPM) for share, weight in zip(shares, weights, strict=True)]
    for winner in (seq for seq, raised in enumerate(up) if raised):
        for loser in (seq for seq, raised in enumerate(up) if not raised and fractions[seq] > 0):
            assert (fractions[winner], -winner) > (fractions[loser], -loser)


@settings(deadline=None)
@given(
    st.integers(0, 10**6),
    rates(),
    st.lists(st.integers(0, 10**6), max_size=12),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.randoms(use_true_random=False),
)
def test_refunds_never_take_more_than_remains_and_end_at_zero(
    amount: int, weights: list[int], sizes: list[int], same_moment: list[bool], random: object
) -> None:
    parts = tuple(_part(seq, ppm) for seq, ppm in enumerate(weights, 1))
    rule = Rule("r", "v", "split", tuple("*" for _ in RULE_KEYS), 0, parts)
    moments = [datetime(2026, 1, 1) + timedelta(hours=0 if same_moment[i] else i) for i in range(len(sizes))]
    refunds = [
        Refund(f"R{i:02d}", "O", SHOP, size, "CNY", DAY, moment)
        for i, (size, moment) in enumerate(zip(sizes, moments, strict=True))
    ]
    rest = amount - min(sum(sizes), amount)
    refunds.append(Refund("R99", "O", SHOP, rest, "CNY", DAY, datetime(2026, 2, 1)))  # the line ends refunded in full
    sale = Sale("L", "O", SHOP, amount, "CNY", DAY)
    entries = settle_line(sale, refunds, [rule])

    shuffled = list(refunds)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert settle_line(sale, shuffled, [rule]) == entries

    remaining = {e.component_seq: e.amount for e in entries if e.posting == "SALE"}
    for entry in entries:
        assert recompute(entry.__dict__) == entry.amount
        if entry.link_state == "LINKED":
            assert 0 <= -entry.amount <= remaining[entry.component_seq]
            remaining[entry.component_seq] += entry.amount
    assert set(remaining.values()) == {0}
    for refund in refunds:
        assert sum(e.amount for e in entries if e.line_id == refund.line_id) == -refund.amount


def _part(seq: int, rate_ppm: int) -> Part:
    return Part(seq, f"p{seq}", "store", rate_ppm, False)
