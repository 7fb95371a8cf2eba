"""Every scope, role and query on the sample: no row, store, customer, figure or personal value out of scope.

Faults 56 and 58. The oracle (``tests.scope_company``) cuts the published tables down to the scope with polars; every
query must tell a person with that scope exactly what it tells somebody who sees all of the cut company.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.audiences.selection import AudienceRefusedError
from models.documents.audience import AudienceDocument
from models.serving import QUERIES, NotAllowedError, Snapshot, Snapshots, Viewer, allow, run, viewer_of
from models.serving.people import choices
from models.store import Scope, Store
from pipelines.channels.file import export_audience
from tests.conftest import Company
from tests.scope_company import Part, Tables, whole_tables

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NOON = datetime(2026, 7, 1, 12)
GUIDE = "s007-01"  # a colleague of a store that none of their scopes below holds


def _shops(*numbers: int) -> frozenset[str]:
    return frozenset(f"S{number:03}" for number in numbers)


#: The sample's company, spelled out by hand, so that the resolution of scopes is checked too.
REGIONS = {
    "华东": _shops(*range(1, 7)),
    "华南": _shops(*range(7, 11)),
    "华北": _shops(11, 12, 13),
    "华中": _shops(14, 15),
    "西南": _shops(16),
    "港澳": _shops(17, 18, 19, 20),
    "线上": _shops(21, 22, 23, 24),
}
STORES = _shops(*range(1, 25))
GIVEN = {
    "company": frozenset({Scope("company")}),
    "nothing": frozenset(),
    "two stores": frozenset({Scope("store", "S001"), Scope("store", "S018")}),
    "store and region": frozenset({Scope("store", "S002"), Scope("region", "港澳")}),
    "department": frozenset({Scope("department", "S007")}),
    **{region: frozenset({Scope("region", region)}) for region in REGIONS},
    **{store: frozenset({Scope("store", store)}) for store in sorted(STORES)},
}
SEEN = {
    "company": None,
    "nothing": frozenset(),
    "two stores": _shops(1, 18),
    "store and region": _shops(2, 17, 18, 19, 20),
    "department": _shops(7),
    **REGIONS,
    **{store: frozenset({store}) for store in sorted(STORES)},
}
KINDS = ("company", "港澳", "department", "S001", "S021", "two stores", "store and region", "nothing")
ALIKE = STORES - {min(stores) for stores in REGIONS.values()}  # cut as the first of their region: asked less of, below
#: Scope, employee, whether personal values are shown: every kind of scope, and what changes with the other two.
SEEN_BY = [
    *((scope, None, True) for scope in GIVEN if scope not in ALIKE),
    *((scope, None, False) for scope in ("company", "华东", "S017")),
    ("nothing", GUIDE, True),
    ("S001", GUIDE, True),
    ("store and region", GUIDE, False),
]
#: What each role may ask about, in words of this test: page of the question -> roles.
ASKS = {
    "overview": {"owner", "region_manager", "store_manager", "service_manager", "operator", "finance", "analyst"},
    "customers": {"owner", "region_manager", "store_manager", "service_manager", "operator", "analyst"},
    "risk": {"owner", "region_manager", "store_manager", "service_manager", "operator", "analyst"},
    "journey": {"owner", "region_manager", "store_manager", "operator", "analyst"},
    "settlement": {"owner", "region_manager", "store_manager", "finance", "analyst"},
    "reconciliation": {"owner", "region_manager", "store_manager", "finance"},
    "value": {"owner", "region_manager", "store_manager", "operator", "finance", "analyst"},
    "audiences": {"owner", "region_manager", "store_manager", "operator"},
    "identity": {"owner", "service_manager", "operator", "analyst"},
}
ASKS["quality"] = ASKS["metrics"] = ASKS["overview"]
ASKS["reach"] = ASKS["customers"]
SHOWN_WHOLE = {"owner", "region_manager", "store_manager", "service_manager", "operator"}
ROLES = sorted(ASKS["overview"])
ANYTHING = "owner"  # a role that may ask everything: there scopes and masks are tried alone
_PREFIX = {"customer": "customers", "order": "customers", "risk": "risk", "settlement": "settlement",
           "reconciliation": "reconciliation",
           "value": "value", "audience": "audiences", "identity": "identity", "metric": "metrics",
           "journey": "journey", "cohort": "journey", "reach": "reach"}  # fmt: skip
_QUALITY = {"data_freshness", "quality_checks", "import_accounting", "batches", "sources", "unknown_states"}
_QUALITY.add("estimators")
#: columns whose text comes from the viewer's own company as a whole, not from a row of a store
_FREE_OF_STORES = {"metrics", "artifact_id", "company", "company_timezone", "check_name"}
_COMPANY_TOTALS = ("company", "channel", "party_role")  # kinds of places whose figures are of all stores


def subject(query_id: str) -> str:
    if query_id in _QUALITY:
        return "quality"
    return _PREFIX.get(query_id.split("_")[0], "overview")


@pytest.fixture(scope="module")
def snapshot(published_sample: Company) -> Snapshot:
    return Snapshots(published_sample.settings.published_dir, threads=1).current()


@pytest.fixture(scope="module")
def tables(snapshot: Snapshot) -> Tables:
    return whole_tables(snapshot)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('people') / 'store.db'}") as opened:
        yield opened


def person(store: Store, snapshot: Snapshot, role: str, scopes: frozenset[Scope]) -> Viewer:
    """The viewer as a page gets it: a person of the store, resolved on the snapshot."""
    login = role + "".join(f"-{scope.kind}-{scope.value}" for scope in sorted(scopes))
    if store.users.by_login(login) is None:
        store.users.add(login, login, None, roles=[role], scopes=scopes, by="t", at=NOON)
    user = store.users.by_login(login)
    assert user is not None
    return viewer_of(user, snapshot)


def asked(query_id: str, offered: dict[str, list[object]]) -> list[dict[str, object]]:
    """Every way to ask a query about what is offered."""
    parameters = QUERIES[query_id].parameters
    given = dict(offered)
    if query_id == "settlement_lines":
        given["text"] = [None]
    if "store_id" in parameters and getattr(parameters["store_id"], "optional", False):
        given["store_id"] = [None, *offered["store_id"]]
    return [dict(zip(parameters, values, strict=True)) for values in itertools.product(*(given[n] for n in parameters))]


def offered_to(part: Part) -> dict[str, list[object]]:
    """Things in scope and out of it, those that lie in both first of all, by the parameter that asks about them."""
    tables, mine = part.tables, pl.col("store_id").is_in(sorted(part.seen_stores))
    orders = tables["orders"].filter(pl.col("customer_id").is_not_null()).sort("order_key")
    inside, outside = orders.filter(mine), orders.filter(~mine)
    both = inside.join(outside, on="customer_id", how="semi")
    people = [frame["customer_id"].head(1) for frame in (both, inside, outside.filter(~_known(part)))]
    people.append(tables["friend_losses"]["customer_id"].drop_nulls().head(1))
    owned = tables["customers"].filter(pl.col("owner_userid") == GUIDE)["customer_id"].head(2)
    shops = [sorted(stores)[0] for stores in (part.seen_stores, part.hidden_stores) if stores]
    regions = tables["stores"].filter(pl.col("store_id").is_in(shops))["region"].unique().sort().to_list()
    entries = tables["settlement_entries"].sort("line_id")
    # a refund of another shop's line, a sale, and a line of a shop that is not theirs
    foreign = entries.filter(~pl.col("original_line_id").str.starts_with(pl.col("store_id") + ":"))
    lines = [frame["line_id"].head(1) for frame in (foreign.filter(mine), entries.filter(mine), entries.filter(~mine))]
    refunded = entries.filter(mine & (pl.col("posting") == "REFUND"))["line_id"].head(1)
    moved = tables["settlement_transfers"].sort("line_id")
    lines += [moved.filter(here)["line_id"].head(1) for here in (mine, ~mine)]
    stranger = tables["customers"].filter(~_known(part) & pl.col("phone").is_not_null()).head(1)
    acquaintance = tables["customers"].filter(_known(part) & pl.col("phone").is_not_null()).head(1)
    numbers = [*stranger["phone"], *acquaintance["phone"]]
    numbers += [number for frame in (inside, outside) for number in frame["order_id"].head(1)]
    personas = tables["identity_orders"].join(pl.concat([inside, outside]).head(1), on="order_key", how="semi")
    return {
        "customer_id": list(dict.fromkeys([*pl.concat(people), *owned])),
        "other_customer_id": [None, *tables["customers"]["customer_id"].head(1)],
        "persona_id": personas["persona_id"].to_list(),
        "identifier_type": [None],
        "kind": [None],
        "channel": [None],
        "identifiers": [tuple(numbers)],
        "store_id": shops,
        "period": tables["settlement_summary"]["period"].unique().sort().tail(1).to_list(),
        "region": [None, *regions],
        "order_key": [*inside["order_key"].head(1), *outside["order_key"].head(1)],
        "line_id": list(dict.fromkeys([*pl.concat([*lines, refunded])])),
        "text": [None, *numbers, "C0", "陈"],
        "posting": ["SALE", "REFUND"],
        "metrics": [("sales_amount", "buyers", "wecom_friends", "new_customers", "settlement_amount")],
        "period_kind": ["day", "month"],
        "dimension_kind": ["store", "region", "company", "channel", "party_role"],
        "dimension_id": [None],
        "reach_channel": ["wecom", "sms"],
        "purpose": ["marketing"],
        "band": [None, "high"],
        "first": [date(2020, 1, 1)],
        "last": [date(2030, 1, 1)],
        "first_month": ["2020-01"],
        "last_month": ["2030-01"],
        "dimension": ["channel", "store", "product"],
        "party_id": [*shops, "hq", GUIDE],
        "party_kind": [None, "store"],
        "currency": ["CNY"],
        "component": [None, "split"],
        "difference_class": [None],
        "item_id": ["ours:payment:wechat_pay:of-nobody"],
        "limit": [1000],
        "subject": [None, "order"],
        "before": [None, datetime(2026, 3, 1)],
        "skip": [0],
    }


def _known(part: Part) -> pl.Expr:
    return pl.col("customer_id").is_in(sorted(part.customers))


@pytest.mark.parametrize(("scope", "staff", "personal"), SEEN_BY)
def test_every_query_answers_as_if_there_were_nothing_out_of_scope(snapshot, tables, scope, staff, personal):
    part = Part(tables, SEEN[scope], staff, personal)
    viewer = part.viewer(ANYTHING)
    of_all = replace(viewer, store_ids=None, owner_userid=None)
    answered, offered = set(), offered_to(part)
    if scope not in KINDS and staff is None and personal:  # one more region or store: one question of each sort
        offered = {name: values[:2] if name == "customer_id" else values[:1] for name, values in offered.items()}
    for query_id in sorted(QUERIES):
        for question in asked(query_id, offered):
            told = run(snapshot, query_id, viewer, **question)
            expected = run(part.company, query_id, of_all, **question)
            assert_frame_equal(told, expected)
            _tells_nothing_else(part, query_id, told)
            if told.height:
                answered.add(query_id)
    whole = {"customer_identifiers", "quality_checks", "import_accounting", "batches", "sources", "estimators"}
    # who is who, but whether a customer of theirs is one, and which order of theirs it has
    whole |= {name for name in QUERIES if name.startswith("identity_")} - {"identity_find_customer", "identity_anchor"}
    if scope == "company":
        # no platform, so no state that nobody knows; no costs, so none without a rate; nobody contradicts or changes
        quiet = {name for name in QUERIES if name.startswith(("identity_refusals", "identity_reviews"))}
        quiet.add("customer_custom_fields")  # the company declared none
        quiet.add("settlement_conversions")  # it settles in the currency of each sale
        quiet |= {name for name in QUERIES if name.startswith("reconciliation_")}  # it imported no bills
        # and its weeks hold too few customers for a stage to be judged
        assert answered == set(QUERIES) - {"identity_events", "journey_alerts", "unknown_states", "value_gaps", *quiet}
    elif scope != "nothing":
        assert not answered & whole
        assert len(answered) > 12, "a query that never answers leaks nothing either"


def _tells_nothing_else(part: Part, query_id: str, told: pl.DataFrame) -> None:
    """Names and numbers out of scope, whatever the column: here nothing is taken from the other side's query."""
    own = {part.staff} if part.staff else set()
    for column in told.select(pl.selectors.string()).columns:
        if column in _FREE_OF_STORES:
            continue
        values = set(told[column].drop_nulls())
        found = (values & part.forbidden) - own
        assert not found, f"{query_id} tells {sorted(found)[:3]} in {column}"
        # an order key, a line id or an employee's number begins with the shop
        shops = {word.upper() for value in values - own for word in re.findall(r"\b[Ss]0\d\d\b", value)}
        assert not shops & part.hidden_stores, f"{query_id} tells {shops & part.hidden_stores} in {column}"
        if not part.sees_personal:
            parts = values | {piece for value in values for piece in value.split(":")}
            assert not parts & part.whole_values, f"{query_id} shows a personal value whole in {column}"
    if not part.sees_personal and "birth_date" in told.columns:
        assert told["birth_date"].null_count() == told.height


