"""Worked cases of closing (docs/settlement-closing.md), by the SQL of the ledger and the functions of a real close."""

from datetime import date, datetime

import polars as pl

from tests.ledger_tables import Books, Row, entry


def paid(number: int, period: str, party: str, amount: int, day: str, event: str = "paid") -> Row:
    return {
        **{"event_id": str(number), "event": event, "period": period, "party_id": party, "currency": "CNY"},
        **{"amount": amount, "happened_on": date.fromisoformat(day), "actor": "fin"},
        "recorded_at": datetime(2026, 7, 15),
    }


JUNE = [
    entry("L1", "hq", 10000, "2026-06-10", base_amount=100000),
    entry("L1", "S1", 90000, "2026-06-10", role="store", base_amount=100000),
]
REFUND = [
    entry("R1", "hq", -4000, "2026-07-10", posting="REFUND", original_line_id="L1"),
    entry("R1", "S1", -36000, "2026-07-10", posting="REFUND", role="store", original_line_id="L1"),
]


def test_r3_a_refund_of_a_closed_sale_is_posted_in_july_and_june_stays() -> None:
    books = Books.open()
    books.run(JUNE)
    june = books.close("2026-06")
    books.run([*JUNE, *REFUND])
    assert books.posted(posting="REFUND") == [("REFUND", "2026-07-10", -36000), ("REFUND", "2026-07-10", -4000)]
    july, closed = books.statement("2026-07", "hq"), books.statement("2026-06", "hq")
    assert (july["opening"], july["clawback"], july["closing"], july["state"]) == (10000, 4000, 6000, "provisional")
    assert (closed["earned"], closed["closing"], closed["state"]) == (10000, 10000, "closed")
    assert june.statements["sha256"].n_unique() == 2
    again = Books.open()
    again.run([*JUNE, *REFUND])
    assert again.close("2026-06").statements.equals(june.statements)


def test_r4_a_sale_of_june_that_arrives_in_july_is_posted_in_july() -> None:
    """Paid 06-30 23:58 +08:00, the file came on 07-08: the rule of 06-30, 200.00 → HQ 20.00, posted LATE_FACT."""
    late = [
        entry("L2", "hq", 2000, "2026-06-30", base_amount=20000),
        entry("L2", "S1", 18000, "2026-06-30", role="store", base_amount=20000),
    ]
    books = Books.open()
    books.run(JUNE)
    before = books.close("2026-06")
    books.run([*JUNE, *late])
    assert books.posted(line_id="L2", party_id="hq") == [("LATE_FACT", "2026-07-01", 2000)]
    row = books.table("settlement_ledger").filter(line_id="L2", party_id="hq").to_dicts()[0]
    assert (row["rule_version"], row["economic_date"]) == ("v1", date(2026, 6, 30))
    assert books.statement("2026-07", "hq")["earned"] == 2000
    assert books.closes[0].closing["chain"] == before.closing["chain"]


def test_a_closed_sale_that_changes_is_adjusted_and_one_that_vanishes_is_taken_back() -> None:
    books = Books.open()
    books.run(JUNE)
    books.close("2026-06")
    corrected = [JUNE[0] | {"amount": 12000}, JUNE[1] | {"amount": 88000}]
    books.run(corrected)
    assert books.posted(kind="ADJUSTMENT") == [("ADJUSTMENT", "2026-07-01", -2000), ("ADJUSTMENT", "2026-07-01", 2000)]
    books.close("2026-07")
    books.run([])
    assert books.posted(kind="ADJUSTMENT", posted_on=date(2026, 8, 1)) == [
        ("ADJUSTMENT", "2026-08-01", -88000),
        ("ADJUSTMENT", "2026-08-01", -12000),
    ]
    assert books.statement("2026-08", "hq") | {"adjustments": -12000, "closing": 0} == books.statement("2026-08", "hq")


def test_a_closed_amount_that_is_another_partys_now_moves_in_the_open_period() -> None:
    books = Books.open()
    books.run(JUNE)
    books.close("2026-06")
    books.run([JUNE[0], JUNE[1] | {"party_id": "S2"}])
    assert books.posted(kind="ADJUSTMENT") == [
        ("ADJUSTMENT", "2026-07-01", -90000),
        ("ADJUSTMENT", "2026-07-01", 90000),
    ]
    assert books.statement("2026-07", "S1")["closing"] == 0
    assert books.statement("2026-07", "S2")["closing"] == 90000


def test_y1_a_debt_is_carried_and_taken_from_the_next_payout() -> None:
    books = Books.open({"CNY": 100})
    refund = entry("R9", "agent", -12000, "2026-05-02", posting="REFUND")
    sale = entry("L9", "agent", 50000, "2026-06-03")
    books.run([refund])
    may = books.statement("2026-05", "agent")
    assert (may["closing"], may["payable"], may["carry"]) == (-12000, 0, -12000)
    books.close("2026-05")
    books.run([refund, sale])
    june = books.statement("2026-06", "agent")
    assert (june["opening"], june["earned"], june["closing"], june["payable"], june["carry"]) == (
        *(-12000, 50000, 38000, 38000, 0),
    )
    books.close("2026-06")
    books.run([refund, sale], [paid(1, "2026-06", "agent", 38000, "2026-07-05")])
    july = books.statement("2026-07", "agent")
    assert (july["opening"], july["paid"], july["closing"], july["payable"]) == (38000, 38000, 0, 0)
    assert books.statement("2026-06", "agent")["state"] == "paid"


