"""No query, with any parameters, tells a viewer anything about stores or customers out of scope (faults 54, 56)."""

import itertools
import re
from datetime import date, timedelta

import polars as pl
import pytest

from models.contracts.published import PUBLISHED
from models.serving import QUERIES, ParameterError, Snapshots, Viewer, run
from models.serving.scope import VIEWS, with_views
from tests.factories_snapshot import BUSINESS_DATE, HOSTILE_NAME, build_snapshot

OWNER = Viewer.owner_of_the_company()
EVERY_QUERY = frozenset({"owner"})  # a role that may ask everything: here scopes and masks are tried alone
MANAGER = Viewer("manager", "", EVERY_QUERY, frozenset({"S01"}), sees_personal=True)
GUIDE = Viewer("guide", "", EVERY_QUERY, frozenset(), owner_userid="u01")
NOBODY = Viewer("nobody", "", EVERY_QUERY, frozenset())
ANALYST = Viewer("analyst", "", EVERY_QUERY, None, sees_personal=False)
STORES = {"S01", "S02", "S03"}


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    folder = tmp_path_factory.mktemp("published")
    build_snapshot(folder)
    return Snapshots(folder)


@pytest.fixture(scope="module")
def tables(snapshots) -> dict[str, pl.DataFrame]:
    """The snapshot's rows themselves, to know what is out of scope."""
    return {name: snapshots.current().query(f'select * from "{name}"', {}) for name in PUBLISHED}


def _parameters(query_id: str, tables: dict[str, pl.DataFrame]) -> list[dict[str, object]]:
    """Every value that could be asked for: each customer, store, month, order and line of the snapshot."""
    lines = tables["settlement_entries"]["line_id"].unique().sort()
    offered = {
        "customer_id": tables["customers"]["customer_id"].head(10).to_list(),  # at home in each of the stores
        "other_customer_id": [None, "C000002"],
        "identifier_type": [None],
        "kind": [None, "torn"],
        "channel": [None, "store"],
        "persona_id": [999000, 12],
        "identifiers": [("+8613800000004", "orders:S01:O0000000", "orders:S01:O0000003")],
        "store_id": sorted(STORES),
        "period": tables["settlement_summary"]["period"].unique().sort().to_list(),
        "region": [None, "华南"],
        "order_key": tables["orders"]["order_key"].gather_every(17).to_list(),
        # the line refunded in another shop is always among them
        "line_id": [*lines.gather_every(41).to_list(), "S01:RX:1"],
        "text": [None, "C00", "+8613800000004", "M000001", "小明", *tables["orders"]["order_id"].head(5)],
        "posting": ["SALE", "REFUND"],
        "reach_channel": ["wecom"],
        "purpose": ["marketing", "service"],
        "band": [None, "high"],
        "metrics": [("sales_amount", "buyers", "wecom_friends")],
        "period_kind": ["day", "month"],
        "dimension_kind": ["company", "store", "region", "channel"],
        "dimension_id": [None, "S02"],
        "first": [BUSINESS_DATE - timedelta(days=365)],
        "last": [BUSINESS_DATE],
        "first_month": ["2020-01"],
        "last_month": ["2030-01"],
        "dimension": ["channel", "store", "product"],
        "limit": [1000],
        "subject": [None, "community"],
        "before": [None],
        "skip": [0],
        "difference_class": [None, "AMOUNT_OVER"],
        "party_id": ["S01", "S02", "u01", "hq"],
        "party_kind": [None, "store"],
        "currency": ["CNY", "HKD"],
        "component": [None, "commission"],
        "item_id": tables["reconciliation_items"]["item_id"].gather_every(3).to_list(),
    }
    names = list(QUERIES[query_id].parameters)
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(offered[name] for name in names))]


