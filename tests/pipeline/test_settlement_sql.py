"""The settlement models against their pure twin: the same random company through both must give the same rows.

The commerce models are put in place as tables, so that only settlement runs; its own dbt tests run with it.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.documents.settlement import SettlementDocument
from models.documents.tax import TaxDocument
from models.settings import PROJECT_ROOT
from models.settlement.evaluate import settle
from models.settlement.explaining import explain
from models.settlement.explaining_transfers import explain_transfer
from models.settlement.facts import Entry, Place, Refund, Sale, TransferEntry
from models.settlement.fx import FxRate, conversions
from models.settlement.taxes import TaxTable, tax_tables
from models.settlement.versions import Version, compile_versions, rules_in_force
from tests import dbt_runs

PROJECT = PROJECT_ROOT / "dbt_project"
LINES = 4000
CHANGED = date(2026, 1, 10)
AGENTS = ("A1", "", "A2", "")
BOOK = SettlementDocument.load(Path(__file__).with_name("settlement_rulebook.yaml"))
TAXES = TaxDocument.load(Path(__file__).with_name("settlement_taxes.yaml"))
#: Published on some days only, by two banks, and for JPY from January on; USD has none.
RATES = [
    FxRate(date(2025, 11, 28) + timedelta(days=n), base, "CNY", Decimal(f"{one}.{n:02d}7654321") / per, source)
    for base, one, per, every, source in (("HKD", 9, 10, 3, "a"), ("HKD", 8, 10, 5, "b"), ("JPY", 4, 100, 4, "a"))
    for n in range(0, 80, every)
    if base == "HKD" or n > 40
]
#: Category of each product; a line of none has any category.
PRODUCTS = {"tea": "tea", "lesson": "services", "unlisted": "unlisted", "plain": None}


def _revised(book: SettlementDocument) -> SettlementDocument:
    """Other parts get the odd cent, and rates are others; accumulators go on from one version to the next."""
    turned = [rule.model_copy(update={"components": rule.components[::-1]}) for rule in book.splits]
    dearer = [rule.model_copy(update={"rate": "7.77%"} if rule.rate else {}) for rule in book.transfers]
    return book.model_copy(update={"rules": (*turned, *dearer)})


#: Published, revised from a day on, and gone back to.
HISTORY = [
    Version(BOOK, 1),
    Version(_revised(BOOK), 5, date(2026, 1, 5)),
    Version(BOOK, 9, date(2026, 1, 15)),
]


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
        before = Place(
            *(store_id, rng.choice(("华南", "华东", "港澳")), kinds[number % 5], "retail"),
            country=rng.choice(("CN", "HK")),
            city=rng.choice(("深圳", "广州", "")),
            agent=AGENTS[number % 4],
        )
        changed = replace(
            before, agent=AGENTS[number % 3], region=rng.choice(("华南", "华东", "港澳")), store_type=rng.choice(kinds)
        )
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
            line_no=str(number % 3),
            quantity_milli=rng.choice((1000, 1000, 2000, 500, 12_345)),
            happened_at=moment,
            place=place_on(places, store_id, day),
            amount=_amount(rng),
            currency=rng.choice(("CNY", "CNY", "HKD", "JPY")),
            economic_date=day,
            salesperson_id=rng.choice((None, "P1", "P2")),
            order_points=rng.choice((0, 0, 1, 2001, rng.randrange(10**6))),
            tax_category=rng.choice((*PRODUCTS.values(), None)),
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


def worked(company: Company, versions: Sequence[Version]) -> tuple[list[Entry], list[TransferEntry]]:
    sales = [sale for sale, _ in company.sales]
    return settle(sales, company.refunds, rules_in_force(versions), TaxTable(TAXES))


def expected(company: Company, versions: Sequence[Version]) -> tuple[pl.DataFrame, pl.DataFrame]:
    entries, transfers = worked(company, versions)
    frames = (
        pl.DataFrame([asdict(entry) for entry in rows], infer_schema_length=None) for rows in (entries, transfers)
    )
    split, transferred = (frame.sort("entry_id") for frame in frames)
    return split, transferred


def fill(warehouse: Path, company: Company, order: random.Random | None = None) -> None:
    """Put the commerce tables in place, rows in the given or a shuffled order."""
    product_of = {category: product for product, category in PRODUCTS.items()}
    lines = [
        {
            "order_line_id": sale.line_id,
            "order_key": sale.order_key,
            "line_no": sale.line_no,
            "quantity": Decimal(sale.quantity_milli) / 1000,
            "store_id": sale.place.store_id,
            "salesperson_id": sale.salesperson_id,
            "product_id": product_of.get(sale.tax_category),
            "currency": sale.currency,
            "paid_amount": sale.amount,
            "order_points_amount": sale.order_points or None,
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
        | {"business_type": place.business_type, "country": place.country, "city": place.city or None}
        | {"agent_id": place.agent or None}
        | {"valid_from": valid_from, "valid_to": valid_to}
        for both in company.places.values()
        for place, (valid_from, valid_to) in zip(both, days, strict=True)
    ]
    products = [{"product_id": product, "tax_category": category} for product, category in PRODUCTS.items()]
    rates = [
        {
            "rate_date": one.day,
            "base_currency": one.base,
            "quote_currency": one.quote,
            "source": one.source,
            "rate": one.rate,
        }
        for one in RATES
    ]
    tables: dict[str, list[dict[str, Any]]] = {
        "stg_files__fx_rates": rates,
        "stg_files__products": products,
        "order_lines": lines,
        "refunds": refunds,
        "stores": stores,
        "store_periods": periods,
    }
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

    def write_rules(self, *versions: Version) -> None:
        for name, rows in {**compile_versions(versions), **tax_tables(TAXES)}.items():
            path = self.folder / "inputs" / name / "rows.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows.write_parquet(path)

    def build(self) -> dict[str, str]:
        """Run models and tests of what orders owe to whom, without closing and reconciliation. Returns node → state."""
        selection = ("--select", "path:models/settlement", "path:tests/settlement")
        others = [
            f"path:{kind}/settlement/{room}" for kind in ("models", "tests") for room in ("closing", "reconciliation")
        ]
        return dbt_runs.states(self.folder, "build", *selection, "--exclude", *others)

    def table(self, name: str) -> pl.DataFrame:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            found: pl.DataFrame = connection.table(name).pl()
        return found

    def entries(self) -> pl.DataFrame:
        return self.table("settlement_entries").sort("entry_id")

    def transfers(self) -> pl.DataFrame:
        return self.table("settlement_transfers").drop("sold_line_id").sort("entry_id")


@pytest.fixture(scope="module")
def company() -> Company:
    return generate(seed=20260101)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Project:
    project = Project(tmp_path_factory.mktemp("settlement"))
    fill(project.warehouse, company)
    project.write_rules(*HISTORY)
    states = project.build()
    assert {name: state for name, state in states.items() if state not in ("success", "pass")} == {}
    assert "assert_settlement_conserves_every_line" in states
    return project


def test_sql_and_the_pure_twin_give_the_same_rows(project: Project, company: Company) -> None:
    found = project.entries()
    split, transferred = expected(company, HISTORY)
    assert found.columns == [field.name for field in fields(Entry)]
    assert_frame_equal(found, split.select(found.columns), check_dtypes=False)
    moved = project.transfers()
    assert moved.columns == [field.name for field in fields(TransferEntry)]
    assert_frame_equal(moved, transferred.select(moved.columns), check_dtypes=False)
    for form in ("rate", "fixed", "tiers", "package", "tax", "points", "reversal"):  # every form was walked
        assert moved.filter(form=form).height > 100, form
    assert moved.filter(pl.col("tax_id").is_not_null(), pl.col("base_amount") != pl.col("line_amount")).height > 100
    assert set(moved["bound"].unique()) == {None, "cap", "floor"}
    assert found["rule_version"].n_unique() == 2
    settled = conversions(*worked(company, HISTORY), rules_in_force(HISTORY), RATES)
    converted = project.table("settlement_conversions").sort("entry_id")
    twin = pl.DataFrame([asdict(one) for one in settled], infer_schema_length=None).sort("entry_id")
    assert_frame_equal(converted, twin.select(converted.columns), check_dtypes=False)
    assert converted.filter(pl.col("settled_amount").is_null()).height > 100
    assert converted.filter(pl.col("rate_e8").is_not_null(), pl.col("amount") < 0).height > 100
    states = dict(found["link_state"].value_counts().rows())
    assert min(states[state] for state in (None, "LINKED", "EXCESS", "UNLINKED")) > 500  # every path was walked
    for rule in ("looked-after", "online"):  # an agent's own rule, and a split that a platform takes part in
        assert found.filter(rule_id=rule).height > 100, rule
    assert {"agent:A1", "agent:A2", "platform:online"} <= set(found["party_id"])
    assert {"agent:华南", "agent:华东", "agent:港澳"} & set(found["party_id"]), (
        "a store without an agent has its region's"
    )
    for row in found.sample(200, seed=1).iter_rows(named=True):
        assert row["line_id"] in explain(row)
    for row in moved.sample(500, seed=1).iter_rows(named=True):
        assert row["line_id"] in explain_transfer(row)
    unsettled = project.table("settlement_unsettled")
    assert min(dict(unsettled["reason"].value_counts().rows()).values()) > 100
    held_back = unsettled.select(pl.col("posting_id") + ":" + pl.col("component") + ":party")
    assert not set(held_back["posting_id"]) & set(moved["entry_id"])


def test_the_order_of_the_input_does_not_matter(project: Project, company: Company) -> None:
    before, moved = project.entries(), project.transfers()
    fill(project.warehouse, company, order=random.Random(3))
    project.build()
    assert_frame_equal(project.entries(), before)
    assert_frame_equal(project.transfers(), moved)


def _without_a_default(book: SettlementDocument) -> SettlementDocument:
    return book.model_copy(update={"default": None})


def _with_a_rival(book: SettlementDocument) -> SettlementDocument:
    rival = book.splits[0].model_copy(update={"id": "rival", "valid_from": None, "valid_to": None})
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
    project.write_rules(Version(broken(BOOK), 1))
    assert {name for name, state in project.build().items() if state == "fail"} == {test}
