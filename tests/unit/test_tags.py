"""Rule tags: who gets one and who loses it over several runs, and why; drafts are refused in both languages.

Accidents it prevents: a tag that is given anew every night, a history that a repeat or a late run writes twice, a tag
that never goes because its rule is no more, and a personal value that is kept for good as the reason of a tag.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from models.audiences.members import members
from models.contracts.decided import TAG_EVENTS
from models.documents.audience import AudienceDocument
from models.documents.engagement import EngagementDocument, rules_table
from models.documents.loading import DocumentError
from models.documents.tags import TAG_FIELDS, TagDocument
from models.settings import PROJECT_ROOT
from models.tags.deciding import decide, periods
from pipelines.cli import app as cli
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.publishing import commit_decided

DAY = date(2026, 7, 1)
RULES = """
tags:
  - id: loyal
    name: {zh: 忠实, en: Loyal}
    group: {zh: 购买, en: Buying}
    when: {field: orders_count, op: ge, value: 2}
  - id: fresh
    name: {zh: 新, en: Fresh}
    group: {zh: 购买, en: Buying}
    when: {field: orders_count, op: ge, value: 1}
    expires_after_days: 2
  - id: by_sms
    name: {zh: 短信, en: By text message}
    group: {zh: 触达, en: Reach}
    when: {field: reachable_by, op: eq, value: sms}
