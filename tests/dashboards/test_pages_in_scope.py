"""Every page on the published sample, for every role and every kind of scope: nothing that lies out of scope.

Faults 56 and 58. All that a page sends to the browser is looked at: words, figures, the options of its boxes, the
whole of its tables (what their download holds) and the rows behind its charts. The oracle is ``tests.scope_company``.
"""

import io
import re
from collections.abc import Iterator

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from models.serving import Snapshots
from models.store import Store
from tests.conftest import ID_KEY, Company
from tests.dashboards.conftest import APP
from tests.dashboards.test_people_pages import PAGES_OF, is_refused
from tests.scope_company import Part, Tables, whole_tables

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
HONG_KONG = frozenset({"S017", "S018", "S019", "S020"})
SCOPES = {
    "company": None,
    "region": HONG_KONG,
    "department": frozenset({"S007"}),
    "store": frozenset({"S001"}),
    "store abroad": frozenset({"S019"}),
    "online shop": frozenset({"S021"}),
    "two stores": frozenset({"S002", "S018"}),
    "no store": frozenset(),
}
#: Every role, every scope; the employee that the person is.
WALKS = [
    ("owner", "company", None),
    ("region_manager", "region", None),
    ("store_manager", "department", None),
    ("store_manager", "store", "s007-01"),
    ("store_manager", "no store", "s007-01"),
    ("service_manager", "store abroad", None),
    ("operator", "online shop", None),
    ("operator", "no store", None),
    ("analyst", "two stores", None),
    ("analyst", "company", None),
    ("finance", "store abroad", None),
    ("finance", "two stores", None),
    ("service_manager", "no store", "s019-02"),
]
MASKED = {"finance", "analyst"}
PAGES = (
    "overview",
    "customers",
    "journey",
    "identity",
    "identity_review",
    "reach",
    "settlement",
    "statements",
    "at_risk",
    "quality",
    "imports",
)


@pytest.fixture(scope="module")
def tables(published_sample: Company) -> Tables:
    return whole_tables(Snapshots(published_sample.settings.published_dir).current())


