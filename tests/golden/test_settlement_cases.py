"""Worked cases of the settlement semantics (4.1, 4.4, 4.10), as a finance person would check them by hand."""

from datetime import date, datetime

import polars as pl
import pytest

from models.documents.settlement import SettlementDocument
from models.money import largest_remainder
from models.settlement.checking import check
from models.settlement.evaluate import (
    Place,
    Refund,
    RuleAmbiguityError,
    RuleGapError,
    Sale,
    choose_rule,
    settle_line,
    settle_unlinked,
)
from models.settlement.rules import Part, Rule, rules_of

SHOP = Place("S1", "上海", "加盟", "零食")


@pytest.mark.parametrize(
    ("case", "amount", "weights", "expected"),
    [
        ("S1", 15, [80, 8, 12], [12, 1, 2]),
        ("S2", 10000, [1, 1, 1], [3334, 3333, 3333]),
        ("S3", 19999, [125_000, 33_300, 15_000, 826_700], [2500, 666, 300, 16533]),
        ("S4", 1, [30, 30, 40], [0, 0, 1]),
        ("S5", -15, [80, 8, 12], [-12, -1, -2]),
    ],
)
def test_percentages_split_by_largest_remainder(
    case: str, amount: int, weights: list[int], expected: list[int]
) -> None:
    assert largest_remainder(amount, weights) == expected, case
    rule = _rule(*weights)
    entries = settle_line(Sale("L", "O", SHOP, amount, "CNY", date(2026, 1, 1)), [], [rule])
    assert [entry.amount for entry in entries] == expected, case


def test_r1_refunds_go_over_what_remains_and_end_at_zero() -> None:
    refunds = [
        Refund(f"R{number}", "O", SHOP, amount, "CNY", date(2026, 1, number), datetime(2026, 1, number))
        for number, amount in ((3, 2000), (1, 5000), (2, 3000))  # arrival order must not matter
    ]
    entries = settle_line(Sale("L", "O", SHOP, 10000, "CNY", date(2026, 1, 1)), refunds, [_rule(1, 1, 1)])
    amounts = {line: [e.amount for e in entries if e.line_id == line] for line in ("L", "R1", "R2", "R3")}
    assert amounts == {
        "L": [3334, 3333, 3333],
        "R1": [-1667, -1667, -1666],
        "R2": [-1000, -1000, -1000],
        "R3": [-667, -666, -667],
    }
    assert {e.link_state for e in entries if e.posting == "REFUND"} == {"LINKED"}


def test_r3_a_refund_reverses_by_the_rule_of_the_sale() -> None:
    rules = rules_of(
        SettlementDocument.parse(
            """
            name: r3
            rules:
              - id: v1
                valid_to: 2026-07-01
                components: [{role: hq, share: 10%}, {role: store, residual: true}]
              - id: v2
                valid_from: 2026-07-01
                components: [{role: hq, share: 12%}, {role: store, residual: true}]
            """,
            name="r3",
        )
    )
    refund = Refund("R", "O", SHOP, 40000, "CNY", date(2026, 7, 10), datetime(2026, 7, 10, 4))
    entries = settle_line(Sale("L", "O", SHOP, 100000, "CNY", date(2026, 6, 30)), [refund], rules)
    reversal = [(e.party_role, e.amount, e.rule_id, e.period) for e in entries if e.posting == "REFUND"]
    assert reversal == [("hq", -4000, "v1", "2026-07"), ("store", -36000, "v1", "2026-07")]
    # without its line the same refund follows the rule of its own day
    assert [(e.amount, e.rule_id) for e in settle_unlinked(refund, rules)] == [(-4800, "v2"), (-35200, "v2")]


def test_a_refund_above_what_remains_is_posted_in_two_parts() -> None:
    refunds = [
        Refund("R1", "O", SHOP, 60, "CNY", date(2026, 1, 2), datetime(2026, 1, 2)),
        Refund("R2", "O", SHOP, 50, "CNY", date(2026, 1, 3), datetime(2026, 1, 3)),
        Refund("R3", "O", SHOP, 5, "HKD", date(2026, 1, 4), datetime(2026, 1, 4)),
    ]
    sale = Sale("L", "O", SHOP, 100, "CNY", date(2026, 1, 1), salesperson_id="P1")
    entries = settle_line(sale, refunds, [_rule(80, 8, 12)])
    parts = {
        (e.line_id, e.link_state): sum(
            o.amount for o in entries if (o.line_id, o.link_state) == (e.line_id, e.link_state)
        )
        for e in entries
    }
    assert parts == {
        ("L", None): 100,
        ("R1", "LINKED"): -60,
        ("R2", "LINKED"): -40,
        ("R2", "EXCESS"): -10,
        ("R3", "EXCESS"): -5,
    }
    assert len({e.entry_id for e in entries}) == len(entries)


