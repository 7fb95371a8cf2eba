"""Random condition trees against a plain reading of the same tree, row by row; and hostile values."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.audiences.conditions import ConditionError, canonical, expression, fields_of, parse
from models.audiences.fields import DTYPES, FIELDS, OPERATORS

AS_OF = datetime(2026, 6, 30)

# Few values, so that random rows and random conditions meet; among them what a careless engine would interpret.
TEXTS = ["", "a", "A", "ab", "%", "_", "a%b", ".*", "'", "''; drop table customers --", '"', "上海", "\\", "$1", "é"]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(TEXTS),
    "number": st.sampled_from([-(2**63), -1, 0, 1, 2, 2**63 - 1]),
    "boolean": st.booleans(),
    "date": st.dates(date(2026, 6, 26), date(2026, 7, 2)),
    "texts": st.sampled_from(TEXTS),
    "timestamp": st.datetimes(datetime(2026, 6, 27), datetime(2026, 7, 2)).map(lambda t: t.replace(minute=0, second=0)),
}
# Two of each kind are enough; every kind is there.
ASKED = ("city", "band", "orders_count", "rank", "is_wecom_contact", "birth_date", "last_order_at", "has_tag")


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(ASKED))
    kind = FIELDS[field].kind
    op = draw(st.sampled_from(OPERATORS[kind]))
    if op in ("is_null", "not_null"):
        return {"field": field, "op": op}
    if op in ("within_days", "older_than_days"):
        return {"field": field, "op": op, "value": draw(st.integers(0, 4))}
    if op == "between":
        return {"field": field, "op": op, "value": [draw(VALUES[kind]), draw(VALUES[kind])]}
    if op == "in":
        return {"field": field, "op": op, "value": draw(st.lists(VALUES[kind], min_size=1, max_size=3))}
    return {"field": field, "op": op, "value": draw(VALUES[kind])}


trees = st.recursive(
    conditions(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=8,
)


def cells(field: str) -> st.SearchStrategy[Any]:
    """What a row may hold: of a field with several values a list, also an empty one."""
    values = VALUES[FIELDS[field].kind]
    return st.none() | (st.lists(values, max_size=3) if FIELDS[field].kind == "texts" else values)


rows = st.lists(st.fixed_dictionaries({field: cells(field) for field in ASKED}), min_size=1, max_size=12)


def plainly(tree: dict[str, Any], row: dict[str, Any]) -> bool:
    """The reference: what the documentation says, in as few words as possible."""
    if "all" in tree:
        return all(plainly(part, row) for part in tree["all"])
    if "any" in tree:
        return any(plainly(part, row) for part in tree["any"])
    if "not" in tree:
        return not plainly(tree["not"], row)
    value, op, wanted = row[tree["field"]], tree["op"], tree.get("value")
    if op == "is_null" or value is None:
        return op == "is_null" and value is None
    if op in ("within_days", "older_than_days"):
        since = AS_OF - timedelta(days=wanted)
        since = since if isinstance(value, datetime) else since.date()
        return value >= since if op == "within_days" else value < since
    if isinstance(value, list) and op != "not_null":
        return bool(set(value) & ({wanted} if op == "eq" else set(wanted)))
    return {
        "not_null": lambda: True,
        "eq": lambda: value == wanted,
        "ne": lambda: value != wanted,
        "lt": lambda: value < wanted,
        "le": lambda: value <= wanted,
        "gt": lambda: value > wanted,
        "ge": lambda: value >= wanted,
        "in": lambda: value in wanted,
        "between": lambda: wanted[0] <= value <= wanted[1],
        "contains": lambda: wanted in value,
        "starts_with": lambda: value.startswith(wanted),
    }[op]()


@settings(max_examples=400, deadline=None)
@given(trees, rows)
def test_the_engine_reads_a_tree_as_documented(tree: dict[str, Any], people: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(people, schema={field: DTYPES[FIELDS[field].kind] for field in ASKED})
    found = frame.select(expression(parse(tree), AS_OF).alias("in"))["in"]
    assert found.to_list() == [plainly(tree, row) for row in people]


@settings(max_examples=200, deadline=None)
@given(trees)
def test_the_canonical_form_is_the_same_tree(tree: dict[str, Any]) -> None:
    parsed = parse(tree)
    assert parse(canonical(parsed)) == parsed
    assert canonical(parse(canonical(parsed))) == canonical(parsed)
    assert fields_of(parsed) <= set(ASKED)


INJECTIONS = [
    "'; drop table customers; --",
    "' or 1=1 --",
    "1) or (1=1",
    "city' union select phone from customers --",
    'city"',
    "city; attach '/etc/passwd'",
    "read_csv('/etc/passwd')",
    "^.*$",
    "*",
    "customer_stores.store_id",
    "__class__",
    "City",
    "",
]


@pytest.mark.parametrize("payload", INJECTIONS)
def test_hostile_text_is_a_literal_as_value_and_refused_as_field_and_operator(payload: str) -> None:
    frame = pl.DataFrame({"city": [payload, "上海", "zz" + payload, None]})
    for op, expected in (
        ("eq", [True, False, False, False]),
        ("starts_with", [True, payload == "", payload == "", False]),
        ("contains", [True, payload == "", True, False]),
    ):
        found = frame.select(expression(parse({"field": "city", "op": op, "value": payload}), AS_OF).alias("in"))
        assert found["in"].to_list() == expected
    with pytest.raises(ConditionError, match="unknown field"):
        parse({"field": payload, "op": "eq", "value": "x"})
    with pytest.raises(ConditionError, match="does not know the operator"):
        parse({"field": "city", "op": payload, "value": "x"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("band = 'high'", "write {field, op, value}"),
        ({"all": []}, "at least one"),
        ({"all": [], "any": []}, "stands alone"),
        (
            {"all": [{"not": {"field": "band", "op": "eq"}}]},
            r"conditions\.all\[0\]\.not: band eq: the value must be text",
        ),
        ({"field": "band", "op": "eq", "value": "a", "sql": "1"}, "unknown sql"),
        ({"field": "orders_count", "op": "gt", "value": True}, "whole number"),
        ({"field": "orders_count", "op": "gt", "value": 1.5}, "whole number"),
        ({"field": "orders_count", "op": "gt", "value": 2**63}, "whole number"),
        ({"field": "orders_count", "op": "contains", "value": "1"}, "does not know the operator"),
        ({"field": "is_wecom_contact", "op": "eq", "value": "yes"}, "true or false"),
        ({"field": "birth_date", "op": "lt", "value": datetime(2026, 1, 1)}, "a date like"),
        ({"field": "last_order_at", "op": "lt", "value": "soon"}, "a time like"),
        ({"field": "last_order_at", "op": "within_days", "value": -1}, "days from 0"),
        ({"field": "rank", "op": "between", "value": [1]}, "list of two"),
        ({"field": "band", "op": "in", "value": "high"}, "must be a list"),
        ({"field": "band", "op": "is_null", "value": 1}, "takes no value"),
        ({"field": "name", "op": "eq", "value": "x\0"}, "text of at most"),
    ],
)
def test_a_wrong_condition_is_refused_with_its_place(content: object, message: str) -> None:
    with pytest.raises(ConditionError, match=message):
        parse(content)


def test_a_bomb_is_refused_at_once() -> None:
    deep: Any = {"field": "band", "op": "is_null"}
    for _ in range(5_000):
        deep = {"not": deep}
    wide: Any = {"field": "band", "op": "is_null"}
    for _ in range(12):
        wide = {"all": [wide] * 12}  # 12^12 conditions once unfolded, as YAML anchors can write them
    for bomb in (deep, wide):
        with pytest.raises(ConditionError, match="nested at most"):
            parse(bomb)
