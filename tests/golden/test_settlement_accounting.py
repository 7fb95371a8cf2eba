"""The accounting export, read by Beancount: what it calls an error would be ours (I4, I17)."""

import random
import re

import pytest
from beancount import loader

from models.settlement.accounting import account, export
from models.settlement.periods import parse_period
from tests.golden.test_settlement_closing_cases import JUNE, REFUND, paid
from tests.ledger_tables import Books, entry

PERIOD = parse_period("2026-07")


@pytest.fixture(scope="module")
def journal() -> dict[str, str]:
    """July of a company whose June is closed: refunds, a late fact, a payment, two currencies, Chinese names."""
    books = Books.open()
    books.run(JUNE)
    books.close("2026-06")
    rng = random.Random(7)
    more = [
        entry(
            f"L{n}", rng.choice(("hq", "agent:华东", "agent:华南", "S1")), rng.randrange(1, 10**7), f"2026-07-{n:02d}"
        )
        for n in range(2, 30)
    ]
    abroad = entry("LJ", "hq", 12345, "2026-07-03", currency="JPY", store_id="S9")
    late = entry("LL", "S1", 777, "2026-06-30")
    books.run([*JUNE, *REFUND, *more, abroad, late], [paid(1, "2026-06", "hq", 10000, "2026-07-05")])
    of_period = books.table("settlement_statements").filter(period="2026-07")
    rows = books.table("settlement_ledger").filter(books.table("settlement_ledger")["posted_on"] >= PERIOD.starts_on)
    return {form: export(form, PERIOD, of_period, rows) for form in ("beancount", "hledger")}


def errors(text: str) -> list[str]:
    _, found, _ = loader.load_string(text)
    return [error.message for error in found]


def test_beancount_finds_no_error(journal: dict[str, str]) -> None:
    text = journal["beancount"]
    assert text.count(" balance ") == 5 and "JPY" in text
    assert errors(text) == []


@pytest.mark.parametrize("place", range(3))
def test_beancount_finds_every_changed_amount(journal: dict[str, str], place: int) -> None:
    """An amount of a transaction, both legs of one, and a closing balance."""
    lines = journal["beancount"].splitlines()
    legs = [number for number, line in enumerate(lines) if line.startswith("  Liabilities") and line.endswith("CNY")]
    contra = next(n for n in range(legs[-1], 0, -1) if "Assets:Clearing" in lines[n])
    balance = next(n for n, line in enumerate(lines) if " balance " in line and line.endswith("CNY"))
    for number in ([legs[-1]], [legs[-1], contra], [balance])[place]:
        lines[number] = re.sub(
            r"(-?\d+)\.(\d\d) CNY", lambda found: f"{int(found[1]) + 1}.{found[2]} CNY", lines[number]
        )
    assert errors("\n".join(lines)) != []


def test_every_hledger_transaction_sums_to_zero_and_ends_in_the_same_balances(journal: dict[str, str]) -> None:
    balances: dict[tuple[str, str], int] = {}
    for block in journal["hledger"].split("\n\n"):
        sums: dict[str, int] = {}
        for leg in re.findall(r"^  (\S+)  (-?[\d.]+) ([A-Z]{3})(?: = (-?[\d.]+) [A-Z]{3})?$", block, re.M):
            name, amount, currency, asserted = leg
            minor = int(amount.replace(".", ""))
            sums[currency] = sums.get(currency, 0) + minor
            balances[name, currency] = balances.get((name, currency), 0) + minor
            if asserted:
                assert balances[name, currency] == int(asserted.replace(".", ""))
        assert not any(sums.values()), block


def test_different_parties_have_different_accounts() -> None:
    parties = ["hq", "agent:华东", "agent:华南", "华东", "a b", "a-b", "a:b", "A-B", "-a-b"]
    names = [account("split", party) for party in parties]
    assert len(set(names)) == len(parties)
    assert all(re.fullmatch(r"[A-Z][A-Za-z]*(:[A-Z0-9][A-Za-z0-9-]*)+", name) for name in names)
    assert account("clearing", "clearing:S1") != account("split", "clearing:S1")