def test_without_a_salesperson_the_residual_owner_has_the_share() -> None:
    document = SettlementDocument.parse(
        "{name: n, default: {id: d, components: [{role: hq, share: 10%}, {role: guide, party: sales, share: 1.5%},"
        " {role: store, residual: true}]}}",
        name="n",
    )
    sold = {
        person: [
            (e.party_role, e.party_id, e.rate_ppm, e.amount)
            for e in settle_line(Sale("L", "O", SHOP, 1000, "CNY", date(2026, 1, 1), person), [], rules_of(document))
        ]
        for person in ("P1", None)
    }
    assert sold["P1"] == [("hq", "hq", 100_000, 100), ("guide", "P1", 15_000, 15), ("store", "S1", 885_000, 885)]
    assert sold[None] == [("hq", "hq", 100_000, 100), ("store", "S1", 900_000, 900)]


# ---- 4.10: which rule wins


def _text(name: str, when: str, share: str, days: str = "") -> str:
    components = f"[{{role: hq, share: {share}}}, {{role: store, residual: true}}]"
    return f"{{id: {name}, when: {{{when}}}, {days}components: {components}}}"


R1 = _text("R1", "region: 上海, store_type: 加盟", "8%", "valid_to: 2026-07-01, ")
R2 = _text("R2", "region: 上海, store_type: 加盟", "10%", "valid_from: 2026-07-01, ")
R3 = _text("R3", "region: 上海, store_type: 加盟, business_type: 奶茶", "9%")
R4 = _text("R4", "region: 上海, business_type: 奶茶", "7%")
STORES = pl.DataFrame(
    [("上海", "加盟", "奶茶", "offline"), ("上海", "加盟", "零食", "offline")],
    schema=["region", "store_type", "business_type", "channel"],
    orient="row",
)
FROM, TO = date(2026, 1, 1), date(2027, 1, 1)


def test_the_most_specific_rule_of_the_day_wins() -> None:
    document = _book(R1, R2, R3)
    chosen = {
        (trade, day): choose_rule(rules_of(document), Place("S", "上海", "加盟", trade), day).rule_id
        for trade in ("奶茶", "零食")
        for day in (date(2026, 6, 30), date(2026, 7, 1))
    }
    assert chosen == {
        ("奶茶", date(2026, 6, 30)): "R3",
        ("奶茶", date(2026, 7, 1)): "R3",
        ("零食", date(2026, 6, 30)): "R1",
        ("零食", date(2026, 7, 1)): "R2",
    }
    assert check(document, STORES, FROM, TO) == []


def test_a_rival_covered_by_a_more_specific_rule_is_no_problem() -> None:
    assert check(_book(R1, R2, R3, R4), STORES, FROM, TO) == []


def test_equally_specific_rules_on_an_existing_store_are_ambiguous() -> None:
    problems = check(_book(R1, R2, R4), STORES, FROM, TO)
    assert [(p.kind, p.rule_ids, p.date_from, p.date_to) for p in problems] == [
        ("AMBIGUOUS", ("R1", "R4"), FROM, date(2026, 7, 1)),
        ("AMBIGUOUS", ("R2", "R4"), date(2026, 7, 1), TO),
    ]
    assert {p.combination for p in problems} == {("上海", "加盟", "奶茶", "offline")}
    assert '"R1", "R4"' in problems[0].message
    assert "business_type 奶茶" in problems[0].message
    with pytest.raises(RuleAmbiguityError, match="R1, R4"):
        choose_rule(rules_of(_book(R1, R2, R4)), Place("S", "上海", "加盟", "奶茶"), date(2026, 6, 30))
    # the same rules do not compete where no such store exists
    assert check(_book(R1, R2, R4), STORES.filter(pl.col("business_type") == "零食"), FROM, TO) == []


def test_days_without_a_rule_are_a_gap_unless_there_is_a_default() -> None:
    problems = check(_book(R1, R3), STORES, FROM, TO)
    assert [(p.kind, p.combination, p.date_from, p.date_to) for p in problems] == [
        ("GAP", ("上海", "加盟", "零食", "offline"), date(2026, 7, 1), TO)
    ]
    with pytest.raises(RuleGapError, match="2026-07-01"):
        choose_rule(rules_of(_book(R1, R3)), SHOP, date(2026, 7, 1))
    assert check(_book(R1, R3, default="{id: d, components: [{role: hq, residual: true}]}"), STORES, FROM, TO) == []


def test_the_same_key_on_the_same_days_is_an_overlap() -> None:
    longer = R1.replace("2026-07-01", "2026-07-15")
    problems = check(_book(longer, R2), STORES, FROM, TO)
    assert [(p.kind, p.rule_ids, p.date_from, p.date_to) for p in problems] == [
        ("OVERLAP", ("R1", "R2"), date(2026, 7, 1), date(2026, 7, 15))
    ]
    assert "end one before the other" in problems[0].message


def _book(*rules: str, default: str | None = None) -> SettlementDocument:
    text = "name: book\nrules: [" + ", ".join(rules) + "]\n" + (f"default: {default}\n" if default else "")
    return SettlementDocument.parse(text, name="book")


def _rule(*weights: int) -> Rule:
    parts = tuple(Part(seq, f"p{seq}", "store", weight, False) for seq, weight in enumerate(weights, start=1))
    return Rule("r", "v", "*", "*", "*", "*", 0, parts)
