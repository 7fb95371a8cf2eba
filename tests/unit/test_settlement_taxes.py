"""The tax table: what it refuses, which rate holds; rates of tax and of exchange that a rulebook needs and has not."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from models.documents.loading import DocumentError
from models.documents.settlement import SettlementDocument
from models.documents.tax import TaxDocument
from models.settings import PROJECT_ROOT
from models.settlement.coverage import fx_gaps, tax_gaps
from models.settlement.fx import FxRate, choose_rate, converted, rate_on
from models.settlement.taxes import TAX_RATES_SCHEMA, Tax, TaxTable, tax_tables

SHIPPED = TaxDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "tax.yaml")


def table(*rates: str, more: str = "") -> TaxDocument:
    return TaxDocument.parse(f"{{name: t, {more}rates: [{', '.join(rates)}]}}", name="tax.yaml")


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        (["{id: a, jurisdiction: CN, rate: 13%}", "{id: a, jurisdiction: HK, rate: 0%}"], "a is there twice"),
        (["{id: a, jurisdiction: CN, rate: 13%}", "{id: b, jurisdiction: CN, rate: 9%}"], "end one before the other"),
        (["{id: a, jurisdiction: CN, rate: 13%, valid_from: 2026-01-01, valid_to: 2026-01-01}"], "is not after"),
        (["{id: a, jurisdiction: China, rate: 13%}"], "jurisdiction"),
        (["{id: a, jurisdiction: CN, rate: 0.13}"], "not a percentage"),
    ],
)
def test_what_cannot_hold_is_refused_with_its_name(rates: list[str], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        table(*rates)


@pytest.mark.parametrize("amount", [0, 1, 50, 99, 10_000, 11_299, 11_300, 10**12 + 7])
def test_a_tax_is_the_mirror_of_a_refunds_and_within_half_a_unit(amount: int) -> None:
    for tax in (Tax("a", 130_000), Tax("b", 10_000), Tax("c", 50_000, unit=100), Tax("d", 60_000, is_inclusive=False)):
        found, whole = tax.of(amount), 1_000_000 + (tax.ppm if tax.is_inclusive else 0)
        assert tax.of(-amount) == -found
        assert found % tax.unit == 0
        assert 2 * abs(found * whole - amount * tax.ppm) <= tax.unit * whole


def test_a_company_without_rates_has_empty_tables() -> None:
    assert {name: frame.height for name, frame in tax_tables(table()).items()} == {
        "settlement_tax_rates": 0,
        "settlement_taxpayers": 0,
    }


def test_the_table_as_spans_of_days_says_the_same_as_the_lookup() -> None:
    document = table(
        "{id: any, jurisdiction: CN, rate: 13%, valid_from: 2026-03-01}",
        "{id: small, jurisdiction: CN, taxpayer: small_scale, rate: 1%, valid_to: 2026-06-01}",
        "{id: tea, jurisdiction: CN, category: tea, rate: 9%, valid_from: 2026-05-01, valid_to: 2026-07-01}",
        "{id: hk, jurisdiction: HK, rate: 0%}",
        more="small_scale: [S9, S2], ",
    )
    tables = tax_tables(document)
    spans = tables["settlement_tax_rates"]
    assert dict(spans.schema) == TAX_RATES_SCHEMA
    assert tables["settlement_taxpayers"].rows() == [("S2", "small_scale"), ("S9", "small_scale")]
    for country in ("", "CN", "HK", "MO"):
        for taxpayer in ("general", "small_scale"):
            for category in ("*", "tea"):
                of_it = spans.filter(country=country, taxpayer=taxpayer, category=category)
                for day in (date(2026, month, 1) for month in range(1, 9)):
                    ends = pl.col("valid_to").is_null() | (pl.col("valid_to") > day)
                    found = of_it.filter(pl.col("valid_from") <= day, ends)["tax_id"].to_list()
                    rate = TaxTable(document).rate(country, taxpayer, category, day)
                    assert found == ([rate.id] if rate else []), (country, taxpayer, category, day)


@pytest.mark.parametrize(
    ("country", "taxpayer", "category", "day", "tax_id"),
    [
        ("CN", "general", "*", date(2026, 1, 1), "cn-13"),
        ("CN", "general", "services", date(2026, 1, 1), "cn-6-services"),
        ("CN", "small_scale", "services", date(2027, 12, 31), "cn-small-1"),
        ("CN", "small_scale", "*", date(2028, 1, 1), "cn-small-3"),
        ("HK", "general", "tea", date(2026, 1, 1), "hk-0"),
        ("MO", "general", "tourism", date(2026, 1, 1), "mo-tourism"),
        ("TW", "general", "*", date(2026, 1, 1), "tw-5"),
        ("", "general", "*", date(2026, 1, 1), "cn-13"),
    ],
)
def test_the_shipped_table_knows_the_regions(
    country: str, taxpayer: str, category: str, day: date, tax_id: str
) -> None:
    rate = TaxTable(SHIPPED).rate(country, taxpayer, category, day)
    assert rate is not None
    assert rate.id == tax_id


def test_a_rate_that_a_rule_needs_and_nobody_wrote_is_told_with_its_days() -> None:
    rulebook = SettlementDocument.parse(
        """
        name: n
        rules:
          - {id: vat, component: tax, party: "account:vat"}
          - {id: vat-macau, component: tax, when: {country: MO}, party: "account:vat"}
          - {id: hq, component: commission, party: hq, rate: 1%}
        default: {id: d, components: [{role: store, residual: true}]}
        """,
        name="n",
    )
    document = table(
        "{id: old, jurisdiction: CN, rate: 16%, valid_from: 2026-02-01, valid_to: 2026-03-01}",
        "{id: new, jurisdiction: CN, rate: 13%, valid_from: 2026-05-01}",
        "{id: mo, jurisdiction: MO, category: tea, rate: 1%}",
    )
    stores = pl.DataFrame({"store_id": ["S1", "S2", "S3"], "country": ["CN", None, "MO"]})
    told = [one.message for one in tax_gaps(rulebook, document, stores, date(2026, 2, 10), date(2026, 6, 1))]
    assert told == [
        'TAX: rule "vat" needs a tax rate and none holds for country CN, taxpayer general, '
        "from 2026-03-01 to 2026-05-01; add one to tax.yaml",
        'TAX: rule "vat-macau" needs a tax rate and none holds for country MO, taxpayer general, '
        "from 2026-02-10 to 2026-06-01; add one to tax.yaml",
    ]
    assert tax_gaps(rulebook, SHIPPED, stores, date(2026, 2, 10), date(2026, 6, 1)) == []


def test_sales_before_the_first_rate_of_their_pair_are_told_with_their_days() -> None:
    rulebook = SettlementDocument.parse(
        """
        name: n
        settle_in: {currency: CNY}
        rules:
          - {id: macau, when: {country: MO}, settle_in: {currency: CNY, rate_day: month_first},
             components: [{role: store, residual: true}]}
          - {id: own, when: {country: JP}, settle_in: {currency: JPY}, components: [{role: store, residual: true}]}
        default: {id: d, components: [{role: store, residual: true}]}
        """,
        name="n",
    )
    sold = pl.DataFrame({"country": ["HK", "HK", "MO", "JP", "CN"], "currency": ["HKD", "USD", "MOP", "JPY", "CNY"]})
    rates = [FxRate(date(2026, 3, 10), one, "CNY", Decimal("0.9")) for one in ("HKD", "MOP")]
    told = [one.message for one in fx_gaps(rulebook, sold, rates, date(2026, 3, 1), date(2026, 5, 1))]
    assert told == [
        'FX: rule "d" needs a rate of exchange and none was published by then for HKD settled in CNY, '
        "from 2026-03-01 to 2026-03-10; import one as fx_rates",
        'FX: rule "d" needs a rate of exchange and none was published by then for USD settled in CNY, '
        "from 2026-03-01 to 2026-05-01; import one as fx_rates",
        'FX: rule "macau" needs a rate of exchange and none was published by then for MOP settled in CNY, '
        "from 2026-03-01 to 2026-04-01; import one as fx_rates",
    ]


@pytest.mark.parametrize("day", [date(2024, 2, 10), date(2026, 12, 31), date(2026, 1, 1)])
def test_a_rate_is_never_a_later_one(day: date) -> None:
    ends = {"txn_date": day, "month_first": day.replace(day=1)}
    assert {policy: rate_on(policy, day) for policy in ends} == ends
    last = rate_on("period_end", day)
    assert (last.year, last.month) == (day.year, day.month)
    assert last.toordinal() + 1 == date(day.year + day.month // 12, day.month % 12 + 1, 1).toordinal()
    rates = [FxRate(date(day.year, day.month, 1), "HKD", "CNY", Decimal(1), source) for source in ("b", "a")]
    found = choose_rate(rates, "HKD", "CNY", day)
    assert found is not None
    assert found.source == "a"
    assert choose_rate(rates, "HKD", "CNY", date(day.year - 1, 1, 1)) is None
    assert choose_rate(rates, "CNY", "HKD", day) is None


def test_a_rate_between_currencies_of_other_places_is_exact() -> None:
    assert converted(25_000, "HKD", "CNY", 91_850_000) == 22_963
    assert converted(1234, "JPY", "CNY", 4_850_000) == 5985
    assert converted(-5985, "CNY", "JPY", 2_061_855_670) == -1234
    assert converted(1000, "KWD", "CNY", 2_300_000_000) == 2300
