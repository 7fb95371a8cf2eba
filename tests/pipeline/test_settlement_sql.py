"""The settlement models against their pure twin: the same random company through both must give the same rows.

The commerce models are put in place as tables, so that only settlement runs; its own dbt tests run with it.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.documents.settlement import SettlementDocument
from models.settings import PROJECT_ROOT
from models.settlement.evaluate import Entry, Place, Refund, Sale, settle_line, settle_unlinked
from models.settlement.explaining import explain
from models.settlement.rules import Rule, compile_rules, rules_of
from tests import dbt_runs

PROJECT = PROJECT_ROOT / "dbt_project"
LINES = 4000
CHANGED = date(2026, 1, 10)
BOOK = SettlementDocument.parse(
    """
    name: random company
    rules:
      - id: franchise
        when: {store_type: franchise}
        valid_to: 2026-01-01
        components:
          - {role: hq, share: 12.5%}
          - {role: agent, share: 3.33%}
          - {role: sales, share: 1.5%}
          - {role: store, residual: true}
      - id: franchise-2026
        when: {store_type: franchise}
        valid_from: 2026-01-01
        components:
          - {role: sales, share: 1.5%}
          - {role: store, residual: true}
          - {role: hq, share: 33.3333%}
          - {role: agent, share: 33.3333%}
      - id: south
        when: {store_type: franchise, region: 华南}
        components:
          - {role: a, party: hq, share: 12.5%}
          - {role: b, party: hq, share: 12.5%}
          - {role: c, party: hq, share: 12.5%}
          - {role: nothing, party: region, share: 0%}
          - {role: d, party: store, share: 12.5%}
          - {role: guide, party: sales, share: 7.7777%}
          - {role: sales, share: 0.0001%}
          - {role: rest, party: store, residual: true}
      - id: online
        when: {channel: online}
        components: [{role: hq, share: 80%}, {role: store, share: 8%}, {role: region, residual: true}]
    default: {id: default, components: [{role: hq, residual: true}]}
    """,
    name="random company",
)


@dataclass(frozen=True)
class Company:
    """A generated company: stores with a time zone, sold lines, and refunds with the line they name (or none).

    A store is one kind of place before CHANGED and may be another from then on: a fact has that of its own day.
    """

    zones: dict[str, str]
    places: dict[str, tuple[Place, Place]]
    sales: list[tuple[Sale, datetime]]
    refunds: list[tuple[Refund, str | None]]


def place_on(places: dict[str, tuple[Place, Place]], store_id: str, day: date) -> Place:
    before, after = places[store_id]
    return before if day < CHANGED else after


def generate(seed: int) -> Company:
    rng = random.Random(seed)
    kinds = ("franchise", "franchise", "online", "direct", "undeclared")
    places, zones = {}, {}
    for number in range(25):
        store_id = f"S{number:02d}"
        before = Place(store_id, rng.choice(("华南", "华东", "港澳")), kinds[number % 5], "retail")
        changed = replace(before, region=rng.choice(("华南", "华东", "港澳")), store_type=rng.choice(kinds))
        places[store_id] = (before, changed if rng.random() < 0.5 else before)
        zones[store_id] = rng.choice(("Asia/Shanghai", "America/New_York", "Europe/London"))
    sales, refunds = [], []
    for number in range(LINES):
        store_id = rng.choice(sorted(places))
        moment = datetime(2025, 12, 1) + timedelta(seconds=rng.randrange(60 * 86400))
        day = _civil(moment, zones[store_id])
        sale = Sale(
            line_id=f"L{number}",
            order_key=f"O{number // 2}",
            place=place_on(places, store_id, day),
            amount=_amount(rng),
            currency=rng.choice(("CNY", "CNY", "HKD", "JPY")),
            economic_date=day,
            salesperson_id=rng.choice((None, "P1", "P2")),
        )
        sales.append((sale, moment))
        for refund in _refunds_of(rng, sale, moment, places, zones):
            refunds.append((refund, sale.line_id if rng.random() < 0.9 else None))
    return Company(zones, places, sales, refunds)


def _amount(rng: random.Random) -> int:
    return rng.choice((0, 1, 2, 3, 99, -15, rng.randrange(1000), rng.randrange(10**6), rng.randrange(10**12)))


def _refunds_of(
    rng: random.Random, sale: Sale, moment: datetime, places: dict[str, tuple[Place, Place]], zones: dict[str, str]
) -> Iterator[Refund]:
    base = max(sale.amount, 7)
    for number in range(rng.choice((0, 0, 0, 1, 1, 2, 3, 12))):
        at = moment + timedelta(hours=rng.choice((1, 1, 5, 24 * number)))  # equal moments: the number decides
        store_id = sale.place.store_id if rng.random() < 0.8 else rng.choice(sorted(places))
        day = _civil(at, zones[store_id])
        yield Refund(
            line_id=f"R{rng.randrange(10)}-{sale.line_id}-{number}",
            order_key=sale.order_key,
            place=place_on(places, store_id, day),
            amount=rng.choice((1, base, rng.randrange(base) + 1, rng.randrange(base) // 5 + 1)),
            currency=sale.currency if rng.random() < 0.95 else "USD",
            economic_date=day,
            refunded_at=at,
        )


def _civil(moment: datetime, zone: str) -> date:
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def expected_entries(company: Company, rules: tuple[Rule, ...]) -> pl.DataFrame:
    by_line: dict[str, list[Refund]] = {}
    entries: list[Entry] = []
    for refund, line in company.refunds:
        if line is None:
            entries += settle_unlinked(refund, rules)
        else:
            by_line.setdefault(line, []).append(refund)
    for sale, _ in company.sales:
        entries += settle_line(sale, by_line.get(sale.line_id, []), rules)
    return pl.DataFrame([asdict(entry) for entry in entries], infer_schema_length=None).sort("entry_id")


def fill(warehouse: Path, company: Company, order: random.Random | None = None) -> None:
    """Put the commerce tables in place, rows in the given or a shuffled order."""
    lines = [
        {
            "order_line_id": sale.line_id,
            "order_key": sale.order_key,
            "store_id": sale.place.store_id,
            "salesperson_id": sale.salesperson_id,
            "currency": sale.currency,
            "paid_amount": sale.amount,
            "is_sale": True,
            "sold_at": moment,
        }
        for sale, moment in company.sales
    ]
    lines.append({**lines[0], "order_line_id": "unpaid", "is_sale": False, "sold_at": None})
    refunds = [
        {
            "refund_line_id": refund.line_id,
            "order_key": refund.order_key,
            "order_line_id": line,
            "store_id": refund.place.store_id,
            "link_state": "UNLINKED" if line is None else "LINKED",
            "currency": refund.currency,
            "refund_amount": refund.amount,
            "refunded_on": refund.economic_date,
            "refunded_at": refund.refunded_at,
        }
        for refund, line in company.refunds
    ]
    stores = [{"store_id": store_id, "timezone": zone} for store_id, zone in company.zones.items()]
    days = ((date(1900, 1, 1), CHANGED), (CHANGED, date(9999, 12, 31)))
    periods = [
        {"store_id": place.store_id, "region": place.region, "store_type": place.store_type}
        | {"business_type": place.business_type, "valid_from": valid_from, "valid_to": valid_to}
        for both in company.places.values()
        for place, (valid_from, valid_to) in zip(both, days, strict=True)
    ]
    tables = {"order_lines": lines, "refunds": refunds, "stores": stores, "store_periods": periods}
    with duckdb.connect(str(warehouse)) as connection:
        for name, rows in tables.items():
            if order is not None:
                order.shuffle(rows)
            connection.register("rows", pl.DataFrame(rows, infer_schema_length=None))
            connection.execute(f"create or replace table {name} as from rows")


class Project:
    """The dbt project over a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.duckdb"

    def write_rules(self, rules: pl.DataFrame) -> None:
        path = self.folder / "inputs" / "settlement_rules" / "rows.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rules.write_parquet(path)

    def build(self) -> dict[str, str]:
        """Run models and tests of settlement, without those of closing. Returns the state of each node by its name."""
        selection = ("--select", "path:models/settlement", "path:tests/settlement")
        return dbt_runs.states(self.folder, "build", *selection, "--exclude", "path:models/settlement/closing")

    def entries(self) -> pl.DataFrame:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.sql("from settlement_entries order by entry_id").pl()


