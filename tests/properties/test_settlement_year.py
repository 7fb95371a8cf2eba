"""A company's year, day by day: sales, refunds, late and repeated deliveries, corrections, new rules, closes.

After every simulated day the ledger's own tests hold (postings balanced, closed days and statements as frozen, the sum
of all postings what it should be, statements tied: I4, I7, I8, I9, I17), and those below: lines conserved (I1), quota
(I2), refunds within what was given (I5), the order of rows without effect (I6). A failing seed prints itself; run it
again alone. SCRM_TEST_SETTLEMENT_DAYS says how long the year is; above 20 days one more company closes each day.
"""

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta

import pytest

from models.documents.settlement import SettlementDocument
from models.settlement.evaluate import settle
from models.settlement.facts import Entry, Refund, Sale, TransferEntry
from models.settlement.periods import PeriodKind, period_of
from models.settlement.rules import Rule, rules_of
from tests.ledger_tables import Books
from tests.settlement_worlds import FIRST, book, world

DAYS = int(os.environ.get("SCRM_TEST_SETTLEMENT_DAYS", "20"))
LINES_A_DAY = 2
DELAYS = (0, 0, 0, 0, 1, 3, 12, 45)


@dataclass(frozen=True)
class Delivery:
    """What arrives on a day: a sale, or a refund with the line it names. The newest of a number holds."""

    day: date
    fact: Sale | Refund
    of: str | None = None


def deliveries(rng: random.Random, seed: int) -> list[Delivery]:
    """Every fact once, some late, some again as they were, some corrected."""
    year = world(seed, DAYS * LINES_A_DAY, DAYS)
    found = [Delivery(sale.economic_date, sale) for sale in year.sales]
    found += [Delivery(refund.economic_date, refund, of) for refund, of in year.refunds]
    found = [replace(one, day=one.day + timedelta(days=rng.choice(DELAYS))) for one in found]
    for one in list(found):
        again = rng.random()
        later = one.day + timedelta(days=rng.randrange(1, 40))
        if again < 0.1:
            found.append(replace(one, day=later))
        elif again < 0.2:
            found.append(replace(one, day=later, fact=replace(one.fact, amount=max(one.fact.amount + 7, 1))))
    return sorted(found, key=lambda one: one.day)


class Simulation:
    """The company so far: what it knows, which rules it has, what it closed."""

    def __init__(self, seed: int, kind: PeriodKind) -> None:
        self.rng, self.kind = random.Random(seed), kind
        self.books, self.rules = Books.open(), self.new_rules()
        self.sales: dict[str, Sale] = {}
        self.refunds: dict[str, tuple[Refund, str | None]] = {}
        self.kinds: Counter[str] = Counter()

    def new_rules(self) -> tuple[Rule, ...]:
        return rules_of(SettlementDocument.model_validate(book(self.rng)))

    def receive(self, arrived: Sequence[Delivery]) -> None:
        for one in arrived:
            if isinstance(one.fact, Sale):
                self.sales[one.fact.line_id] = one.fact
            else:
                self.refunds[one.fact.line_id] = (one.fact, one.of)

    def settle(self) -> tuple[list[Entry], list[TransferEntry]]:
        """By all that is known, in another order each time. A refund before its sale names a line that nobody knows."""
        refunds = [(refund, of if of in self.sales else None) for refund, of in self.refunds.values()]
        sales = list(self.sales.values())
        return settle(self.rng.sample(sales, len(sales)), self.rng.sample(refunds, len(refunds)), self.rules)

    def close_what_is_over(self, today: date) -> None:
        """Every period that has ended and is not closed yet, in order, from the one in which the year begins."""
        closes = self.books.closes
        since = closes[-1].closing["open_from"] if closes else period_of(self.kind, FIRST.date()).starts_on
        while (period := period_of(self.kind, since)).ends_on < today:
            self.books.close(period.label)
            since = period.open_from


def conserved(sales: dict[str, Sale], entries: Sequence[Entry]) -> None:
    sums, refunded = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    held: Counter[tuple[str, str, int]] = Counter()
    for entry in entries:
        assert entry.floor_amount <= abs(entry.amount) <= entry.floor_amount + 1, f"I2: {entry}"
        sums[entry.posting, entry.line_id] += entry.amount
        if entry.posting == "SALE":
            held[entry.line_id, entry.party_role, entry.component_seq] += entry.amount
        elif entry.link_state == "LINKED" and entry.original_line_id:
            refunded[entry.original_line_id, entry.party_role] += entry.amount
            held[entry.original_line_id, entry.party_role, entry.component_seq] += entry.amount
    for number, sale in sales.items():
        assert sums["SALE", number] == sale.amount, f"I1: {number}"
    below = {key: left for key, left in held.items() if left < 0 < sales[key[0]].amount}
    assert not below, f"I5: gives back more than it got: {below}"


@pytest.mark.parametrize(("seed", "kind"), [(2, "week"), (3, "month")] + ([(1, "day")] if DAYS > 20 else []))
def test_every_day_of_a_year_keeps_what_must_hold(seed: int, kind: PeriodKind) -> None:
    company = Simulation(seed, kind)
    arrivals = deliveries(company.rng, seed)
    changes = {FIRST.date() + timedelta(days=DAYS * part // 4) for part in (1, 3)}
    for number in range(DAYS + max(DELAYS) + 50):
        today = FIRST.date() + timedelta(days=number)
        arrived = [one for one in arrivals if one.day == today]
        if today in changes:
            company.rules = company.new_rules()  # a version that reaches back: all that was closed is adjusted
        if not arrived and today not in changes:
            continue
        company.receive(arrived)
        entries, transfers = company.settle()
        try:
            conserved(company.sales, entries)
            company.books.run([asdict(one) for one in entries], (), [asdict(one) for one in transfers])
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {kind}, {today}: {error}") from error
        company.close_what_is_over(today)
    company.books.run(*_rows(*company.settle()))
    ledger = company.books.table("settlement_ledger")
    assert {"SALE", "REFUND", "LATE_FACT", "ADJUSTMENT"} <= set(ledger["kind"])
    once = Books.open()
    once.run(*_rows(*company.settle()))
    sums = "select party_id, currency, sum(amount)::bigint from settlement_ledger group by all having sum(amount) <> 0"
    found, expected = (sorted(books.connection.sql(sums).fetchall()) for books in (company.books, once))
    assert found == expected, f"I9: seed {seed}, {kind}"


def _rows(entries: Sequence[Entry], transfers: Sequence[TransferEntry]) -> tuple[list, tuple, list]:
    return [asdict(one) for one in entries], (), [asdict(one) for one in transfers]