"""
DOCUMENT = TagDocument.parse(RULES, name="tags.yaml")
NONE = pl.DataFrame(schema={**TAG_EVENTS.dtypes, "seq": pl.Int64()})


def people(**orders: int) -> pl.DataFrame:
    """Customers with so many orders; all but A can be reached by text message."""
    return pl.DataFrame(
        {
            "customer_id": list(orders),
            "orders_count": list(orders.values()),
            "reachable_by": [["email"] if name == "A" else ["email", "sms"] for name in orders],
        },
        schema={"customer_id": pl.String, "orders_count": pl.Int64, "reachable_by": pl.List(pl.String)},
    )


def run(candidates: pl.DataFrame, history: pl.DataFrame, day: int, document: TagDocument = DOCUMENT) -> pl.DataFrame:
    on = DAY + timedelta(days=day)
    midnight = datetime(on.year, on.month, on.day, tzinfo=UTC).replace(tzinfo=None)
    return decide(document, candidates, history, midnight, on, f"{on}/7")


def landed(history: pl.DataFrame, events: pl.DataFrame, seq: int) -> pl.DataFrame:
    return pl.concat([history, events.with_columns(seq=pl.lit(seq, dtype=pl.Int64))])


def told(events: pl.DataFrame) -> set[tuple[str, str, str]]:
    return set(events.select("customer_id", "tag_id", "kind").iter_rows())


def test_a_tag_is_entered_once_and_left_when_its_condition_fails() -> None:
    first = run(people(A=2, B=1), NONE, 0)
    assert told(first) == {
        ("A", "loyal", "entered"),
        ("A", "fresh", "entered"),
        ("B", "fresh", "entered"),
        ("B", "by_sms", "entered"),
    }
    history = landed(NONE, first, 1)
    second = run(people(A=2, B=2), history, 1)
    assert told(second) == {("B", "loyal", "entered")}
    history = landed(history, second, 2)
    third = run(people(A=1, B=2), history, 3)
    assert ("A", "loyal", "left") in told(third)
    found = periods(landed(history, third, 3), DAY + timedelta(days=3)).filter(pl.col("tag_id") == "loyal")
    assert found.select("customer_id", "period", "since", "until").sort("customer_id").rows() == [
        ("A", 1, DAY, DAY + timedelta(days=3)),
        ("B", 1, DAY + timedelta(days=1), None),
    ]
    # as of the day before, nobody had left
    before = periods(landed(history, third, 3), DAY + timedelta(days=2))
    assert before["until"].null_count() == before.height


def test_the_reason_holds_the_values_of_that_day_and_the_name_of_that_day() -> None:
    history = landed(NONE, run(people(A=2), NONE, 0), 1)
    renamed = TagDocument.parse(RULES.replace("Loyal", "Very loyal"), name="tags.yaml")
    assert run(people(A=9), history, 1, renamed).is_empty()
    held = periods(history, DAY + timedelta(days=1)).filter(pl.col("tag_id") == "loyal").row(0, named=True)
    assert (json.loads(held["reason"]), held["name_en"], held["name_zh"]) == ({"orders_count": 2}, "Loyal", "忠实")


def test_an_expired_tag_comes_back_only_when_its_condition_has_failed_in_between() -> None:
    history = landed(NONE, run(people(A=1), NONE, 0), 1)
    assert run(people(A=1), history, 1).is_empty()
    expired = run(people(A=1), history, 2)
    assert told(expired) == {("A", "fresh", "expired")}
    history = landed(history, expired, 2)
    assert run(people(A=1), history, 3).is_empty()
    failed = run(people(A=0), history, 4)
    assert told(failed) == {("A", "fresh", "left")}
    history = landed(history, failed, 3)
    again = run(people(A=1), history, 5)
    assert told(again) == {("A", "fresh", "entered")}
    found = periods(landed(history, again, 4), DAY + timedelta(days=5))
    assert found.select("period", "since", "until").rows() == [
        (1, DAY, DAY + timedelta(days=2)),
        (2, DAY + timedelta(days=5), None),
    ]


def test_a_tag_ends_with_its_rule_and_with_its_customer() -> None:
    history = landed(NONE, run(people(A=2, B=2), NONE, 0), 1)
    shorter = TagDocument(tags=DOCUMENT.tags[1:])
    gone = run(people(B=2), history, 1, shorter)
    assert {row for row in told(gone) if row[2] == "gone"} == {
        ("A", "loyal", "gone"),
        ("B", "loyal", "gone"),
        ("A", "fresh", "gone"),
    }
    assert gone["rule_version"].null_count() == 0
    # who is merged into another leaves the tag behind, and the other one enters on their own
    assert (
        periods(landed(history, gone, 2), DAY + timedelta(days=1))
        .filter((pl.col("customer_id") == "A") & pl.col("until").is_null())
        .is_empty()
    )


def test_a_day_that_is_caught_up_sees_nothing_of_later_days() -> None:
    history = landed(NONE, run(people(A=2), NONE, 5), 1)
    late = run(people(A=2), history, 0)
    assert ("A", "loyal", "entered") in told(late)
    both = landed(history, late, 2)
    found = periods(both, DAY + timedelta(days=9)).filter(pl.col("tag_id") == "loyal")
    assert found.select("period", "since", "until").rows() == [(1, DAY, None)]


def test_what_a_run_decided_lands_once_and_a_repeat_adds_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    plan = RunPlan(DAY, 0, "Siyu", "Asia/Shanghai", "CNY")
    events = run(people(A=2), NONE, 0)
    assert commit_decided(lake, {"tag_events": events}, plan)
    assert not commit_decided(lake, {"tag_events": run(people(A=2), NONE, 0)}, plan)
    # a run in which nobody gets or loses anything lands nothing either
    quiet = run(people(A=2), landed(NONE, events, 1), 1)
    assert not commit_decided(lake, {"tag_events": quiet}, RunPlan(DAY + timedelta(days=1), 1, "S", "UTC", "CNY"))
    assert [file.rows for _, file in lake.files("decided", "tag_events")] == [events.height]


def test_a_candidate_without_a_field_is_a_fault() -> None:
    with pytest.raises(KeyError, match="reachable_by"):
        run(people(A=1).drop("reachable_by"), NONE, 0)


# ------------------------------------------------------------------ documents


def test_the_shipped_documents_hold() -> None:
    shipped = TagDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "tags.yaml")
    assert {"repeat_buyer", "out_of_reach"} <= {rule.id for rule in shipped.tags}
    EngagementDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "engagement.yaml")


@pytest.mark.parametrize(
    ("broken", "english", "chinese"),
    [
        (RULES.replace("orders_count, op: ge, value: 2", "phone, op: not_null"), "ask about phone", "不能使用 phone"),
        (RULES.replace("reachable_by", "has_tag"), "a tag cannot ask about has_tag", "标签规则不能使用 has_tag"),
        (RULES.replace("id: fresh", "id: loyal"), "'loyal' is there twice", "标签 'loyal' 重复"),
        (RULES.replace("op: ge, value: 2", "op: contains, value: x"), "does not know the operator", "不支持运算符"),
        (RULES.replace("expires_after_days: 2", "expires_after_days: 0"), "greater than or equal to 1", "不应小于 1"),
        (RULES.replace("en: Loyal", "xx: Loyal"), "Field required", "缺少必填项"),
    ],
)
def test_a_wrong_draft_is_refused_in_both_languages(broken: str, english: str, chinese: str) -> None:
    assert broken != RULES
    with pytest.raises(DocumentError) as refused:
        TagDocument.parse(broken, name="draft.yaml")
    assert english in str(refused.value)
    assert chinese in str(refused.value)


def test_no_personal_value_can_become_a_reason() -> None:
    assert not {"name", "phone", "email", "birth_date", "unionid", "external_userid", "member_no"} & set(TAG_FIELDS)


def test_points_must_add_up_and_steps_go_from_short_to_long() -> None:
    good = "recency: [{within_days: 7, points: 40}, {within_days: 30, points: 25}, {within_days: 90, points: 10}]\n"
    rest = "active_days: {points: 3, most: 30}\nmessages: {points: 2, most: 30}\n"
    table = rules_table(EngagementDocument.parse(good + rest, name="e"), datetime(2026, 7, 1))
    assert table["recency_since_2"].to_list() == [datetime(2026, 6, 1)]
    with pytest.raises(DocumentError, match=r"add up to 100.*应为 100"):
        EngagementDocument.parse(good + rest.replace("most: 30", "most: 31", 1), name="e")
    with pytest.raises(DocumentError, match="由短到长"):
        EngagementDocument.parse(good.replace("within_days: 7,", "within_days: 60,") + rest, name="e")


# ------------------------------------------------------------------ audiences

AUDIENCE = {
    "name": "loyal",
    "title": {"zh": "忠实", "en": "Loyal"},
    "purpose": "marketing",
    "channel": "sms",
    "identifier": "phone",
    "conditions": {
        "all": [
            {"field": "has_tag", "op": "eq", "value": "loyal"},
            {"field": "reachable_by", "op": "in", "value": ["sms", "wecom"]},
        ]
    },
}


def test_an_audience_asks_for_tags_and_channels_and_counts_as_profiling() -> None:
    document = AudienceDocument.model_validate(AUDIENCE)
    assert document.uses_profiling
    assert "has_tag" not in document.exported
    frame = pl.DataFrame(
        {
            "customer_id": ["A", "B", "C", "D"],
            "phone": ["1", "2", "3", "4"],
            "birth_date": [None] * 4,
            "has_tag": [["loyal", "x"], ["x"], None, ["loyal"]],
            "reachable_by": [["email", "sms"], ["sms"], ["sms"], []],
        },
        schema_overrides={"birth_date": pl.Date},
    )
    assert members(document, frame, datetime(2026, 7, 1))["customer_id"].to_list() == ["A"]


def test_several_values_cannot_be_handed_out() -> None:
    for place in ("columns", "order_by"):
        with pytest.raises(ValueError, match="has several values"):
            AudienceDocument.model_validate({**AUDIENCE, place: ["has_tag"]})


# ------------------------------------------------------------------ commands


def test_the_command_lists_rules_that_nobody_meets_and_refuses_a_wrong_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))
    listed = CliRunner().invoke(cli, ["tags", "list", "--json"])
    assert listed.exit_code == 0, listed.stderr
    rows = {row["tag_key"]: row for row in json.loads(listed.stdout)["tags"]}
    assert (rows["repeat_buyer"]["customers"], rows["repeat_buyer"]["source"]) == (0, "rule")
    draft = tmp_path / "draft.yaml"
    draft.write_text(RULES, encoding="utf-8")
    held = CliRunner().invoke(cli, ["tags", "check", str(draft), "--json"])
    assert [row["id"] for row in json.loads(held.stdout)["tags"]] == ["loyal", "fresh", "by_sms"]
    draft.write_text(RULES.replace("value: 2", "value: two"), encoding="utf-8")
    refused = CliRunner().invoke(cli, ["tags", "check", str(draft)])
    assert refused.exit_code == 1
    assert "the value must be a whole number" in refused.stderr
    assert "值应为整数" in refused.stderr
