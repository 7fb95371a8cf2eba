"""Every role, scope and query on the sample: no row, store, customer or personal value out of scope (faults 56, 58).

The oracle reads the unscoped tables with polars and knows nothing of the scope's SQL: it says which stores are in
scope, which customers have a fact there, and what the figures must add up to.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from models.audiences.selection import AudienceRefusedError
from models.contracts.published import PUBLISHED
from models.documents.audience import AudienceDocument
from models.serving import QUERIES, NotAllowedError, Snapshot, Snapshots, Viewer, run, viewer_of
from models.store import Scope, Store
from pipelines.channels.file import export_audience
from tests.conftest import Company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NOON = datetime(2026, 7, 1, 12)
GUIDE = "s007-01"  # a colleague of another store than those below
SCOPES = {
    "company": {Scope("company")},
    "region": {Scope("region", "华东")},
    "department": {Scope("department", "S007")},
    "store": {Scope("store", "S001")},
    "two": {Scope("store", "S002"), Scope("region", "港澳")},
    "nothing": set(),
}
#: What each role may ask about, in words of this test: page of the question -> roles.
ASKS = {
    "overview": {"owner", "region_manager", "store_manager", "service_manager", "operator", "finance", "analyst"},
    "customers": {"owner", "region_manager", "store_manager", "service_manager", "operator", "analyst"},
    "risk": {"owner", "region_manager", "store_manager", "service_manager", "operator", "analyst"},
    "settlement": {"owner", "region_manager", "store_manager", "finance", "analyst"},
    "audiences": {"owner", "region_manager", "store_manager", "operator"},
}
ASKS["quality"] = ASKS["overview"]
PERSONAL = {"owner", "region_manager", "store_manager", "service_manager", "operator"}
ROLES = sorted(ASKS["overview"])
_PREFIX = {"customer": "customers", "order": "customers", "risk": "risk", "settlement": "settlement",
           "audience": "audiences"}  # fmt: skip
_QUALITY = {"data_freshness", "quality_checks", "import_accounting", "batches", "estimators"}
#: columns whose text comes from the viewer's own company as a whole, not from a row of a store
_FREE_OF_STORES = {"metrics", "artifact_id", "company", "company_timezone", "check_name"}


def subject(query_id: str) -> str:
    if query_id in _QUALITY:
        return "quality"
    return _PREFIX.get(query_id.split("_")[0], "overview")


@dataclass(frozen=True)
class Oracle:
    """What a set of stores (None: all) and an employee may see, from the unscoped tables."""

    tables: dict[str, pl.DataFrame]
    stores: frozenset[str] | None
    staff: str | None

    @cached_property
    def seen_stores(self) -> set[str]:
        every = set(self.tables["stores"]["store_id"])
        return every if self.stores is None else set(self.stores)

    @cached_property
    def customers(self) -> set[str]:
        people = self.tables["customers"]
        if self.stores is None:
            return set(people["customer_id"])
        facts = [self.tables[name].select("customer_id", "store_id") for name in ("orders", "refunds", "interactions")]
        facts.append(people.select("customer_id", pl.col("owner_store_id").alias("store_id")))
        met = pl.concat(facts).filter(pl.col("store_id").is_in(list(self.stores)))["customer_id"].drop_nulls()
        owned = people.filter(pl.col("owner_userid") == (self.staff or ""))["customer_id"]
        return set(met) | set(owned)

    @cached_property
    def forbidden(self) -> set[str]:
        """Values that no cell may hold: names and numbers of stores, orders, colleagues and people out of scope."""
        hidden = set(self.tables["stores"]["store_id"]) - self.seen_stores
        stores = self.tables["stores"].filter(pl.col("store_id").is_in(list(hidden)))
        seen = self.tables["stores"].filter(~pl.col("store_id").is_in(list(hidden)))
        people = self.tables["customers"].filter(~pl.col("customer_id").is_in(list(self.customers)))
        orders = self.tables["orders"].filter(pl.col("store_id").is_in(list(hidden)))
        staff = self.tables["staff"].filter(
            pl.col("store_id").is_in(list(hidden)) & (pl.col("userid") != (self.staff or ""))
        )
        found = {*hidden, *stores["name"], *orders["order_key"], *staff["userid"], *people["customer_id"]}
        found |= set(stores["region"]) - set(seen["region"])
        for name in ("phone", "unionid", "external_userid", "member_no", "email"):
            found |= set(people[name].drop_nulls()) - set(self.known[name].drop_nulls())
        return found

    @cached_property
    def known(self) -> pl.DataFrame:
        return self.tables["customers"].filter(pl.col("customer_id").is_in(list(self.customers)))

    @cached_property
    def whole_values(self) -> set[str]:
        """Personal values of anybody, which a role without the right must not meet whole."""
        found: set[str] = set()
        for name in ("phone", "unionid", "external_userid", "member_no", "email"):
            found |= set(self.tables["customers"][name].drop_nulls())
        return found


@pytest.fixture(scope="module")
def snapshot(published_sample: Company) -> Snapshot:
    return Snapshots(published_sample.settings.published_dir).current()


@pytest.fixture(scope="module")
def tables(snapshot: Snapshot) -> dict[str, pl.DataFrame]:
    return {name: snapshot.query(f'select * from "{name}"', {}) for name in PUBLISHED}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('people') / 'store.db'}") as opened:
        yield opened


def viewer(store: Store, snapshot: Snapshot, role: str, scope: str, staff: str | None = None) -> Viewer:
    """The viewer as a page gets it: a person of the store, resolved on the snapshot."""
    login = f"{role}-{scope}-{staff or ''}"
    if store.users.by_login(login) is None:
        store.users.add(login, login, None, roles=[role], scopes=SCOPES[scope], by="t", at=NOON, staff_userid=staff)
    user = store.users.by_login(login)
    assert user is not None
    return viewer_of(user, snapshot)


def stores_of(scope: str, tables: dict[str, pl.DataFrame]) -> frozenset[str] | None:
    """Spelled out by hand from the sample's files, so that the resolution is checked too."""
    east = {"S001", "S002", "S003", "S004", "S005", "S006"}
    by_hand = {"region": east, "department": {"S007"}, "store": {"S001"}, "nothing": set(),
               "two": {"S002", "S017", "S018", "S019", "S020"}}  # fmt: skip
    assert set(tables["stores"].filter(pl.col("region") == "华东")["store_id"]) == east
    return None if scope == "company" else frozenset(by_hand[scope])


