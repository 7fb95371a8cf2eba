"""Personas and values as numbers. The accident: two values with one number, by which two people become one; or a number
that DuckDB and Spark compute differently."""

import hashlib
from types import SimpleNamespace

import duckdb
import jinja2
import polars as pl
import pytest

from models.identity import observing
from models.settings import PROJECT_ROOT

MACROS = PROJECT_ROOT / "dbt_project" / "macros"


def content_number(engine: str) -> str:
    """The SQL of the macro for the columns a and b, as dbt writes it for an engine."""
    sql = "\n".join((MACROS / name).read_text(encoding="utf-8") for name in ("engines.sql", "keys.sql"))
    template = jinja2.Environment(autoescape=False).from_string(sql)
    globals_: dict[str, object] = {"return": lambda found: found}
    module = template.make_module(globals_)
    adapter = SimpleNamespace(dispatch=lambda name, _: getattr(module, f"{engine}__{name}"))
    return str(template.make_module(globals_ | {"adapter": adapter}).content_number(["a", "b"]))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("a", "b"), [("王芳", "+8613912345678"), ("", None), (None, None), ("x" * 200, "0")])
def test_the_number_of_a_persona_is_the_first_60_bits_of_the_md5_of_what_it_states(
    a: str | None, b: str | None
) -> None:
    text = "\x1f".join("\x1e" if value is None else value for value in (a, b))
    with duckdb.connect() as connection:
        query = f"select {content_number('duckdb')}, typeof({content_number('duckdb')}) from (select $a as a, $b as b)"
        found = connection.execute(query, {"a": a, "b": b}).fetchone()
    assert found == (int(hashlib.md5(text.encode()).hexdigest()[:15], 16), "BIGINT")


def test_spark_reads_the_same_digits_as_a_number() -> None:
    duck, spark = content_number("duckdb"), content_number("default")
    digits = duck.removeprefix("cast('0x' || ").removesuffix(" as bigint)")
    assert digits.startswith("substr(md5(")
    assert spark == f"cast(conv({digits}, 16, 10) as bigint)"


def test_a_value_has_another_number_under_another_type_and_keeps_it_wherever_it_stands() -> None:
    values = pl.DataFrame({"identifier_type": ["phone", "member_no", "phone"], "identifier": ["1", "1", "2"]})
    numbers = observing.value_ids(values)
    assert numbers.n_unique() == 3
    assert numbers.min() >= 0  # type: ignore[operator]
    assert observing.value_ids(values.reverse()).to_list() == numbers.to_list()[::-1]


def test_two_values_with_one_number_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "VALUE_BITS", 8)
    values = pl.DataFrame({"identifier_type": "phone", "identifier": [str(n) for n in range(300)]})
    with pytest.raises(observing.ValuesCollideError, match="two different values"):
        observing.value_ids(values)