def _visible_customers(tables, viewer: Viewer) -> set[str]:
    scope = viewer.store_ids or frozenset()
    facts = tables["customer_stores"].filter(pl.col("store_id").is_in(list(scope)))["customer_id"]
    owned = tables["customers"].filter(pl.col("owner_userid").eq_missing(pl.lit(viewer.owner_userid)))["customer_id"]
    return set(facts) | (set(owned) if viewer.owner_userid else set())


@pytest.mark.parametrize("query_id", sorted(QUERIES))
@pytest.mark.parametrize("viewer", [MANAGER, GUIDE, NOBODY], ids=lambda viewer: viewer.user_id)
def test_nothing_out_of_scope_leaks(snapshots, tables, query_id, viewer):
    hidden_stores = STORES - (viewer.store_ids or frozenset())
    # a guide sees the customers that are theirs, but no fact of any store: not even their own store's
    hidden_names = {f"u{store[1:]}" for store in hidden_stores} - {viewer.owner_userid}
    hidden_people = set(tables["customers"]["customer_id"]) - _visible_customers(tables, viewer)
    assert hidden_stores and hidden_people
    own = {"u01"} if viewer.owner_userid else set()
    for parameters in _parameters(query_id, tables):
        found = run(snapshots, query_id, viewer, **parameters)
        asked = {str(value) for value in parameters.values()}
        for column in found.select(pl.selectors.string()).columns:
            for value in found[column].drop_nulls().unique().to_list():
                words = set(re.findall(r"[A-Za-z0-9]+", value))
                told = words & (hidden_stores | hidden_names | hidden_people)
                assert not told - own, f"{query_id}({parameters}) tells {told} in {column}: {value!r} (asked {asked})"


@pytest.mark.parametrize("view", sorted(set(VIEWS) - {"visible_customer_ids", "visible_publication"}))
@pytest.mark.parametrize("viewer", [MANAGER, GUIDE, NOBODY], ids=lambda viewer: viewer.user_id)
def test_every_view_holds_only_what_is_in_scope(snapshots, tables, view, viewer):
    """Also the views that no query reads yet; ids of other stores inside order keys and line ids count too."""
    statement = with_views(f"select * from {view}")
    bound = {name: value for name, value in viewer.parameters().items() if f"${name}" in statement}
    found = snapshots.current().query(statement, bound)
    if "store_id" in found.columns and view != "visible_staff":
        no_store = {"*"} if view == "visible_settlement_ledger" else set()  # a payment to a party in scope
        assert set(found["store_id"].drop_nulls()) - no_store <= (viewer.store_ids or set())
    if view == "visible_staff":
        assert set(found["userid"]) <= {"u01"}
    if "customer_id" in found.columns:
        assert set(found["customer_id"].drop_nulls()) <= _visible_customers(tables, viewer)
    for column in found.select(pl.selectors.string()).columns:
        told = "".join(f" {value} " for value in found[column].drop_nulls().unique())
        assert not {store for store in STORES - {"S01"} if store in told}, column
    of_the_company = ("visible_batches", "visible_quality_checks", "visible_estimators", "visible_customer_identifiers")
    if view in of_the_company or view.startswith("visible_identity_"):
        assert found.is_empty()
    if view == "visible_metrics":
        assert set(found.filter(pl.col("dimension_kind") == "store")["dimension_id"]) <= (viewer.store_ids or set())
        assert found.filter(pl.col("dimension_kind").is_in(["company", "channel", "party_role"])).is_empty()
    if view == "visible_data_freshness":
        assert found["rows_count"].null_count() == found.height > 0


@pytest.mark.parametrize("query_id", sorted(q.id for q in QUERIES.values() if "customer_id" in q.parameters))
def test_asking_for_a_hidden_customer_answers_nothing(snapshots, tables, query_id):
    hidden = sorted(set(tables["customers"]["customer_id"]) - _visible_customers(tables, MANAGER))
    assert hidden
    found = run(snapshots, query_id, MANAGER, customer_id=hidden[0])
    assert found.is_empty(), found


