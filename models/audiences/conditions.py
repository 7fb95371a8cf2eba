"""The condition tree of an audience: read from YAML or JSON, checked against the fields, compiled to polars.

A tree is ``{all: [...]}``, ``{any: [...]}``, ``{not: ...}`` or a test ``{field, op, value}``. Logic is two-valued: a
test on an empty value is false (except ``is_null``), so ``not`` around it is true. Values are always values: they
reach polars as typed literals, never as text that something parses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl

from models.audiences.fields import DTYPES, FIELDS, OPERATORS, FieldKind
from models.documents.loading import RefusedError

MAX_TESTS = 200
MAX_DEPTH = 20  # polars and the readers of a document both recurse
MAX_LIST = 1_000
MAX_TEXT = 200
MAX_DAYS = 36_500
_INT64 = 2**63
_GROUPS = ("all", "any", "not")


class ConditionError(RefusedError):
    """A condition does not hold; the message names the place, what is wrong, and what is known, in both languages."""


@dataclass(frozen=True)
class Test:
    """``value``: typed by the field's kind; a tuple for ``in`` and ``between``, days for the two relative ones."""

    __test__ = False  # pytest would take it for a test class

    field: str
    op: str
    value: Any = None


@dataclass(frozen=True)
class All:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True)
class AnyOf:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Not:
    part: "Condition"


Condition = Test | All | AnyOf | Not


# ---------------------------------------------------------------------- reading


def parse(content: object) -> Condition:
    """The tree of a document's ``conditions``. Raises ConditionError."""
    count = [0]
    return _parse(content, "conditions", 1, count)


def _parse(content: object, place: str, depth: int, count: list[int]) -> Condition:
    count[0] += 1
    if depth > MAX_DEPTH or count[0] > MAX_TESTS:
        raise ConditionError(
            f"{place}: at most {MAX_TESTS} conditions, nested at most {MAX_DEPTH} deep",
            f"{place}：最多 {MAX_TESTS} 个条件，最多嵌套 {MAX_DEPTH} 层",
        )
    if not isinstance(content, Mapping):
        raise ConditionError(
            f"{place}: write {{field, op, value}}, or one of all, any, not",
            f"{place}：应写成 {{field, op, value}}，或 all、any、not 之一",
        )
    keys = [key for key in _GROUPS if key in content]
    if not keys:
        return _parse_test(content, place)
    if len(content) != 1:
        raise ConditionError(
            f"{place}: {keys[0]} stands alone; put the other conditions into its list",
            f"{place}：{keys[0]} 须单独使用，其他条件请放入它的列表",
        )
    key, inner = keys[0], content[keys[0]]
    if key == "not":
        return Not(_parse(inner, f"{place}.not", depth + 1, count))
    if not isinstance(inner, list | tuple) or not inner:
        raise ConditionError(
            f"{place}.{key}: needs a list with at least one condition", f"{place}.{key}：应为至少含一个条件的列表"
        )
    parts = tuple(_parse(part, f"{place}.{key}[{n}]", depth + 1, count) for n, part in enumerate(inner))
    return All(parts) if key == "all" else AnyOf(parts)


def _parse_test(content: Mapping[object, object], place: str) -> Test:
    unknown = [str(key) for key in content if key not in ("field", "op", "value")]
    if unknown:
        raise ConditionError(
            f"{place}: unknown {', '.join(unknown)[:80]}; write {{field, op, value}}",
            f"{place}：没有 {'、'.join(unknown)[:80]}，应写成 {{field, op, value}}",
        )
    name, op = content.get("field"), content.get("op")
    if not isinstance(name, str) or name not in FIELDS:
        raise ConditionError(
            f"{place}: unknown field {str(name)[:80]!r}; known: {', '.join(FIELDS)}",
            f"{place}：没有字段 {str(name)[:80]!r}，可用：{'、'.join(FIELDS)}",
        )
    kind = FIELDS[name].kind
    if not isinstance(op, str) or op not in OPERATORS[kind]:
        raise ConditionError(
            f"{place}: {name} does not know the operator {str(op)[:80]!r}; known: {', '.join(OPERATORS[kind])}",
            f"{place}：{name} 不支持运算符 {str(op)[:80]!r}，可用：{'、'.join(OPERATORS[kind])}",
        )
    try:
        return Test(name, op, _operand(kind, op, content.get("value")))
    except ConditionError as error:
        raise ConditionError(f"{place}: {name} {op}: {error}", f"{place}：{name} {op}：{error.zh}") from None


