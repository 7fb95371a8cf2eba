"""The ledger whatever arrives when and whatever is closed in between (I6, I8, I9, I17).

Every run inside holds the ledger's own tests: balanced postings, closed days untouched, closed statements as frozen,
and the sum of all rows of an account equal to what it should be had all facts been on time.
"""

import random
from datetime import date, timedelta

import polars as pl
import pytest

from models.settlement.periods import period_of
from models.settlement.statements import statement_files
from tests.ledger_tables import Books, Row, entry

FIRST, LAST = date(2026, 1, 1), date(2026, 2, 28)
PARTIES = ("hq", "S1", "S2", "agent:华东", "P1")


def facts(rng: random.Random, lines: int) -> list[tuple[date, list[Row]]]:
    """(day of arrival, entries that hold from then on): sales, refunds; some late, some corrected, some taken back."""
    found = []
    for number in range(lines):
        day = FIRST + timedelta(days=rng.randrange((LAST - FIRST).days))
        posting = rng.choice(("SALE", "SALE", "REFUND"))
        parties = rng.sample(PARTIES, rng.randrange(1, 4))
        currency = rng.choice(("CNY", "CNY", "JPY"))

        def rows(
            day: date = day, number: int = number, posting: str = posting, parties: list = parties, ccy: str = currency
        ) -> list[Row]:
            sign = -1 if posting == "REFUND" else 1
            amounts = {party: sign * rng.randrange(10**6) for party in parties}
            more = {"posting": posting, "currency": ccy, "base_amount": sum(amounts.values())}
            return [entry(f"L{number}", party, amount, day.isoformat(), **more) for party, amount in amounts.items()]

        arrives = day + timedelta(days=rng.choice((0, 0, 0, 1, 9, 40)))
        found.append((arrives, rows()))
        for _ in range(rng.choice((0, 0, 1, 2))):
            arrives += timedelta(days=rng.randrange(1, 40))
            found.append((arrives, rng.choice((rows(), [row | {"amount": 0} for row in found[-1][1]]))))
    return sorted(found, key=lambda one: one[0])


def known(arrivals: list[tuple[date, list[Row]]], until: date) -> list[Row]:
    """Entries as all deliveries up to a day say; the newest of a line holds. A line without amounts has vanished."""
    newest: dict[str, list[Row]] = {}
    for arrives, rows in arrivals:
        if arrives <= until:
            newest[rows[0]["line_id"]] = rows
    return [row for rows in newest.values() for row in rows if row["amount"]]


@pytest.mark.parametrize("seed", range(4))
def test_the_sum_of_all_postings_does_not_depend_on_arrival_and_closes(seed: int) -> None:
    rng = random.Random(seed)
    arrivals = facts(rng, 40)
    books, day = Books.open(), FIRST
    while day <= LAST:
        period = period_of(rng.choice(("day", "week", "month", "month")), day)
        if period.starts_on != day:
            period = period_of("day", day)
        books.run(known(arrivals, period.ends_on + timedelta(days=rng.randrange(3))))
        books.close(period.label)
        day = period.open_from
    everything = known(arrivals, date.max)
    books.run(everything)
    once = Books.open()
    once.run(everything)
    sums = "select party_id, currency, sum(amount)::bigint from settlement_ledger group by all order by all"
    assert books.connection.sql(sums).fetchall() == once.connection.sql(sums).fetchall()
    assert {"ADJUSTMENT", "LATE_FACT"} <= set(books.table("settlement_ledger")["kind"]), "nothing was late"
    frozen = pl.concat([close.entries for close in books.closes])
    assert books.table("settlement_ledger").filter("is_closed").height == frozen.height