def test_every_scope_that_can_be_given_is_the_stores_that_it_names(store, snapshot):
    """The company, every region, department and store: the departments of the sample are its stores."""
    offered = choices(snapshot)
    assert {scope.value for scope in offered if scope.kind == "region"} == set(REGIONS)
    assert {scope.value for scope in offered if scope.kind == "department"} == STORES
    assert {scope.value for scope in offered if scope.kind == "store"} == STORES
    for scope, role in zip(offered, itertools.cycle(ROLES), strict=False):
        expected = {"company": None, "region": REGIONS.get(scope.value)}.get(scope.kind, frozenset({scope.value}))
        assert person(store, snapshot, role, frozenset({scope})).store_ids == expected


@pytest.mark.parametrize("scope", KINDS)
def test_a_role_decides_what_may_be_asked_and_what_is_masked_and_never_the_rows(store, snapshot, tables, scope):
    offered = offered_to(Part(tables, SEEN[scope]))
    answers: dict[tuple[str, bool], pl.DataFrame] = {}
    for role in ROLES:
        who = person(store, snapshot, role, GIVEN[scope])
        assert who.store_ids == SEEN[scope]
        assert who.sees_personal == (role in SHOWN_WHOLE)
        for query_id in QUERIES:
            question = asked(query_id, offered)[0]
            if role not in ASKS[subject(query_id)]:
                with pytest.raises(NotAllowedError):
                    run(snapshot, query_id, who, **question)
                continue
            allow(who, query_id)
            if scope == "store and region":
                told = run(snapshot, query_id, who, **question)
                assert_frame_equal(told, answers.setdefault((query_id, who.sees_personal), told))


