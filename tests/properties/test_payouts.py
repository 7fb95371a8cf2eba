"""The payout planner: worked cases (W1, W3, returns) and channel feasibility whatever is due (I20)."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.documents.loading import DocumentError
from models.documents.payouts import PayoutDocument, minimums_table
from models.settings import PROJECT_ROOT
from models.settlement.payouts import Due, Payment, allotted, ceiling, channel_fee, plan, returned

SHIPPED = PayoutDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "payouts.yaml")
PAID_AT = datetime(2026, 7, 1, 2)
SOON = PAID_AT + timedelta(hours=1)


def registered(*parties: str, **limits: int) -> PayoutDocument:
    receivers = [{"party": p, "channel": "wechat_pay", "type": "MERCHANT_ID", "account": f"a-{p}"} for p in parties]
    base = {"max_ratio": "30%", "receivers_per_request": 50, "requests_per_order": 50, "wait_seconds": 60}
    channel = base | {"freeze_days": 30} | limits
    return PayoutDocument.model_validate({"name": "t", "channels": {"wechat_pay": channel}, "receivers": receivers})


def payment(amount: int = 10000, **more: int) -> Payment:
    return Payment("S1:O1", "wechat_pay", "4200", PAID_AT, amount, **more)


def test_w1_what_exceeds_the_ratio_is_payable_offline() -> None:
    found = plan(payment(), [Due("S1", 3500)], registered("S1"), SOON)
    assert [(one.party_id, one.amount, one.is_last) for one in found.instructions] == [("S1", 3000, True)]
    assert [(one.amount, one.reason) for one in found.offline] == [(500, "ratio")]
    assert found.instructions[0].not_before == PAID_AT + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("amount", "rate", "fee"), [(3250, "0.60", 20), (9500, "0.60", 57), (1, "0.90", 0), (2500, "0.60", 15)]
)
def test_w3_fees_are_rounded_half_up_as_bills_print_them(amount: int, rate: str, fee: int) -> None:
    assert channel_fee(amount, int(Decimal(rate) * 10_000)) == fee


def test_the_ratio_is_of_the_order_and_of_all_requests_together() -> None:
    limits = registered().channels["wechat_pay"]
    assert ceiling(payment(split=2500), limits) == 500
    assert ceiling(payment(refunded=8000, fee=60), limits) == 1940
    assert ceiling(payment(refunded=10000), limits) == 0


@pytest.mark.parametrize(
    ("due", "document", "now", "reason"),
    [
        (Due("S9", 100), registered("S1"), SOON, "unregistered"),
        (Due("S1", 100), registered("S1"), PAID_AT + timedelta(days=30), "frozen_over"),
        (Due("S1", 100), PayoutDocument(name="none"), SOON, "not_of_channel"),
        (Due("S1", 100), registered("S1", requests_per_order=1), SOON, "receivers"),
    ],
)
def test_what_a_channel_does_not_take_is_offline_with_its_reason(
    due: Due, document: PayoutDocument, now: datetime, reason: str
) -> None:
    of = payment(requests=1) if reason == "receivers" else payment()
    found = plan(of, [due], document, now)
    assert not found.instructions and [(one.amount, one.reason) for one in found.offline] == [(100, reason)]


def test_the_collectors_own_share_stays_where_it_is() -> None:
    found = plan(payment(), [Due("hq", 7000), Due("S1", 1000)], registered("S1", "hq"), SOON)
    assert [one.party_id for one in found.instructions] == ["S1"] and not found.offline


def test_a_return_is_never_more_than_the_receiver_got() -> None:
    (sent,) = plan(payment(), [Due("S1", 3500)], registered("S1"), SOON).instructions
    assert returned(sent, 1000, 0).amount == 1000
    assert returned(sent, 9999, 1000).amount == 2000
    assert returned(sent, 1000, 0).out_return_no != returned(sent, 1000, 1000).out_return_no
    with pytest.raises(ValueError, match="above zero"):
        returned(sent, 0, 0)


def test_a_payable_balance_is_divided_over_the_orders_of_the_period() -> None:
    """Y1: with a debt of 120.00 before, orders of 500.00 give 380.00; an older balance is of no order."""
    orders = [Due("O1", 30000), Due("O2", 20000), Due("O3", -100)]
    shares, offline = allotted(38000, orders, "CNY", "agent")
    assert [(due.party_id, due.amount) for due in shares] == [("O1", 22800), ("O2", 15200)] and not offline
    shares, offline = allotted(60000, orders, "CNY", "agent")
    assert [due.amount for due in shares] == [30000, 20000]
    assert [(one.order_key, one.amount, one.reason) for one in offline] == [("", 10000, "balance")]
    assert allotted(0, orders, "CNY", "agent") == ([], [])


AMOUNTS = st.integers(0, 10**9)
DUES = st.lists(AMOUNTS, max_size=60).map(lambda amounts: {f"P{n:03d}": due for n, due in enumerate(amounts)})


@given(
    dues=DUES,
    amount=st.integers(1, 10**9),
    fee=st.integers(0, 10**6),
    refunded=AMOUNTS,
    split=AMOUNTS,
    requests=st.integers(0, 4),
    known=st.integers(0, 60),
)
def test_i20_instructions_are_feasible_and_everything_due_goes_somewhere(
    dues: dict[str, int], amount: int, fee: int, refunded: int, split: int, requests: int, known: int
) -> None:
    document = registered(*(f"P{n:03d}" for n in range(known)), requests_per_order=4, receivers_per_request=10)
    of = payment(amount, fee=fee, refunded=refunded, split=split, requests=requests)
    given_dues = [Due(party, due) for party, due in dues.items()]
    found = plan(of, given_dues, document, SOON)
    sent = sum(one.amount for one in found.instructions)
    assert sent <= max(min(amount * 3 // 10, amount - fee - refunded) - split, 0)
    assert sent + sum(one.amount for one in found.offline) == sum(dues.values())
    per_request = Counter(one.out_order_no for one in found.instructions)
    assert all(lines <= 10 for lines in per_request.values()) and len(per_request) + requests <= max(4, requests)
    assert all(one.amount > 0 and document.receiver(one.party_id, "wechat_pay") for one in found.instructions)
    assert plan(of, given_dues[::-1], document, SOON) == found


def test_the_shipped_document_has_the_limits_of_both_channels() -> None:
    wechat = SHIPPED.channels["wechat_pay"]
    assert (wechat.max_ratio_ppm, wechat.receivers_per_request, wechat.requests_per_order) == (300_000, 50, 50)
    assert (wechat.freeze_days, wechat.wait_seconds) == (30, 60)
    assert dict(minimums_table(SHIPPED).iter_rows()) == {"CNY": 100, "HKD": 100}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{name: x, minimum_payout: {JPY: '1.5'}}", "finer than its smallest unit"),
        ("{name: x, minimum_payout: {CNY: -1}}", "no amount from 0 on"),
        ("{name: x, channels: {wechat_pay: {max_ratio: 0.3}}}", 'write one like "30%"'),
        (
            "{name: x, receivers: [&a {party: p, channel: alipay, type: t, account: '1'}, *a]}",
            "is there twice",
        ),
    ],
)
def test_a_document_that_does_not_hold_is_refused(text: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        PayoutDocument.parse(text, name="payouts.yaml")