def asked(query_id: str, tables: dict[str, pl.DataFrame]) -> list[dict[str, object]]:
    """Questions about things in scope and out of it: the ids are those of every part of the company."""
    orders = tables["orders"].filter(pl.col("customer_id").is_not_null()).sort("order_key")
    one_of_each = orders.group_by("store_id", maintain_order=True).first()
    owned = tables["customers"].filter(pl.col("owner_userid") == GUIDE)["customer_id"].head(2)
    lines = tables["settlement_entries"].sort("line_id").group_by("store_id", maintain_order=True).first()["line_id"]
    person = tables["customers"].filter(pl.col("phone").is_not_null()).row(0, named=True)
    offered: dict[str, list[object]] = {
        "customer_id": [*one_of_each["customer_id"], *owned],
        "store_id": [None, "S001", "S007", "S017"],
        "period": tables["settlement_summary"]["period"].unique().sort().tail(2).to_list(),
        "region": [None, "华东", "华南"],
        "order_key": one_of_each["order_key"].to_list(),
        "line_id": lines.to_list(),
        "text": [None, person["phone"], person["customer_id"][:3], orders["order_id"][0]],
        "posting": ["SALE", "REFUND"],
        "band": [None, "high"],
        "first": [date(2025, 1, 1)],
        "last": [date(2026, 6, 30)],
        "limit": [1000],
    }
    parameters = QUERIES[query_id].parameters
    if "store_id" in parameters and not getattr(parameters["store_id"], "optional", False):
        offered["store_id"] = offered["store_id"][1:]
    return [
        dict(zip(parameters, values, strict=True)) for values in itertools.product(*(offered[n] for n in parameters))
    ]


@pytest.mark.parametrize("scope", SCOPES)
def test_every_role_and_query_keeps_to_the_scope(store, snapshot, tables, scope):
    for staff in (None, GUIDE):
        oracle = Oracle(tables, stores_of(scope, tables), staff)
        answers: dict[tuple[str, bool], list[pl.DataFrame]] = {}
        for role, query_id in itertools.product(ROLES, sorted(QUERIES)):
            who = viewer(store, snapshot, role, scope, staff)
            assert who.store_ids == oracle.stores
            assert who.sees_personal == (role in PERSONAL)
            questions = asked(query_id, tables)
            if role not in ASKS[subject(query_id)]:
                with pytest.raises(NotAllowedError):
                    run(snapshot, query_id, who, **questions[0])
                continue
            key = (query_id, who.sees_personal)
            if key not in answers:
                answers[key] = [run(snapshot, query_id, who, **question) for question in questions]
                _inside(oracle, key, answers[key], questions)
            else:  # the rows depend on scope and mask alone; one question each shows it
                assert run(snapshot, query_id, who, **questions[0]).equals(answers[key][0])


