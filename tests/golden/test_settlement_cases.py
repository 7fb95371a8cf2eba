"""Worked cases of the settlement semantics: spec pairs in ``settlement/*.yml``, and which rule wins (4.10).

Add a case by adding a file; ``models/settlement/cases.py`` says how one reads.
"""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from models.documents.loading import DocumentError
from models.documents.settlement import SettlementDocument
from models.settlement.cases import SettlementCase, differences
from models.settlement.checking import check
from models.settlement.evaluate import RuleAmbiguityError, RuleGapError, choose_rule, settle_line
from models.settlement.facts import Place, Refund, Sale
from models.settlement.rules import rules_of

CASES = sorted((Path(__file__).parent / "settlement").glob("*.yml"))
SHOP = Place("S1", "上海", "加盟", "零食")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_worked_case_comes_out_as_written(path: Path) -> None:
    assert [str(one) for one in differences(SettlementCase.load(path))] == []


def test_a_case_that_comes_out_otherwise_is_told() -> None:
    text = (Path(__file__).parent / "settlement" / "c1_cap.yml").read_text("utf-8")
    told = [str(one) for one in differences(SettlementCase.parse(text.replace("290.00", "285.00"), name="c1"))]
    assert told == ["L1: S1 gets 290.00 CNY, not 285.00"]
    with pytest.raises(DocumentError, match="no line of this case"):
        SettlementCase.parse(text + "refunds: [{refund: R, of: X, amount: 1, day: 2026-01-02}]", name="c1")


THREE = "{id: d, components: [{role: hq, share: 80%}, {role: agent, share: 8%}, {role: store, residual: true}]}"


def test_a_refund_above_what_remains_is_posted_in_two_parts() -> None:
    refunds = [
        Refund("R1", "O", SHOP, 60, "CNY", date(2026, 1, 2), datetime(2026, 1, 2)),
        Refund("R2", "O", SHOP, 50, "CNY", date(2026, 1, 3), datetime(2026, 1, 3)),
        Refund("R3", "O", SHOP, 5, "HKD", date(2026, 1, 4), datetime(2026, 1, 4)),
    ]
    sale = Sale("L", "O", SHOP, 100, "CNY", date(2026, 1, 1), salesperson_id="P1")
    entries = settle_line(sale, refunds, rules_of(_book(default=THREE)))
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


def test_a_finer_place_wins_and_components_have_rules_of_their_own() -> None:
    document = _book(
        _text("country", "country: CN", "8%"),
        _text("region", "region: 上海", "9%"),
        _text("city", "city: 浦东", "10%"),
        _text("type", "store_type: 加盟, country: CN", "11%"),
        "{id: guide, component: commission, when: {region: 上海}, party: sales, rate: 1%}",
    )
    stores = pl.DataFrame(
        {"country": ["CN"] * 2, "region": ["上海"] * 2, "city": ["浦东", ""], "store_type": ["直营"] * 2}
    )
    assert check(document, stores, FROM, TO) == []
    east = Place("S", "上海", "直营", "零食", country="CN", city="浦东")
    west = Place("S", "上海", "直营", "零食", country="CN")
    other = Place("S", "江苏", "加盟", "零食", country="CN")
    chosen = [choose_rule(rules_of(document), _sold(place, FROM)).rule_id for place in (east, west, other)]
    assert chosen == ["city", "region", "type"]
    elsewhere = pl.DataFrame({"country": ["CN"], "region": ["江苏"]})
    assert [problem.message for problem in check(document, elsewhere, FROM, TO)] == [
        "GAP: no rule for component commission, region 江苏, country CN, "
        "from 2026-01-01 to 2027-01-01; add a rule for it, or list commission under none"
    ]


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
        (trade, day): choose_rule(rules_of(document), _sold(Place("S", "上海", "加盟", trade), day)).rule_id
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
    assert {p.combination for p in problems} == {("", "上海", "", "加盟", "奶茶", "offline", "")}
    assert '"R1", "R4"' in problems[0].message
    assert "business_type 奶茶" in problems[0].message
    with pytest.raises(RuleAmbiguityError, match="R1, R4"):
        choose_rule(rules_of(_book(R1, R2, R4)), _sold(Place("S", "上海", "加盟", "奶茶"), date(2026, 6, 30)))
    # the same rules do not compete where no such store exists
    assert check(_book(R1, R2, R4), STORES.filter(pl.col("business_type") == "零食"), FROM, TO) == []


def test_an_agent_without_a_rule_and_an_agent_with_two_are_told_by_name() -> None:
    looked_after = _text("A1", "agent: A1", "3%")
    stores = pl.DataFrame({"region": ["上海", "上海", "江苏"], "store_type": ["加盟"] * 3, "agent": ["A1", "A2", None]})
    lonely = _book(looked_after, _text("type", "region: 江苏", "5%"))
    assert [problem.message for problem in check(lonely, stores, FROM, TO)] == [
        "GAP: no rule for region 上海, store_type 加盟, agent A2, from 2026-01-01 to 2027-01-01; "
        "add a rule for it, or a default"
    ]
    rivals = check(_book(looked_after, _text("type", "store_type: 加盟", "5%")), stores, FROM, TO)
    assert [(problem.kind, problem.rule_ids, problem.combination[-1]) for problem in rivals] == [
        ("AMBIGUOUS", ("A1", "type"), "A1")
    ]


def test_days_without_a_rule_are_a_gap_unless_there_is_a_default() -> None:
    problems = check(_book(R1, R3), STORES, FROM, TO)
    assert [(p.kind, p.combination, p.date_from, p.date_to) for p in problems] == [
        ("GAP", ("", "上海", "", "加盟", "零食", "offline", ""), date(2026, 7, 1), TO)
    ]
    with pytest.raises(RuleGapError, match="2026-07-01"):
        choose_rule(rules_of(_book(R1, R3)), _sold(SHOP, date(2026, 7, 1)))
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


def _sold(place: Place, day: date) -> Sale:
    return Sale("L", "O", place, 100, "CNY", day)
