"""The small company of ``test_dbt_trunk.py``: two deliveries with one case of every rule."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from tests.factories_lake import (
    HandMadeLake,
    Row,
    at,
    completed_pass,
    consent,
    contact,
    customer_record,
    follow,
    follow_phone,
    order_line,
    refund_line,
    staff,
    store,
)

CUTOFF = date(2025, 4, 1)
Batch = dict[str, Sequence[Row]]


def orders_first() -> list[Row]:
    return [
        # replaced by the second batch
        order_line("R", "2025-06-01 02:00", line_no="1", buyer_phone="+8613800000001"),
        order_line("R", "2025-06-01 02:00", line_no="2", product_id="P2", buyer_phone="+8613800000001"),
        # no line numbers: two lines say the same, one differs
        order_line("D", "2025-06-02 02:00", buyer_member_no="M2"),
        order_line("D", "2025-06-02 02:00", buyer_member_no="M2"),
        order_line("D", "2025-06-02 02:00", buyer_member_no="M2", product_id="P2", discount=250),
        # one number in two shops
        order_line("77", "2025-06-03 02:00", line_no="1", buyer_phone="+8613800000001"),
        order_line("77", "2025-06-03 02:00", line_no="1", store_id="S2", buyer_member_no="M2", unit_price=Decimal(99)),
        # a shop that nobody declared, an anonymous buyer
        order_line("U", "2025-06-04 02:00", line_no="1", store_id="S8"),
        # the last second before as_of, and as_of itself
        order_line("K", "2025-06-30 15:59:59", line_no="1", buyer_member_no="M2"),
        order_line("L", "2025-06-30 16:00:00", line_no="1", buyer_member_no="M2"),
        # yen, in a shop whose day has begun already; two currencies in one order
        order_line(
            "J",
            "2025-06-05 15:30",
            line_no="1",
            store_id="S3",
            currency="JPY",
            quantity=Decimal("0.5"),
            unit_price=Decimal(3),
        ),
        order_line("M", "2025-06-06 02:00", line_no="1", store_id="S2", buyer_phone="+8613800000001"),
        order_line("M", "2025-06-06 02:00", line_no="2", store_id="S2", buyer_phone="+8613800000001", currency="HKD"),
        # never paid
        order_line("N", "2025-06-07 02:00", line_no="1", status="unpaid", buyer_phone="+8613800000001"),
        # for the features: C3 20, 40 and 60 days before the cut-off and long after it; C4 at the cut-off itself,
        # and a refund and a follow-up soon after it
        order_line("F1", "2025-01-30 16:00", line_no="1", buyer_member_no="M3", store_id="S2"),
        order_line("F2", "2025-02-19 16:00", line_no="1", buyer_member_no="M3", store_id="S2", discount=500),
        order_line("F3", "2025-03-11 16:00", line_no="1", buyer_member_no="M3", unit_price=Decimal(40)),
        order_line("F4", "2025-06-10 16:00", line_no="1", buyer_member_no="M3"),
        order_line("G1", "2025-03-01 16:00", line_no="1", buyer_member_no="M4"),
        order_line("G2", "2025-03-31 16:00", line_no="1", product_id="P9", buyer_member_no="M4"),
        order_line("H1", "2024-09-01 16:00", line_no="1", buyer_member_no="M5"),
    ]


def first_batch() -> Batch:
    return {
        "orders": orders_first(),
        "refunds": [
            refund_line("A1", "2025-06-10 02:00", store_id="S2", order_id="77", amount=300),
            refund_line("A2", "2025-06-10 16:30", order_id="77", amount=400),
            refund_line("A3", "2025-06-30 16:00", store_id="S2", order_id="77", amount=500),
            refund_line("A4", "2025-03-15 02:00", store_id="S1", order_id="F3", amount=100),
            refund_line("A6", "2025-04-20 02:00", store_id="S1", order_id="G1", amount=200),
            refund_line("A5", "2025-06-10 02:00", store_id="S1", order_id="N", amount=700),
        ],
        "stores": [
            store("S1"),
            store("S2", store_type="online"),
            store("S3", timezone="Asia/Tokyo", currency="JPY"),
        ],
        "customers": [
            customer_record("k1", "2025-01-01", phone="+8613800000001", name="Old", city="Suzhou", store_id="S3"),
            customer_record("k2", "2025-02-01", phone="+8613800000001", name="New"),
            customer_record("k9", "2025-07-15", phone="+8613800000009", name="Future"),
        ],
        "consents": [
            consent("+8613800000001", "granted", "2025-05-01"),
            consent("+8613800000001", "withdrawn", "2025-05-01"),
            consent("+8613800000002", "withdrawn", "2025-05-01", channel="email"),
            consent("+8613800000002", "granted", "2025-05-02", channel="email"),
            consent("+8613800000007", "granted", "2025-05-02"),
        ],
        "leads": [
            {"lead_id": "L1", "phone": "+8613800000001", "currency": "CNY", "created_at": at("2025-03-01")},
            {"lead_id": "L2", "phone": "+8613800000002", "currency": "CNY", "created_at": at("2025-07-01")},
        ],
        "visits": [
            {
                "visit_id": "V1",
                "store_id": "S1",
                "line_no": line,
                "member_no": "M3",
                "currency": "CNY",
                "visited_at": at("2025-03-02"),
            }
            for line in ("1", "2")
        ],
        "wecom_staff": [staff("ann", "S1"), staff("bob", "S2")],
        "wecom_contacts": [contact("wm1", unionid="un1", name="Nick", gender=2), contact("wm2"), contact("wm4")],
        "wecom_follows": [
            follow("ann", "wm1", "2025-03-01"),
            follow("bob", "wm1", "2025-02-01"),
            follow("ann", "wm2", "2025-01-05"),
            follow("bob", "wm2", "2025-01-02"),
            follow("ann", "wm4", "2025-04-15"),
        ],
        "wecom_follow_phones": [
            follow_phone("ann", "wm1", "+8613800000001"),
            follow_phone("bob", "wm2", "+8613800000002"),
        ],
        "wecom_syncs": completed_pass("pass-1"),
    }


def second_batch() -> Batch:
    return {
        "orders": [
            order_line("R", "2025-06-01 02:00", line_no="1", quantity=Decimal(3), buyer_phone="+8613800000001"),
        ],
        "wecom_staff": [staff(name, shop, sync_id="pass-2") for name, shop in (("ann", "S1"), ("bob", "S2"))],
        "wecom_contacts": [
            contact("wm1", sync_id="pass-2", unionid="un1", name="Nick", gender=2),
            contact("wm2", sync_id="pass-2"),
            contact("wm4", sync_id="pass-2"),
        ],
        "wecom_follows": [  # bob no longer follows wm1
            follow("ann", "wm1", "2025-03-01", sync_id="pass-2"),
            follow("ann", "wm2", "2025-01-05", sync_id="pass-2"),
            follow("bob", "wm2", "2025-01-02", sync_id="pass-2"),
            follow("ann", "wm4", "2025-04-15", sync_id="pass-2"),
        ],
        "wecom_syncs": completed_pass("pass-2"),
    }


def hand_made(business_date: date = date(2025, 7, 1)) -> HandMadeLake:
    people = {
        "C1": [
            ("phone", "+8613800000001"),
            ("external_userid", "wm1"),
            ("unionid", "un1"),
            ("record", "customers:k1"),
            ("record", "customers:k2"),
        ],
        "C2": [("member_no", "M2"), ("external_userid", "wm2"), ("phone", "+8613800000002")],
        "C3": [("member_no", "M3")],
        "C4": [("member_no", "M4"), ("external_userid", "wm4")],
        "C5": [("member_no", "M5")],
    }
    scores = [
        {"customer_id": name, "artifact_id": "a1", "band": "high", "score_ppm": 900_000 - rank, "rank": rank}
        for rank, name in enumerate(("C1", "C2"), start=1)
    ]
    return HandMadeLake(
        business_date,
        batches=[first_batch(), second_batch()],
        people=people,
        scores=scores,
        cutoff_dates=[CUTOFF] if business_date > CUTOFF else [],
    )