def test_a_balance_below_the_minimum_is_carried() -> None:
    books = Books.open({"CNY": 100})
    books.run([entry("L1", "agent", 99, "2026-06-03"), entry("L2", "agent", 1, "2026-07-01")])
    assert (books.statement("2026-06", "agent")["payable"], books.statement("2026-06", "agent")["carry"]) == (0, 99)
    assert (books.statement("2026-07", "agent")["payable"], books.statement("2026-07", "agent")["carry"]) == (100, 0)


def test_a_payment_recorded_after_its_period_was_closed_is_of_the_next_one() -> None:
    books = Books.open()
    books.run(JUNE)
    books.close("2026-06")
    books.run(
        JUNE, [paid(1, "2026-06", "hq", 10000, "2026-06-29"), paid(2, "2026-06", "S9", 70, "2026-07-02", "collected")]
    )
    assert books.posted(component="payment") == [("PAID", "2026-07-01", -10000), ("COLLECTED", "2026-07-02", 70)]
    cash = books.table("settlement_ledger").filter(component="cash")
    assert sorted(cash["amount"]) == [-70, 10000]


def test_fee_and_tax_are_charges_and_whoever_gets_them_has_earned_them() -> None:
    books = Books.open()
    books.run(
        [
            entry("L1", "S1", 10000, "2026-06-03", role="store", base_amount=10000),
            entry("L1", "S1", -300, "2026-06-03", role="platform_fee", base_amount=10000),
            entry("L1", "hq", 300, "2026-06-03", role="service_fee", base_amount=10000),
            entry("R1", "S1", -5000, "2026-06-04", role="store", posting="REFUND", base_amount=-5000),
            entry("R1", "S1", 150, "2026-06-04", role="platform_fee", posting="REFUND", base_amount=-5000),
        ]
    )
    store, hq = books.statement("2026-06", "S1"), books.statement("2026-06", "hq")
    assert [store[name] for name in ("earned", "clawback", "fee", "tax", "closing")] == [10000, 5000, 150, 0, 4850]
    assert (hq["earned"], hq["fee"]) == (300, 0)


def test_days_weeks_and_months_have_their_iso_names() -> None:
    books = Books.open()
    books.run([entry(f"L{day}", "hq", 1, day) for day in ("2025-12-29", "2026-06-28", "2026-06-29", "2027-01-03")])
    found = books.table("settlement_statements").sort("starts_on", "period_kind")
    assert found.filter(period_kind="week")["period"].to_list() == ["2026-W01", "2026-W26", "2026-W27", "2026-W53"]
    ends = dict(found.filter(pl.col("period_kind") != "day")["period", "ends_on"].iter_rows())
    assert ends["2026-W27"] == date(2026, 7, 5) and ends["2026-06"] == date(2026, 6, 30)


def test_a_closed_statement_keeps_the_minimum_of_its_time() -> None:
    books = Books.open({"CNY": 100})
    rows = [entry("L1", "agent", 150, "2026-06-03"), entry("L2", "agent", 10, "2026-07-03")]
    books.run(rows)
    assert books.statement("2026-06", "agent")["sha256"] is None
    frozen = books.close("2026-06").statements
    books.minimums = {"CNY": 100_000}
    books.run(rows)
    june, july = books.statement("2026-06", "agent"), books.statement("2026-07", "agent")
    assert (june["minimum_payout"], june["payable"], june["sha256"]) == (100, 150, frozen["sha256"][0])
    assert (july["minimum_payout"], july["payable"], july["carry"]) == (100_000, 0, 160)


def test_a_transfer_is_a_charge_to_one_and_earned_by_the_other() -> None:
    """A platform fee of 3.00 on a sale of 100.00, a third of it given back with a refund after June was closed."""
    sale = entry("L1", "S1", 10000, "2026-06-03", role="store", base_amount=10000)

    def fee(line: str, day: str, amount: int, posting: str = "SALE") -> list[Row]:
        more = {"component": "platform_fee", "base_amount": 10000, "posting": posting}
        sides = (("party", "platform", amount), ("payer", "S1", -amount))
        return [entry(line, party, due, day, role=side, **more) for side, party, due in sides]

    books = Books.open()
    books.run([sale], transfers=fee("L1", "2026-06-03", 300))
    store, platform = books.statement("2026-06", "S1"), books.statement("2026-06", "platform")
    assert (store["earned"], store["fee"], store["closing"]) == (10000, 300, 9700)
    assert (platform["earned"], platform["fee"]) == (300, 0)
    books.close("2026-06")
    books.run([sale], transfers=[*fee("L1", "2026-06-03", 300), *fee("R1", "2026-07-02", -100, "REFUND")])
    store, platform = books.statement("2026-07", "S1"), books.statement("2026-07", "platform")
    assert (store["clawback"], store["fee"], store["closing"]) == (0, -100, 9800)
    assert (platform["clawback"], platform["closing"]) == (100, 200)