@pytest.fixture(scope="module")
def company() -> Company:
    return generate(seed=20260101)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Project:
    project = Project(tmp_path_factory.mktemp("settlement"))
    fill(project.warehouse, company)
    project.write_rules(compile_rules(BOOK))
    states = project.build()
    assert {name: state for name, state in states.items() if state not in ("success", "pass")} == {}
    assert "assert_settlement_conserves_every_line" in states
    return project


def test_sql_and_the_pure_twin_give_the_same_rows(project: Project, company: Company) -> None:
    found, expected = project.entries(), expected_entries(company, rules_of(BOOK))
    assert found.columns == [field.name for field in fields(Entry)]
    assert_frame_equal(found, expected.select(found.columns), check_dtypes=False)
    states = dict(found["link_state"].value_counts().rows())
    assert min(states[state] for state in (None, "LINKED", "EXCESS", "UNLINKED")) > 500  # every path was walked
    for row in found.sample(200, seed=1).iter_rows(named=True):
        assert row["line_id"] in explain(row)


def test_the_order_of_the_input_does_not_matter(project: Project, company: Company) -> None:
    before = project.entries()
    fill(project.warehouse, company, order=random.Random(3))
    project.build()
    assert_frame_equal(project.entries(), before)


def _without_a_default(book: SettlementDocument) -> SettlementDocument:
    return book.model_copy(update={"default": None})


def _with_a_rival(book: SettlementDocument) -> SettlementDocument:
    rival = book.rules[0].model_copy(update={"id": "rival", "valid_from": None, "valid_to": None})
    return book.model_copy(update={"rules": (*book.rules, rival)})


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (_without_a_default, "assert_settlement_conserves_every_line"),
        (_with_a_rival, "assert_settlement_rules_do_not_compete"),
    ],
)
def test_a_run_stops_on_a_gap_and_on_rules_that_compete(
    project: Project, company: Company, broken: Callable[[SettlementDocument], SettlementDocument], test: str
) -> None:
    fill(project.warehouse, replace(company, sales=company.sales[:300], refunds=company.refunds[:100]))
    project.write_rules(compile_rules(broken(BOOK)))
    assert {name for name, state in project.build().items() if state == "fail"} == {test}