def _inside(
    oracle: Oracle, key: tuple[str, bool], frames: list[pl.DataFrame], questions: list[dict[str, object]]
) -> None:
    query_id, is_personal = key
    hidden_stores = set(oracle.tables["stores"]["store_id"]) - oracle.seen_stores
    own = {oracle.staff} if oracle.staff else set()
    for frame, question in zip(frames, questions, strict=True):
        for column in frame.select(pl.selectors.string()).columns:
            if column in _FREE_OF_STORES:
                continue
            values = set(frame[column].drop_nulls())
            told = (values & oracle.forbidden) - own
            assert not told, f"{query_id}({question}) tells {sorted(told)[:3]} in {column}"
            # an order key, a line id or an employee's number begins with the shop
            shops = {word.upper() for value in values - own for word in re.findall(r"\b[Ss]0\d\d\b", value)}
            assert not shops & hidden_stores, f"{query_id}({question}) tells {shops & hidden_stores} in {column}"
            if not is_personal:
                parts = values | {part for value in values for part in value.split(":")}
                assert not parts & oracle.whole_values, f"{query_id} shows a personal value whole in {column}"
        if not is_personal and "birth_date" in frame.columns:
            assert frame["birth_date"].null_count() == frame.height


@pytest.mark.parametrize("scope", SCOPES)
def test_figures_are_those_of_the_scope_and_no_more(store, snapshot, tables, scope):
    """Nothing out of scope is counted or added, and nothing in scope is missing."""
    oracle = Oracle(tables, stores_of(scope, tables), None)
    who = viewer(store, snapshot, "owner", scope)
    inside = list(oracle.seen_stores)
    period = {"first": date(2020, 1, 1), "last": date(2030, 1, 1)}
    people = run(snapshot, "overview_people", who, **period).row(0, named=True)
    assert people["customers"] == len(oracle.customers)
    assert run(snapshot, "customer_search", who)["matches_count"].head(1).sum() == len(oracle.customers)
    sales = tables["orders"].filter(pl.col("is_sale") & pl.col("store_id").is_in(inside))
    expected = dict(sales.group_by("currency").agg(pl.col("paid_amount").sum()).drop_nulls().rows())
    money = run(snapshot, "overview_money", who, **period)
    assert {row["currency"]: row["paid_amount"] for row in money.iter_rows(named=True) if row["paid_amount"]} == {
        currency: amount for currency, amount in expected.items() if amount
    }
    for month in run(snapshot, "settlement_periods", who)["period"]:
        told = run(snapshot, "settlement_by_role", who, period=month)
        rows = tables["settlement_entries"].filter((pl.col("period") == month) & pl.col("store_id").is_in(inside))
        assert told["amount"].sum() == rows["amount"].sum()
    candidates = run(snapshot, "audience_candidates", who)
    assert set(candidates["customer_id"]) == oracle.customers
    scored = set(tables["churn_scores"]["customer_id"]) & oracle.customers
    assert people["scored"] == len(scored) == run(snapshot, "risk_bands", who)["customers"].sum()


@pytest.mark.parametrize("scope", SCOPES)
def test_exports_hold_customers_in_scope_only_and_are_for_roles_that_export(
    store, snapshot, tables, scope, tmp_path: Path
):
    document = AudienceDocument.model_validate(
        {
            "name": "all_of_mine",
            "title": {"zh": "全部", "en": "all"},
            "purpose": "marketing",
            "channel": "sms",
            "identifier": "phone",
            "conditions": {"field": "customer_id", "op": "not_null"},
            "columns": ["name"],
        }
    )
    oracle = Oracle(tables, stores_of(scope, tables), None)
    for role in ROLES:
        who = viewer(store, snapshot, role, scope)
        folder = tmp_path / role
        given = {"source": snapshot, "store": store, "folder": folder, "now": NOON, "zone": ZoneInfo("Asia/Shanghai")}
        if role not in ASKS["audiences"]:
            for refused in (who, replace(who, sees_personal=True)):
                with pytest.raises((NotAllowedError, AudienceRefusedError)):
                    export_audience(document, viewer=refused, formats=("csv",), **given)
            assert not list(folder.glob("*"))
            continue
        before = store.audit.newest()["action"].to_list().count("exported")
        report = export_audience(document, viewer=who, formats=("csv",), **given)
        assert report.members == len(oracle.customers)
        assert store.audit.newest()["action"].to_list().count("exported") == before + 1
        taken = set(pl.read_csv(report.files[0].path, infer_schema=False)["customer_id"]) if report.rows else set()
        assert taken <= oracle.customers


def test_a_store_that_moves_and_a_scope_that_is_taken_away_count_at_once(store, snapshot):
    user_id = store.users.add("mover", "m", None, roles=["analyst"], scopes=[Scope("region", "华南")], by="t", at=NOON)

    def stores() -> frozenset[str] | None:
        user = store.users.by_id(user_id)
        assert user is not None
        return viewer_of(user, snapshot).store_ids

    assert stores() == {"S007", "S008", "S009", "S010"}
    store.users.grant_scope(user_id, Scope("department", "S016"), "t", NOON)
    assert stores() == {"S007", "S008", "S009", "S010", "S016"}
    store.users.revoke_scope(user_id, Scope("region", "华南"), "t", NOON)
    assert stores() == {"S016"}
    store.users.revoke_scope(user_id, Scope("department", "S016"), "t", NOON)
    assert stores() == frozenset()