def _operand(kind: FieldKind, op: str, value: object) -> Any:
    if op in ("is_null", "not_null"):
        if value is not None:
            raise ConditionError("takes no value", "不带值")
        return None
    if op in ("within_days", "older_than_days"):
        if type(value) is not int or not 0 <= value <= MAX_DAYS:
            raise ConditionError(
                f"the value must be a whole number of days from 0 to {MAX_DAYS}", f"值应为 0 至 {MAX_DAYS} 的整天数"
            )
        return value
    if op in ("in", "between"):
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_LIST:
            raise ConditionError(
                f"the value must be a list of 1 to {MAX_LIST} values", f"值应为含 1 至 {MAX_LIST} 个值的列表"
            )
        if op == "between" and len(value) != 2:
            raise ConditionError(
                "the value must be a list of two, lowest and highest, both included",
                "值应为两个值的列表：下限与上限，均包含",
            )
        return tuple(_READERS[kind](one) for one in value)
    return _READERS[kind](value)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or "\0" in value:
        raise ConditionError(
            f"the value must be text of at most {MAX_TEXT} characters", f"值应为最多 {MAX_TEXT} 字的文本"
        )
    return value


def _number(value: object) -> int:
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise ConditionError("the value must be a whole number", "值应为整数")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ConditionError("the value must be true or false", "值应为 true 或 false")
    return value


def _date(value: object) -> date:
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ConditionError("the value must be a date like 2026-01-31", "值应为日期，如 2026-01-31") from None


def _timestamp(value: object) -> datetime:
    """Naive UTC; a date is its first moment, a time with an offset is converted."""
    if type(value) is date:
        return datetime.combine(value, time())
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)  # type: ignore[arg-type]
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except (TypeError, ValueError, OverflowError):
        raise ConditionError(
            "the value must be a time like 2026-01-31T08:00:00, UTC", "值应为时间，如 2026-01-31T08:00:00（UTC）"
        ) from None


_READERS: dict[FieldKind, Callable[[object], Any]] = {
    "text": _text,
    "texts": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}


# ---------------------------------------------------------------------- using


def canonical(condition: Condition) -> dict[str, Any]:
    """The tree as plain JSON values; ``parse(canonical(tree)) == tree``."""
    match condition:
        case All(parts):
            return {"all": [canonical(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [canonical(part) for part in parts]}
        case Not(part):
            return {"not": canonical(part)}
        case Test(field, op, None):
            return {"field": field, "op": op}
        case Test(field, op, value):
            plain = [_plain(one) for one in value] if isinstance(value, tuple) else _plain(value)
            return {"field": field, "op": op, "value": plain}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def fields_of(condition: Condition) -> frozenset[str]:
    """Names of the fields that a tree asks about."""
    match condition:
        case All(parts) | AnyOf(parts):
            return frozenset().union(*(fields_of(part) for part in parts))
        case Not(part):
            return fields_of(part)
        case Test(field, _, _):
            return frozenset({field})


def expression(condition: Condition, as_of: datetime) -> pl.Expr:
    """A Boolean expression over the fields' columns, never null. ``as_of`` (naive UTC): ``within_days`` ends there."""
    match condition:
        case All(parts):
            return pl.all_horizontal(expression(part, as_of) for part in parts)
        case AnyOf(parts):
            return pl.any_horizontal(expression(part, as_of) for part in parts)
        case Not(part):
            return ~expression(part, as_of)
        case Test():
            return _test(condition, as_of).fill_null(value=False)


def _test(test: Test, as_of: datetime) -> pl.Expr:
    kind = FIELDS[test.field].kind
    column = pl.col(test.field)
    dtype = DTYPES[kind]
    match test.op:
        case "is_null":
            return column.is_null()
        case "not_null":
            return column.is_not_null()
        case "eq" | "in" if kind == "texts":
            wanted = [test.value] if test.op == "eq" else list(test.value)
            return column.list.set_intersection(pl.lit(pl.Series([wanted], dtype=dtype)).first()).list.len() > 0
        case "in":
            return column.is_in(pl.lit(pl.Series([list(test.value)], dtype=pl.List(dtype))).first())
        case "between":
            return column.is_between(pl.lit(test.value[0], dtype=dtype), pl.lit(test.value[1], dtype=dtype))
        case "contains":
            return column.str.contains(pl.lit(test.value), literal=True)
        case "starts_with":
            return column.str.starts_with(pl.lit(test.value))
        case "within_days" | "older_than_days":
            since = as_of - timedelta(days=test.value)
            edge = pl.lit(since.date() if kind == "date" else since, dtype=dtype)
            return column >= edge if test.op == "within_days" else column < edge
        case comparison:
            return _COMPARISONS[comparison](column, pl.lit(test.value, dtype=dtype))


_COMPARISONS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
}