@pytest.mark.parametrize("scope", GIVEN)
def test_figures_are_those_of_the_scope_and_no_more(snapshot, tables, scope):
    """Nothing out of scope is counted or added and nothing in scope is missing, counted from orders and entries."""
    part = Part(tables, SEEN[scope])
    who = part.viewer("owner")
    inside = list(part.seen_stores)
    period = {"first": date(2020, 1, 1), "last": date(2030, 1, 1)}
    people = run(snapshot, "overview_people", who, **period).row(0, named=True)
    assert people["customers"] == len(part.customers)
    assert run(snapshot, "customer_search", who)["matches_count"].head(1).sum() == len(part.customers)
    sales = tables["orders"].filter(pl.col("is_sale") & pl.col("store_id").is_in(inside))
    expected = dict(sales.group_by("currency").agg(pl.col("paid_amount").sum()).drop_nulls().rows())
    money = run(snapshot, "overview_money", who, **period)
    assert {row["currency"]: row["paid_amount"] for row in money.iter_rows(named=True) if row["paid_amount"]} == {
        currency: amount for currency, amount in expected.items() if amount
    }
    months = tables["settlement_entries"].filter(pl.col("store_id").is_in(inside))
    assert run(snapshot, "settlement_periods", who)["period"].to_list() == sorted(set(months["period"]), reverse=True)
    for (month,), rows in months.group_by("period"):
        told = run(snapshot, "settlement_by_role", who, period=month)
        assert told["amount"].sum() == rows["amount"].sum()
    assert set(run(snapshot, "audience_candidates", who)["customer_id"]) == part.customers
    scored = set(tables["churn_scores"]["customer_id"]) & part.customers
    assert people["scored"] == len(scored) == run(snapshot, "risk_bands", who)["customers"].sum()