def test_counts_are_of_visible_people_and_facts(snapshots, tables):
    period = {"first": date(2026, 1, 1), "last": BUSINESS_DATE}
    nobody = run(snapshots, "overview_people", NOBODY, **period)
    assert nobody.row(0) == (0, 0, 0, 0, 0, None)
    mine = run(snapshots, "overview_people", MANAGER, **period).row(0, named=True)
    assert mine["customers"] == len(_visible_customers(tables, MANAGER)) < 30
    assert mine["scored"] == run(snapshots, "risk_bands", MANAGER)["customers"].sum() == mine["customers"]


def test_a_guide_without_stores_sees_no_store_fact(snapshots, tables):
    own = sorted(_visible_customers(tables, GUIDE))
    assert own
    for customer_id in own:
        assert run(snapshots, "customer_profile", GUIDE, customer_id=customer_id).height == 1
        assert run(snapshots, "customer_orders", GUIDE, customer_id=customer_id).is_empty()
        timeline = run(snapshots, "customer_timeline", GUIDE, customer_id=customer_id)
        assert timeline["amount"].null_count() == timeline.height
        assert timeline["store_id"].null_count() == timeline.height


def test_totals_count_visible_rows_only(snapshots, tables):
    """A customer who bought in two stores: the manager of one sees the orders of that one."""
    totals = tables["customer_totals"]
    both = (
        totals.group_by("customer_id")
        .agg(pl.col("store_id").sort())
        .filter(pl.col("store_id").list.contains("S01") & (pl.col("store_id").list.len() > 1))
    )
    customer_id = both["customer_id"].sort()[0]
    mine = totals.filter((pl.col("customer_id") == customer_id) & (pl.col("store_id") == "S01"))
    seen = run(snapshots, "customer_totals", MANAGER, customer_id=customer_id)
    assert seen["orders_count"].sum() == mine["orders_count"].sum()
    profile = run(snapshots, "customer_profile", MANAGER, customer_id=customer_id)
    assert profile["orders_count"][0] == mine["orders_count"].sum()
    assert (
        profile["orders_count"][0]
        < run(snapshots, "customer_profile", OWNER, customer_id=customer_id)["orders_count"][0]
    )
    row = run(snapshots, "customer_search", MANAGER, text=customer_id).row(0, named=True)
    assert row["orders_count"] == mine["orders_count"].sum()


def test_money_of_the_parts_is_the_money_of_the_whole(snapshots):
    period = {"first": date(2026, 1, 1), "last": BUSINESS_DATE}
    parts: dict[str, int] = {}
    for store in sorted(STORES):
        viewer = Viewer("x", "", EVERY_QUERY, frozenset({store}))
        for row in run(snapshots, "overview_money", viewer, **period).iter_rows(named=True):
            parts[row["currency"]] = parts.get(row["currency"], 0) + row["paid_amount"]
    whole = run(snapshots, "overview_money", OWNER, **period)
    assert parts == dict(zip(whole["currency"], whole["paid_amount"], strict=True))
    assert len(parts) == 2


@pytest.mark.parametrize("query_id", sorted(QUERIES))
@pytest.mark.parametrize("viewer", [OWNER, ANALYST, MANAGER], ids=lambda viewer: viewer.user_id)
def test_columns_and_types_are_as_declared(snapshots, tables, query_id, viewer):
    found = run(snapshots, query_id, viewer, **_parameters(query_id, tables)[0])
    assert found.schema == pl.Schema(QUERIES[query_id].columns)


@pytest.mark.parametrize("query_id", sorted(QUERIES))
def test_the_owner_gets_an_answer_to_every_query(snapshots, tables, query_id):
    """Otherwise the leak test above would be satisfied by queries that never answer."""
    assert any(not run(snapshots, query_id, OWNER, **p).is_empty() for p in _parameters(query_id, tables))


