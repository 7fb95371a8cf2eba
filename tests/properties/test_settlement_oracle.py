"""The evaluator against the referee: every form of rule, on 20,000 random lines, to the minor unit.

The evaluator is the twin of the SQL row for row (tests/pipeline/test_settlement_sql.py), so the three agree.
"""

from collections import Counter

import pytest

from models.documents.settlement import SettlementDocument
from models.settlement.evaluate import settle
from models.settlement.rules import rules_of
from tests.settlement_oracle import Posted, settled
from tests.settlement_worlds import World, world

COMPANIES, LINES = 500, 40


def evaluated(one: World) -> Posted:
    book = SettlementDocument.model_validate(one.book)
    entries, transfers = settle(one.sales, one.refunds, rules_of(book))
    posted: Posted = Counter()
    for entry in entries:
        posted[entry.line_id, "split", entry.party_id] += entry.amount
    for transfer in transfers:
        posted[transfer.line_id, transfer.component, transfer.party_id] += transfer.amount
    return Counter({key: amount for key, amount in posted.items() if amount})


@pytest.mark.parametrize("block", range(4))
def test_the_evaluator_and_the_referee_agree_on_every_amount(block: int) -> None:
    amounts = 0
    for seed in range(block * COMPANIES // 4, (block + 1) * COMPANIES // 4):
        one = world(seed, LINES)
        expected = settled(one.book, one.sales, one.refunds)
        found = evaluated(one)
        assert found == expected, f"seed {seed}"
        amounts += len(expected)
    assert amounts > COMPANIES // 4 * LINES * 2, "there must be something to compare"


def test_the_referee_sees_a_cent_that_is_wrong() -> None:
    one = world(1, LINES)
    expected = settled(one.book, one.sales, one.refunds)
    line, component, party = next(iter(expected))
    assert expected - Counter({(line, component, party): 1}) != evaluated(one)
