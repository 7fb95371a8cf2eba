"""The rulebook: what is refused, in words that name rule, field and remedy, and what a version is."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from models.documents.loading import DocumentError
from models.documents.settlement import SettlementDocument, share_ppm
from models.settings import PROJECT_ROOT
from models.settlement.checking import check
from models.settlement.rule_tables import SETTLEMENT_RULES_SCHEMA, compile_rules
from pipelines.sandbox.places import stores

SHIPPED = PROJECT_ROOT / "data" / "rulebooks" / "settlement.yaml"


def book(components: str, more: str = "") -> SettlementDocument:
    return SettlementDocument.parse(f"{{name: n, rules: [{{id: r7, components: {components}{more}}}]}}", name="f.yaml")


@pytest.mark.parametrize(
    ("text", "ppm"), [("12.5%", 125_000), ("3.33 %", 33_300), ("0.0001%", 1), ("0%", 0), ("100%", 1_000_000)]
)
def test_shares_are_exact(text: str, ppm: int) -> None:
    assert share_ppm(text) == ppm


@pytest.mark.parametrize(
    ("components", "words"),
    [
        ("[{role: hq, share: 0.00001%}, {role: store, residual: true}]", ["share", "0.00001%", "four decimals"]),
        ("[{role: hq, share: 12.5}, {role: store, residual: true}]", ["share", '"12.5"', "12.5%"]),
        ("[{role: hq, share: -5%}, {role: store, residual: true}]", ["share", "-5%", "not a percentage"]),
        ("[{role: hq, share: 101%}, {role: store, residual: true}]", ["share", "above 100%"]),
        ("[{role: hq, share: 60%}, {role: region, share: 40.0001%}, {role: store, residual: true}]", ["100.0001%"]),
        ("[{role: hq, share: 60%}, {role: store, share: 40%}]", ["residual", "none is", "exactly one"]),
        ("[{role: hq, residual: true}, {role: store, residual: true}]", ["2 are (hq, store)", "exactly one"]),
        ("[{role: hq, share: 1%, residual: true}]", ["share", "remove its share"]),
        ("[{role: hq}, {role: store, residual: true}]", ['"hq"', "share is missing"]),
        ("[{role: fee, share: 1%}, {role: store, residual: true}]", ['"fee"', "party is missing"]),
        ("[{role: hq, share: 1%}, {role: hq, residual: true}]", ["role hq", "twice"]),
        ("[{role: sales, residual: true}]", ["sales", "no salesperson"]),
        ("[]", ["components", "1 to 8"]),
    ],
)
def test_what_does_not_hold_is_refused_by_name(components: str, words: list[str]) -> None:
    with pytest.raises(DocumentError) as refusal:
        book(components)
    for word in ["f.yaml", 'rule "r7"', *words]:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (", valid_from: 2026-07-01, valid_to: 2026-07-01", ["valid_to", "not after valid_from"]),
        (", when: {channel: shop}", ["when.channel", "online, offline"]),
        (", when: {region: '*'}", ["when.region", "leave the field out"]),
    ],
)
def test_place_and_days_are_checked(more: str, words: list[str]) -> None:
    with pytest.raises(DocumentError) as refusal:
        book("[{role: hq, residual: true}]", more)
    for word in ['rule "r7"', *words]:
        assert word in str(refusal.value)


def test_two_rules_of_one_name_and_unknown_fields_are_refused() -> None:
    with pytest.raises(DocumentError, match="d names more than one rule"):
        SettlementDocument.parse(
            "{name: n, rules: [{id: d, components: [{role: hq, residual: true}]}],"
            " default: {id: d, components: [{role: hq, residual: true}]}}",
            name="f.yaml",
        )
    with pytest.raises(DocumentError, match="cap"):
        book("[{role: hq, share: 1%, cap: 10}, {role: store, residual: true}]")


def test_the_version_follows_the_meaning_not_the_spelling() -> None:
    one = "{id: a, components: [{role: hq, share: 12.50%}, {role: store, residual: true}]}"
    same = "{id: a, components: [{role: hq, share: '12.5 %'}, {role: store, residual: true}]}"
    other = "{id: a, components: [{role: hq, share: 12.51%}, {role: store, residual: true}]}"
    second = "{id: b, when: {region: x}, components: [{role: hq, residual: true}]}"
    version = _version(one, second)
    assert _version(second, same) == version
    assert _version(other, second) != version


def test_compiled_rules_are_whole_and_typed() -> None:
    document = SettlementDocument.parse(
        """
        name: n
        rules:
          - id: south
            when: {region: 华南, store_type: franchise}
            valid_from: 2026-01-01
            components: [{role: hq, share: 12.5%}, {role: sales, share: 1.5%}, {role: store, residual: true}]
        default: {id: default, components: [{role: platform, party: hq, residual: true}]}
        """,
        name="n",
    )
    rules = compile_rules(document)["settlement_rules"]
    assert dict(rules.schema) == SETTLEMENT_RULES_SCHEMA
    keys = ["rule_id", "region", "channel", "specificity", "component_seq", "party_role", "party_kind", "weight"]
    assert rules.select(*keys, "is_residual", "valid_from", "valid_to").rows() == [
        ("default", "*", "*", -1, 1, "platform", "hq", 1_000_000, True, None, None),
        ("south", "华南", "*", 10, 1, "hq", "hq", 125_000, False, date(2026, 1, 1), None),
        ("south", "华南", "*", 10, 2, "sales", "sales", 15_000, False, date(2026, 1, 1), None),
        ("south", "华南", "*", 10, 3, "store", "store", 860_000, True, date(2026, 1, 1), None),
    ]
    assert rules["rule_version"].unique().to_list() == [document.version]


def test_the_shipped_rulebook_covers_every_store_of_the_demo_company_without_its_default() -> None:
    document = SettlementDocument.load(Path(SHIPPED))
    assert document.default is not None
    channel = pl.when(pl.col("store_type") == "online").then(pl.lit("online")).otherwise(pl.lit("offline"))
    places = stores().select("region", "store_type", "business_type", channel.alias("channel"))
    strict = document.model_copy(update={"default": None})
    assert check(strict, places, date(2020, 1, 1), date(2030, 1, 1)) == []
    region_rule = next(rule for rule in document.rules if rule.valid_from is not None)
    assert region_rule.when.region in places["region"].to_list()
    assert check(document.model_copy(update={"rules": (), "default": None}), places, date(2020, 1, 1), date(2030, 1, 1))


def _version(*rules: str) -> str:
    return SettlementDocument.parse(f"{{name: n, rules: [{', '.join(rules)}]}}", name="n").version


@pytest.mark.parametrize(
    ("funders", "words"),
    [
        ("{party: hq, share: 60%}", "sum to 60%; make them 100%"),
        ("{party: hq, share: 60%}, {party: hq, share: 40%}", "a party is there twice"),
        ("{party: sales, share: 100%}", "funders.0.party"),
    ],
)
def test_points_are_paid_for_by_funders_that_every_sale_has(funders: str, words: str) -> None:
    rule = f"{{id: p, component: points_funding, funders: [{funders}]}}"
    with pytest.raises(DocumentError, match=words):
        SettlementDocument.parse(f"{{name: n, rules: [{rule}]}}", name="n")


def test_a_further_funder_is_no_component_that_stores_must_be_covered_for() -> None:
    two = "{id: two, component: points_funding, funders: [{party: hq, share: 60%}, {party: store, share: 40%}]}"
    one = "{id: one, component: points_funding, when: {region: 华南}, funders: [{party: hq, share: 100%}]}"
    default = "default: {id: d, components: [{role: hq, residual: true}]}"
    document = SettlementDocument.parse(f"{{name: n, rules: [{two}, {one}], {default}}}", name="n")
    stores = pl.DataFrame({"region": ["华南", "华东"]})
    assert check(document, stores, date(2026, 1, 1), date(2027, 1, 1)) == []
    rules = compile_rules(document)["settlement_transfer_rules"]
    keys = ["rule_id", "component", "payer_kind", "points_from", "points_to"]
    assert rules.select(keys).rows() == [
        ("one", "points_funding", "hq", 0, 1_000_000),
        ("two", "points_funding", "hq", 0, 600_000),
        ("two", "points_funding_2", "store", 600_000, 1_000_000),
    ]