@pytest.mark.parametrize("query_id", sorted(QUERIES))
def test_personal_values_are_masked_for_who_may_not_see_them(snapshots, tables, query_id):
    """Whole names, phones, e-mails of every customer are looked for in every column of every answer."""
    personal = {
        value
        for column in ("name", "phone", "unionid", "external_userid", "member_no", "email")
        for value in tables["customers"][column]
    }
    assert HOSTILE_NAME in personal
    for parameters in _parameters(query_id, tables):
        found = run(snapshots, query_id, ANALYST, **parameters)
        for column in found.select(pl.selectors.string()).columns:
            assert not personal & set(found[column].drop_nulls()), (query_id, column)
        if "birth_date" in found.columns:
            assert found["birth_date"].null_count() == found.height


def test_masked_search_is_no_oracle(snapshots):
    """Part of a phone finds nobody for who may not see phones; the whole number, which they know, does."""
    assert run(snapshots, "customer_search", ANALYST, text="0000000").is_empty()
    assert run(snapshots, "customer_search", ANALYST, text="小明").is_empty()
    assert run(snapshots, "customer_search", ANALYST, text="13800000004")["customer_id"].to_list() == ["C000004"]
    assert run(snapshots, "customer_search", OWNER, text="小明").height > 1


@pytest.mark.parametrize("text", ["%", "_", "'; drop table customers; --", "\\", "*", "C%", "c0000_4"])
def test_search_text_is_literal(snapshots, text):
    assert run(snapshots, "customer_search", OWNER, text=text).height == (1 if text == "*" else 0)
    assert run(snapshots, "overview_people", OWNER, first=BUSINESS_DATE, last=BUSINESS_DATE)["customers"][0] == 30


@pytest.mark.parametrize(
    ("query_id", "parameters"),
    [
        ("customer_search", {"text": 5}),
        ("customer_search", {"text": "x" * 201}),
        ("customer_search", {"limit": 0}),
        ("customer_search", {"limit": 1001}),
        ("customer_search", {"limit": True}),
        ("customer_search", {"store_ids": ["S02"]}),
        ("customer_search", {"all_stores": True}),
        ("customer_profile", {}),
        ("overview_money", {"first": "2026-01-01", "last": BUSINESS_DATE}),
        ("risk_list", {"band": "highest"}),
        ("identity_reviews", {"kind": "any"}),
        ("identity_record", {"persona_id": "12"}),
        ("identity_record", {"persona_id": 2**63}),
        ("identity_holders", {"identifiers": "+8613800000001"}),
        ("identity_holders", {"identifiers": ("x",) * 1001}),
    ],
)
def test_parameters_are_whitelisted_and_typed(snapshots, query_id, parameters):
    with pytest.raises(ParameterError, match=query_id):
        run(snapshots, query_id, MANAGER, **parameters)


def test_unknown_query_is_named(snapshots):
    with pytest.raises(KeyError, match="no_such_query"):
        run(snapshots, "no_such_query", OWNER)


def test_queries_read_scoped_views_only():
    """Each published table has its view, and no query names a table itself."""
    assert {name.removeprefix("visible_") for name in VIEWS} - {"customer_ids"} == set(PUBLISHED)
    for query in QUERIES.values():
        named = set(re.findall(r"\b(?:from|join)\s+(\w+)", query.sql))
        own = set(re.findall(r"(\w+) as \(", query.sql))
        assert named - own <= set(VIEWS), query.id


def test_scope_key_tells_viewers_apart():
    """The cache's key: whoever may see other rows has another key (fault 58)."""
    viewers = [OWNER, MANAGER, GUIDE, NOBODY, ANALYST, Viewer("m2", "", EVERY_QUERY, frozenset({"S02"}), True)]
    viewers += [Viewer("finance", "", frozenset({"finance"}), MANAGER.store_ids, True)]
    assert len({viewer.scope for viewer in viewers}) == len(viewers)
    assert MANAGER.scope == Viewer("other", "n", EVERY_QUERY, frozenset({"S01"}), True, language="en").scope
