"""Whether what a rulebook asks for beside itself is there: rates of tax and of exchange on the days of its rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

import polars as pl

from models.documents.settlement import RULE_KEYS, SettlementDocument
from models.documents.tax import ANY, TaxDocument
from models.settlement.fx import FxRate, rate_on
from models.settlement.rules import Rule, rules_of
from models.settlement.taxes import TaxTable


@dataclass(frozen=True)
class Uncovered:
    """What would be held back as unsettled, on the days from ``date_from`` up to, not including, ``date_to``."""

    kind: Literal["TAX", "FX"]
    rule_id: str
    where: str
    date_from: date
    date_to: date

    @property
    def message(self) -> str:
        """In plain words, with the remedy."""
        days = f"from {self.date_from} to {self.date_to}"
        if self.kind == "FX":
            return (
                f'FX: rule "{self.rule_id}" needs a rate of exchange and none was published by then for {self.where}, '
                f"{days}; import one as fx_rates"
            )
        return (
            f'TAX: rule "{self.rule_id}" needs a tax rate and none holds for {self.where}, {days}; add one to tax.yaml'
        )


def tax_gaps(
    document: SettlementDocument, taxes: TaxDocument, stores: pl.DataFrame, date_from: date, date_to: date
) -> list[Uncovered]:
    """Where a rule needs a tax rate and none holds for goods of no category in particular.

    ``stores``: store_id and the RULE_KEYS that it states. One row per rule, country, taxpayer and span of days.
    """
    rules, table = rules_of(document), TaxTable(taxes)
    of_rules = {day for rule in rules for day in (rule.valid_from, rule.valid_to) if day}
    days = of_rules | {day for rate in taxes.rates for day in (rate.valid_from, rate.valid_to) if day}
    slices = list(pairwise([date_from, *sorted(day for day in days if date_from < day < date_to), date_to]))
    found: dict[tuple[str, str], list[tuple[date, date]]] = {}
    for row in stores.unique().sort("store_id").iter_rows(named=True):
        combination = tuple(row.get(key) or "" for key in RULE_KEYS)
        taxpayer = "small_scale" if row["store_id"] in taxes.small_scale else "general"
        where = f"country {row.get('country') or taxes.home}, taxpayer {taxpayer}"
        for start, end in slices:
            if table.rate(row.get("country") or "", taxpayer, ANY, start):
                continue
            for rule in _winners(rules, combination, start):
                if rule.transfer and rule.transfer.needs_tax:
                    spans = found.setdefault((rule.rule_id, where), [])
                    if (start, end) not in spans:
                        spans.append((start, end))
    return [
        Uncovered("TAX", rule_id, where, start, end)
        for (rule_id, where), spans in sorted(found.items())
        for start, end in _joined(sorted(spans))
    ]


def _winners(rules: Sequence[Rule], combination: Sequence[str], day: date) -> Iterator[Rule]:
    """The most specific rule of each component."""
    best: dict[str, Rule] = {}
    for rule in rules:
        if rule.holds_on(day) and rule.covers(combination):
            rival = best.get(rule.component)
            if rival is None or rule.specificity > rival.specificity:
                best[rule.component] = rule
    yield from best.values()


def _joined(spans: Sequence[tuple[date, date]]) -> list[tuple[date, date]]:
    joined: list[tuple[date, date]] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def fx_gaps(
    document: SettlementDocument,
    sold: pl.DataFrame,
    rates: Sequence[FxRate],
    date_from: date,
    date_to: date,
) -> list[Uncovered]:
    """Where sales are to be settled in another currency before any rate of the pair was published.

    ``sold``: the RULE_KEYS that stores state, and a ``currency`` of theirs. One row per rule and currency: from the
    first day without a rate to the first with one, or to ``date_to``.
    """
    rules = [rule for rule in rules_of(document) if rule.component == "split"]
    first: dict[tuple[str, str], date] = {}
    for rate in rates:
        pair = (rate.base, rate.quote)
        first[pair] = min(rate.day, first.get(pair, rate.day))
    cuts = {day for rule in rules for day in (rule.valid_from, rule.valid_to) if day and date_from < day < date_to}
    found: dict[tuple[str, str], list[tuple[date, date]]] = {}
    for row in (
        sold.select(*(key for key in RULE_KEYS if key in sold.columns), "currency").unique().iter_rows(named=True)
    ):
        combination = tuple(row.get(key) or "" for key in RULE_KEYS)
        for start, end in pairwise([date_from, *sorted(cuts), date_to]):
            for rule in _winners(rules, combination, start):
                if rule.settle_in is None or rule.settle_in == row["currency"]:
                    continue
                day, published = start, first.get((row["currency"], rule.settle_in), date.max)
                while day < end and rate_on(rule.rate_day, day) < published:
                    day += timedelta(days=1)
                if day > start:
                    where = f"{row['currency']} settled in {rule.settle_in}"
                    found.setdefault((rule.rule_id, where), []).append((start, day))
    return [
        Uncovered("FX", rule_id, where, start, end)
        for (rule_id, where), spans in sorted(found.items())
        for start, end in _joined(sorted(set(spans)))
    ]