@pytest.mark.parametrize("scope", KINDS)
def test_kept_figures_are_those_of_stores_in_scope_and_never_of_the_company(snapshot, tables, scope):
    """Who sees one store sees the rows of that store; a total would tell the rest by subtraction."""
    part = Part(tables, SEEN[scope])
    who = part.viewer("owner")
    every = {"metrics": ("sales_amount", "buyers"), "dimension_id": None, "first": date(2020, 1, 1)}
    every |= {"last": date(2030, 1, 1), "period_kind": "month", "limit": 100_000}
    for kind in _COMPANY_TOTALS[:2]:
        told = run(snapshot, "metric_values", who, dimension_kind=kind, **every)
        assert told.is_empty() == (scope != "company")
    of_stores = run(snapshot, "metric_values", who, dimension_kind="store", **every)
    sold = tables["metrics"].filter(
        (pl.col("metric") == "sales_amount")
        & (pl.col("period_kind") == "month")
        & (pl.col("dimension_kind") == "store")
    )
    assert set(of_stores["dimension_id"]) == set(sold["dimension_id"]) & part.seen_stores
    seen = of_stores.filter(pl.col("metric") == "sales_amount")["value"].sum()
    mine = tables["daily_metrics"].filter(pl.col("store_id").is_in(sorted(part.seen_stores)))
    assert seen == mine["paid_amount"].sum()
    regions = run(snapshot, "metric_values", who, dimension_kind="region", **every)["dimension_id"]
    assert set(regions) == {name for name, stores in REGIONS.items() if stores <= part.seen_stores}