def test_daily_closes_of_a_year_are_the_monthly_ones_to_the_fen() -> None:
    rng = random.Random(365)
    days = [(date(2026, 1, 1) + timedelta(days=number)).isoformat() for number in range(365)]
    rows = [entry(f"L{n}", rng.choice(PARTIES), rng.randrange(1, 10**6), rng.choice(days)) for n in range(2000)]
    daily, monthly = Books.open(), Books.open()
    for books in (daily, monthly):
        books.run(rows)
    for day in days:
        daily.close(day)
    for month in sorted({day[:7] for day in days}):
        monthly.close(month)
    assert (len(daily.closes), len(monthly.closes)) == (365, 12)
    late = [entry("late", "hq", 777, "2026-05-05"), rows[0] | {"amount": 1}]
    for books in (daily, monthly):
        books.run([*rows[1:], *late])
    columns = ["period_kind", "period", "party_id", "currency", "opening", "earned", "adjustments", "closing"]
    found = [books.table("settlement_statements").select(columns).sort(columns) for books in (daily, monthly)]
    assert found[0].equals(found[1])
    by_month = daily.frozen("settlement_closed_statements").group_by(pl.col("period").str.head(7), "party_id")
    of_days = by_month.agg(pl.col("earned").sum()).sort("period", "party_id")
    of_months = monthly.frozen("settlement_closed_statements").select("period", "party_id", "earned")
    assert of_days.equals(of_months.sort("period", "party_id"))


@pytest.mark.parametrize("seed", range(2))
def test_what_is_settled_in_another_currency_balances_in_both_and_takes_another_rate_as_an_adjustment(
    seed: int,
) -> None:
    rng = random.Random(seed)
    arrivals = facts(rng, 60)
    books = Books.open()
    books.settle_in = ("JPY", "CNY", 4_800_000)
    books.run(known(arrivals, date(2026, 1, 31)))
    books.close("2026-01")
    books.settle_in = ("JPY", "CNY", 5_100_000)
    books.run(known(arrivals, date.max))
    ledger = books.table("settlement_ledger")
    assert {"ADJUSTMENT", "LATE_FACT", "SALE"} <= set(ledger.filter(component="fx")["kind"])
    assert set(ledger.filter(currency="JPY")["component"]) == {"fx", "clearing"}, "no party is owed yen"
    assert set(books.table("settlement_statements")["currency"]) == {"CNY"}
    once = Books.open()
    once.settle_in = books.settle_in
    once.run(known(arrivals, date.max))
    sums = "select party_id, currency, sum(amount)::bigint from settlement_ledger group by all having sum(amount) <> 0"
    assert sorted(books.connection.sql(sums).fetchall()) == sorted(once.connection.sql(sums).fetchall())
    assert once.table("settlement_ledger").filter(component="fx").height > 20


def test_what_has_no_rate_is_posted_when_it_has_one() -> None:
    rows = [entry("L1", "hq", 10_000, "2026-01-05", currency="JPY"), entry("L2", "hq", 500, "2026-01-05")]
    books = Books.open()
    books.settle_in = ("JPY", "CNY", None)
    books.run(rows)
    assert set(books.table("settlement_ledger")["line_id"]) == {"L2"}
    books.close("2026-01")
    books.settle_in = ("JPY", "CNY", 5_000_000)
    books.run(rows)
    assert books.posted(line_id="L1", party_id="hq") == [("LATE_FACT", "2026-02-01", 50_000)]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_files_do_not_depend_on_the_order_of_rows_or_threads(threads: int) -> None:
    rng = random.Random(6)
    rows = known(facts(rng, 200), date.max)
    found = []
    for turn in range(2):
        books = Books.open()
        books.connection.execute(f"set threads = {threads}")
        rng.shuffle(rows)
        books.run(rows)
        frozen = books.close("2026-02")
        ledger = books.table("settlement_ledger").sample(fraction=1, shuffle=True, seed=turn)
        ledger = ledger.filter(pl.col("posted_on") >= date(2026, 2, 1))
        of_period = books.table("settlement_statements").filter(period="2026-02").sample(fraction=1, shuffle=True)
        files = {file.party_id + file.currency: file.sha256 for file in statement_files(of_period, ledger)}
        found.append((frozen.closing, frozen.content, files))
    assert found[0] == found[1]
    assert found[0][0]["chain"] == CHAIN


#: Of the rows above: another machine, thread count or release must give the same bytes.
CHAIN = "1e9e0f626a13af1db5bc63b62d6d9076e28c4a74643fe2cd9534e4e9339ed071"