@pytest.fixture(autouse=True)
def fresh(published_sample: Company, monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[None]:
    """The sample with a store of its own (pages write refusals into the audit); answers stay cached between walks."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "published").symlink_to(published_sample.settings.published_dir)
    monkeypatch.setenv("SCRM_HOME", str(home))
    monkeypatch.setenv("SCRM_ID_KEY", ID_KEY)
    Store.open(f"sqlite:///{home / 'store.db'}").close()
    yield
    for cached in (data.settings, data.snapshots, data._store):
        cached.clear()


@pytest.fixture(scope="module", autouse=True)
def emptied() -> Iterator[None]:
    """The cache of answers is one for all walks: each finds there what the others asked."""
    data._answer.clear()
    yield
    data._answer.clear()


def sent(at: AppTest) -> str:
    """All that is in the page: texts, figures, options, tables, charts."""
    kinds = (at.title, at.subheader, at.caption, at.markdown, at.text, at.info, at.warning, at.error, at.code)
    texts = [str(element.value) for kind in kinds for element in kind]
    texts += [f"{metric.label} {metric.value} {metric.delta}" for metric in at.metric]
    texts += [f"{box.value} {option}" for box in at.selectbox for option in box.options]
    texts += [table.value.to_csv() for table in at.dataframe]
    texts += [graph.proto.spec for graph in at.get("graphviz_chart")]
    for chart in at.get("vega_lite_chart"):
        texts.append(chart.proto.spec)
        rows = [chart.proto.data.data, *(one.data.data for one in chart.proto.datasets)]
        texts += [pl.read_ipc_stream(io.BytesIO(part)).write_csv() for part in rows if part]
    return "\n".join(texts)


def inside(at: AppTest, part: Part, where: str) -> str:
    """The page is whole and tells nothing that lies out of scope; returns what it tells."""
    assert not at.exception, (where, at.exception[0].value)
    told = sent(at)
    own = {part.staff} if part.staff else set()
    words = set(re.findall(r"[\w+@.\-]+", told)) | set(told.replace("\n", ",").split(","))
    found = (words & part.forbidden) - own
    assert not found, f"{where} tells {sorted(found)[:3]}"
    shops = {shop.upper() for shop in re.findall(r"\b[Ss]0\d\d\b", told.replace(part.staff or "\0", ""))}
    assert not shops & part.hidden_stores, f"{where} tells of {sorted(shops & part.hidden_stores)}"
    named = [name for name in part.hidden_names if name in told]
    assert not named, f"{where} names {named}"
    if not part.sees_personal:
        whole = words & part.whole_values
        assert not whole, f"{where} shows {sorted(whole)[:3]} whole"
    return told


@pytest.mark.parametrize(("role", "scope", "staff"), WALKS)
def test_no_page_tells_what_lies_out_of_scope(monkeypatch, tables, role, scope, staff):
    part = Part(tables, SCOPES[scope], staff, role not in MASKED)
    viewer = part.viewer(role)
    monkeypatch.setattr(access, "current_viewer", lambda: viewer)
    at = AppTest.from_file(APP, default_timeout=60)
    at.query_params["language"] = "en"
    inside(at.run(), part, "overview")
    assert at.metric[0].value == f"{len(part.customers):,}"
    for page in PAGES[1:]:
        at.switch_page(f"app_pages/{page}.py").run()
        inside(at, part, page)
        assert is_refused(at) == (page not in PAGES_OF[role]), page
        if page in PAGES_OF[role] and page in CLOSER:
            CLOSER[page](at, part)


def _customers(at: AppTest, part: Part) -> None:
    """The list is of customers in scope; a profile of one who also bought elsewhere; one of a stranger."""
    if part.customers:
        assert set(at.dataframe[0].value["customer_id"]) <= part.customers
    orders = part.tables["orders"].filter(pl.col("customer_id").is_not_null()).sort("order_key")
    mine = orders.filter(pl.col("store_id").is_in(list(part.seen_stores)))
    elsewhere = orders.join(mine, on="order_key", how="anti")
    for customer_id in mine.join(elsewhere, on="customer_id", how="semi")["customer_id"].head(1):
        at.query_params["customer"] = customer_id
        inside(at.run(), part, f"customer {customer_id}")
        bought = mine.filter(pl.col("customer_id") == customer_id)
        orders_told = next(table.value for table in at.dataframe if "order_id" in table.value)
        assert set(orders_told["order_id"]) == set(bought["order_id"])
    for customer_id in elsewhere.filter(~pl.col("customer_id").is_in(list(part.customers)))["customer_id"].head(1):
        at.query_params["customer"] = customer_id
        assert not at.run().dataframe and not at.metric
        assert "not in your scope" in at.info[0].value
    if "customer" in at.query_params:
        del at.query_params["customer"]


def _settlement(at: AppTest, part: Part) -> None:
    """Down to the entries of one line: a refund of another shop's line where there is one."""
    if not part.seen_stores:
        assert not at.dataframe
        return
    entries = part.tables["settlement_entries"].filter(pl.col("store_id").is_in(list(part.seen_stores)))
    latest = entries.filter(pl.col("period") == entries["period"].max())
    shown = next(table.value for table in at.dataframe if "store_name" in table.value)
    totals = latest.group_by("store_id").agg(pl.col("amount").sum())
    assert sorted(int(amount * 100) for amount in shown["amount"]) == sorted(totals["amount"])
    foreign = latest.filter(~pl.col("original_line_id").str.starts_with(pl.col("store_id") + ":"))
    line = pl.concat([foreign, latest]).row(0, named=True)
    at.selectbox(key="settlement_store").set_value(line["store_id"]).run()
    inside(at, part, f"settlement of {line['store_id']}")
    box = at.selectbox(key="settlement_line")
    position = next(place for place, option in enumerate(box.options) if option.endswith(line["line_id"]))
    box.select_index(position).run()
    inside(at, part, f"entries of {line['line_id']}")


def _at_risk(at: AppTest, part: Part) -> None:
    """Without a band: everybody who has a score and is in scope."""
    scored = set(part.tables["churn_scores"]["customer_id"]) & part.customers
    if not scored:
        assert not at.dataframe
        return
    at.segmented_control(key="risk_band").set_value(None).run()
    inside(at, part, "at_risk, every band")
    assert len(at.dataframe[0].value) == min(len(scored), 500)


def _identity(at: AppTest, part: Part) -> None:
    """Who is who is told to viewers of the whole company; the link of a customer in scope says nothing to others."""
    of_many = part.tables["identity_links"].group_by("customer_id").len().sort(["len", "customer_id"])["customer_id"]
    at.query_params["customer"] = of_many[-1]
    told = inside(at.run(), part, "identity")
    if part.stores is None:
        assert "same phone" in told and len(at.get("graphviz_chart")) == 1
        assert {"identifier", "shared", "left"} <= {column for table in at.dataframe for column in table.value.columns}
    else:
        assert not at.dataframe and not at.metric and "whole company" in at.info[0].value
    del at.query_params["customer"]


CLOSER = {"customers": _customers, "identity": _identity, "settlement": _settlement, "at_risk": _at_risk}
