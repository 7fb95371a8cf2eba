"""A closed statement is issued, sent, confirmed or disputed, paid or collected; what does not follow is refused."""

from datetime import date, datetime
from pathlib import Path

import pytest

from models.settings import Settings
from models.store import StatementKey, StepRefusedError, Store
from pipelines.lake import Lake
from pipelines.landing_store import STATEMENTS_SOURCE, land_store

KEY = StatementKey("2026-06", "S1", "CNY")
NOON = datetime(2026, 7, 5, 4)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    return Store.open(settings.store_address)


def mark(store: Store, event: str, *, due: int = 38000, key: StatementKey = KEY, **more: object) -> int:
    given = {"actor": "cli:fin", "happened_on": date(2026, 7, 5), "at": NOON} | more
    return store.statements.mark(key, event, due=due, **given)  # type: ignore[arg-type]


def test_a_statement_is_disputed_sent_again_confirmed_and_paid_in_two_parts(store: Store) -> None:
    for event in ("issued", "sent"):
        mark(store, event)
    mark(store, "disputed", reason="two refunds of June are missing")
    for event in ("sent", "confirmed"):
        mark(store, event)
    mark(store, "paid", amount=30000)
    with pytest.raises(StepRefusedError, match=r"100\.00 is more than can be paid .*: 80\.00 is left"):
        mark(store, "paid", amount=10000)
    mark(store, "paid", amount=8000)
    steps = store.statements.steps(KEY)
    assert steps["event"].to_list() == ["issued", "sent", "disputed", "sent", "confirmed", "paid", "paid"]
    assert steps["reason"][2] == "two refunds of June are missing"


def test_a_debt_is_collected_and_not_paid(store: Store) -> None:
    for event in ("issued", "sent", "confirmed"):
        mark(store, event, due=-12000)
    with pytest.raises(StepRefusedError, match=r"0\.00 is left"):
        mark(store, "paid", due=-12000, amount=1)
    mark(store, "collected", due=-12000, amount=12000)


@pytest.mark.parametrize(
    ("before", "event", "more", "said"),
    [
        ((), "sent", {}, "is closed; after that it can be issued, not sent"),
        ((), "paid", {"amount": 1}, "is closed; after that it can be issued, not paid"),
        (("issued",), "confirmed", {}, "is issued; after that it can be sent, not confirmed"),
        (("issued", "sent"), "paid", {"amount": 1}, "confirmed or disputed, not paid"),
        (("issued", "sent"), "disputed", {}, "needs a reason"),
        (("issued", "sent", "confirmed"), "paid", {}, "an amount belongs to paid and collected"),
        (("issued", "sent", "confirmed"), "disputed", {"reason": "late"}, "paid or collected, not disputed"),
        (("issued",), "sent", {"amount": 5}, "an amount belongs to"),
        (("issued", "sent", "confirmed"), "paid", {"amount": 0}, "above zero"),
        ((), "lost", {}, "no step of a statement"),
    ],
)
def test_a_step_that_does_not_follow_is_named(store: Store, before: tuple, event: str, more: dict, said: str) -> None:
    for earlier in before:
        mark(store, earlier)
    head = store.statements.head()
    with pytest.raises(StepRefusedError, match=said):
        mark(store, event, **more)
    assert store.statements.head() == head


def test_steps_land_once_in_order(store: Store, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "home" / "lake")
    for event in ("issued", "sent", "confirmed"):
        mark(store, event)
    mark(store, "paid", amount=100)
    land_store(lake, store)
    mark(store, "paid", amount=50)
    land_store(lake, store)
    land_store(lake, store)
    landed = lake.read("landed", "statement_events")
    assert landed["event_id"].to_list() == ["1", "2", "3", "4", "5"]
    assert landed["amount"].to_list() == [None, None, None, 100, 50]
    assert [entry.source for entry in lake.entries()] == [STATEMENTS_SOURCE] * 2
