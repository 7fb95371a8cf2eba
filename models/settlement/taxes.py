"""The tax of a fact: which rate of the table holds for it, and how much of an amount it is.

Inclusive: tax = hu(gross x t / (1 + t)). Exclusive: tax = hu(net x t). Both in whole rounding units. Twin of the dbt
model ``settlement_posting_terms``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import get_args

import polars as pl

from models.documents.tax import ANY, TaxDocument, Taxpayer, TaxRate
from models.money import PPM
from models.settlement.accumulating import half_up
from models.settlement.facts import Sale

TAX_RATES_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("tax_id", "tax", "country", "taxpayer", "category"), pl.String()),
    **dict.fromkeys(("tax_ppm", "rounding_unit"), pl.Int64()),
    "is_inclusive": pl.Boolean(),
    **dict.fromkeys(("valid_from", "valid_to"), pl.Date()),
}
TAXPAYERS_SCHEMA: dict[str, pl.DataType] = {"store_id": pl.String(), "taxpayer": pl.String()}


@dataclass(frozen=True)
class Tax:
    """The rate that holds for a fact, in parts in a million; ``unit`` in minor units."""

    tax_id: str
    ppm: int
    is_inclusive: bool = True
    unit: int = 1

    def of(self, amount: int) -> int:
        """The tax of an amount as it was paid (inclusive), or on top of it."""
        base = PPM + self.ppm if self.is_inclusive else PPM
        return self.unit * half_up(amount * self.ppm, base * self.unit)


def base_of(amount: int, tax: Tax, basis: str | None) -> int:
    """What a rule reckons with: the amount as it is (None), with its tax (incl), or without (excl)."""
    if basis == "excl" and tax.is_inclusive:
        return amount - tax.of(amount)
    if basis == "incl" and not tax.is_inclusive:
        return amount + tax.of(amount)
    return amount


@dataclass(frozen=True)
class TaxTable:
    """The rates of a document, as they are looked up."""

    document: TaxDocument

    def of(self, sale: Sale) -> Tax | None:
        """None: no rate holds."""
        taxpayer = "small_scale" if sale.place.store_id in self.document.small_scale else "general"
        best = self.rate(sale.place.country, taxpayer, sale.tax_category or ANY, sale.economic_date)
        return Tax(best.id, best.tax_ppm, best.inclusive, best.rounding_unit) if best else None

    def rate(self, country: str, taxpayer: str, category: str, day: date) -> TaxRate | None:
        """The one that names the category goes first, then the one that names the taxpayer."""
        found = [
            rate
            for rate in self.document.rates
            if rate.jurisdiction == (country or self.document.home)
            and rate.taxpayer in (None, taxpayer)
            and rate.category in (None, category)
            and _holds_on(rate, day)
        ]
        return max(found, key=lambda rate: (rate.category is not None, rate.taxpayer is not None), default=None)


def _holds_on(rate: TaxRate, day: date) -> bool:
    return rate.valid_from <= day and (rate.valid_to is None or day < rate.valid_to)


def tax_tables(document: TaxDocument) -> dict[str, pl.DataFrame]:
    """The dbt sources of a tax table.

    ``settlement_tax_rates`` (TAX_RATES_SCHEMA): the rate of every country, taxpayer, category and span of days; country
    empty: a store that states none; category ``*``: any that is not listed. ``settlement_taxpayers``
    (TAXPAYERS_SCHEMA): one row per store that is not a general taxpayer.
    """
    stores = [(store, "small_scale") for store in sorted(set(document.small_scale))]
    return {
        "settlement_tax_rates": pl.DataFrame(list(_spans(document)), schema=TAX_RATES_SCHEMA, orient="row"),
        "settlement_taxpayers": pl.DataFrame(stores, schema=TAXPAYERS_SCHEMA, orient="row"),
    }


def _spans(document: TaxDocument) -> Iterable[tuple[object, ...]]:
    table = TaxTable(document)
    countries = sorted({"", *(rate.jurisdiction for rate in document.rates)})
    categories = sorted({ANY, *(rate.category for rate in document.rates if rate.category)})
    ends = sorted({day for rate in document.rates for day in (rate.valid_from, rate.valid_to) if day})
    for country, taxpayer, category in product(countries, get_args(Taxpayer), categories):
        for start, end in zip(ends, [*ends[1:], None], strict=False):  # without rates there is no span
            rate = table.rate(country, taxpayer, category, start)
            if rate is not None:
                key = (rate.id, rate.tax, country, taxpayer, category)
                yield (*key, rate.tax_ppm, rate.rounding_unit, rate.inclusive, start, end)


#: A company without a tax table: rules that need a rate settle nothing.
NO_TAXES = TaxTable(TaxDocument(name=ANY))
