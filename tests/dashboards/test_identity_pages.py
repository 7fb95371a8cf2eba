"""The pages Who is who and Review: reasons in words, decisions that are kept with their author, and who may not.

Accidents it prevents: a merge that nobody can explain, a decision without a reason, a decided pair that comes back on
the next click, and a stranger's nickname that becomes markup in a graph.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from models.identity.components import components
from models.identity.decisions import in_force
from models.serving import Snapshots, Viewer
from models.store import Store
from tests.conftest import Company
from tests.dashboards.test_pages_in_scope import sent
from tests.dashboards.test_people_pages import APP, is_refused, press
from tests.factories_snapshot import HOSTILE_NAME, build_snapshot

OWNER = Viewer.owner_of_the_company("boss")
Opened = Callable[..., AppTest]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    build_snapshot(tmp_path / "published")
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened
    for cached in (data.settings, data.snapshots, data._answer, data._store):
        cached.clear()


@pytest.fixture
def opened(store: Store, monkeypatch: pytest.MonkeyPatch) -> Opened:
    def page(name: str, viewer: Viewer = OWNER, language: str = "en", **query: str) -> AppTest:
        monkeypatch.setattr(access, "current_viewer", lambda: viewer)
        at = AppTest.from_file(APP, default_timeout=60)
        at.query_params["language"] = language
        at.run()
        at.switch_page(f"app_pages/{name}.py")
        for key, value in query.items():
            at.query_params[key] = value
        return at.run()

    return page


def table(at: AppTest, column: str) -> list[dict[str, object]]:
    return next(one.value for one in at.dataframe if column in one.value.columns).to_dict("records")


def test_a_customer_s_links_say_their_reason_in_words(opened):
    at = opened("identity", customer="C000003")
    assert not at.exception
    told = {(row["reason"], row["shared"]) for row in table(at, "shared")}
    assert told == {("same phone", "phone +8613800000003"), ("same WeChat unionid", "WeChat unionid wx3")}
    (drawn,) = at.get("graphviz_chart")
    assert "same phone" in drawn.proto.spec and "+8613800000003" in drawn.proto.spec
    in_chinese = opened("identity", language="zh", customer="C000003")
    assert {row["reason"] for row in table(in_chinese, "shared")} == {"手机号相同", "微信 unionid相同"}


def test_the_way_between_two_values_is_told_and_a_likely_link_with_its_weights(opened):
    at = opened("identity", customer="C000002")
    assert "name: equal" in sent(at) and "date of birth: different" in sent(at), "what speaks for it and against"
    ends = [at.selectbox(key=f"identity_{end}") for end in ("from", "to")]
    places = {option: place for place, option in enumerate(ends[0].options)}
    ends[0].select_index(places["WeCom external contact wm2"])
    ends[1].select_index(places["phone +8613800000001"])
    at.run()
    assert not at.exception
    way, every = [one.value["reason"].to_list() for one in at.dataframe if "shared" in one.value.columns]
    assert way == ["same WeChat unionid", "likely the same person"] and len(every) == 2


def test_what_kept_two_apart_and_what_a_customer_was_before(opened):
    at = opened("identity", customer="C000002")
    (refused,) = table(at, "would")
    assert (refused["other"], refused["would"], refused["reason"]) == (
        "李静1", "same phone", "member number contradicts",
    )  # fmt: skip
    history = table(at, "previous_id")
    assert [(row["kind"], row["customer_id"], row["previous_id"], row["cause"]) for row in history] == [
        ("fell apart", "C000004", "C000002", "a person's decision"),
        ("became one", "C000002", "C900001", "rules"),
    ]
    limited = [row for row in table(at, "refusal") if row["refusal"]]
    assert [row["refusal"] for row in limited] == ["seen with too many different member numbers"]


def test_an_id_that_was_merged_leads_to_the_one_that_stands(opened):
    at = opened("identity", customer="C900001")
    assert not at.exception and "C900001" in at.info[0].value and not at.dataframe
    nobody = opened("identity", customer="C999999")
    assert "no such customer" in nobody.info[0].value


def test_a_nickname_is_text_in_the_graph(opened):
    (drawn,) = opened("identity", customer="C000004").get("graphviz_chart")
    assert HOSTILE_NAME in drawn.proto.spec
    assert all("=<" not in line for line in drawn.proto.spec.splitlines()), "no label is markup"


def test_values_are_masked_for_an_analyst_and_nothing_is_told_to_a_viewer_of_one_store(opened):
    analyst = Viewer("a", "", frozenset({"analyst"}), None, sees_personal=False)
    at = opened("identity", analyst, customer="C000003")
    told = "".join(one.value.to_csv() for one in at.dataframe) + at.get("graphviz_chart")[0].proto.spec
    assert "+86138****0003" in told and "+8613800000003" not in told and "Amy Lau3" not in told
    operator = Viewer("o", "", frozenset({"operator"}), frozenset({"S01"}), sees_personal=True)
    for page in ("identity", "identity_review"):
        at = opened(page, operator, customer="C000003")
        assert not at.dataframe and "whole company" in at.info[0].value
    assert is_refused(opened("identity_review", analyst))


def test_a_decision_needs_a_reason_is_kept_with_its_author_and_the_pair_is_gone(opened, store):
    at = opened("identity_review")
    assert not at.exception
    questions = table(at, "likely")
    assert (questions[0]["one"], questions[0]["other"], questions[0]["likely"]) == ("Amy Lau3", "陈伟6", 64.0)
    sides = {row["field"]: (row["one"], row["other"]) for row in table(at, "field")}
    assert sides["phone"] == ("+8613800000003", "+8613800000006")
    press(at, "Not the same")
    assert at.error and store.identity_decisions.head() == 0, "no reason, no decision"
    at.text_input[0].set_value("两家人，电话不同")
    press(at, "Not the same")
    assert not at.exception and "next run" in at.success[0].value
    (made,) = store.identity_decisions.rows_after(0).to_dicts()
    assert (made["verdict"], made["author"], made["reason"]) == ("not_same", "boss", "两家人，电话不同")
    assert (made["left_type"], made["left_identifier"]) == ("phone", "+8613800000003")
    told = store.audit.newest(1).row(0, named=True)
    assert (told["user_id"], told["action"]) == ("boss", "identity_decided") and "13800000003" not in told["details"]
    assert "Amy Lau3" not in [row["one"] for row in table(at, "likely")]


def test_an_order_given_to_one_customer_is_asked_of_nobody_else_until_it_is_taken_back(opened, store):
    at = opened("identity_review")
    order = table(at, "likely")[1]["other"]
    reviews = [row["one"] for row in table(at, "likely")]
    assert reviews == ["Amy Lau3", "Amy Lau7", "王小明8"]
    at.text_input[0].set_value("same household")
    press(at, "Same person")
    assert [row["one"] for row in table(at, "likely")] == reviews[1:], "the next question moves up"
    assert "It could also be 王小明8's." in [one.value for one in at.text]
    assert any(row["order_id"] == str(order).partition(":")[2] for row in table(at, "order_id"))
    at.text_input[0].set_value("the receipt says so")
    press(at, "Same person")
    assert [one.value for one in at.info] == ["Nothing waits for a decision."]
    newest = in_force(store.identity_decisions.rows_after(0)).row(-1, named=True)
    assert (newest["right_type"], newest["right_identifier"]) == ("record", f"orders:{order}")
    store.identity_decisions.undo(newest["seq"], reason="a mistake", author="boss", at=access.now())
    at = opened("identity_review")
    assert [row["one"] for row in table(at, "likely")] == reviews[1:]
    states = [row["state"] for row in table(at, "verdict")]
    assert states == ["in force", "taken back", "in force"], "the undo, what it took back, and the first one"


@pytest.mark.slow
def test_the_published_links_hold_every_customer_together_and_no_two(published_sample: Company):
    """Whoever is one customer can be explained: no link is missing, and none leads to another customer."""
    snapshot = Snapshots(published_sample.settings.published_dir).current()
    personas = snapshot.query("select distinct customer_id, persona_id from identity_personas", {}).drop_nulls()
    numbered = personas.with_row_index("node").with_columns(pl.col("node").cast(pl.Int32))
    nodes = numbered.select("persona_id", "node")
    ends = [
        snapshot.query(f"select {side} as persona_id from identity_links", {}).join(
            nodes, on="persona_id", how="left", maintain_order="left"
        )["node"]
        for side in ("left_persona", "right_persona")
    ]
    assert ends[0].len() > 1000 and not ends[0].null_count() + ends[1].null_count()
    labels = components(personas.height, ends[0].to_numpy(), ends[1].to_numpy())
    found = numbered.with_columns(component=pl.Series(labels))
    assert found["component"].n_unique() == found["customer_id"].n_unique()
    assert found.select("customer_id", "component").unique().height == found["customer_id"].n_unique()