ALL_OF_MINE = {
    "name": "all_of_mine",
    "title": {"zh": "全部", "en": "all"},
    "purpose": "marketing",
    "channel": "sms",
    "identifier": "phone",
    "conditions": {"field": "customer_id", "op": "not_null"},
    "columns": ["name", "owner_userid", "home_store_id", "orders_count"],
}


@pytest.mark.parametrize("scope", GIVEN)
def test_exports_hold_customers_in_scope_only_and_are_for_roles_that_export(
    store, snapshot, tables, scope, tmp_path: Path
):
    document = AudienceDocument.model_validate(ALL_OF_MINE)
    part = Part(tables, SEEN[scope])
    candidates = run(part.company, "audience_candidates", Viewer.owner_of_the_company())
    for role in ROLES if scope in KINDS else ("store_manager", "analyst"):
        who = replace(part.viewer(role), sees_personal=role in SHOWN_WHOLE)
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
        assert report.members == len(part.customers)
        assert store.audit.newest()["action"].to_list().count("exported") == before + 1
        taken = pl.read_csv(report.files[0].path, infer_schema=False) if report.rows else pl.DataFrame()
        if taken.is_empty():
            continue
        shown = candidates.select(pl.col(taken.columns).cast(pl.String)).sort("customer_id")
        mine = shown.filter(pl.col("customer_id").is_in(taken["customer_id"].to_list()))
        assert_frame_equal(taken.sort("customer_id").fill_null(""), mine.fill_null(""))


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
