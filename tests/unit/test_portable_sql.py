"""One SQL for two engines: every model runs on DuckDB and on Spark, and money never meets a float.

The accident it prevents: a word that only one engine knows, found when the first company outgrows its machine; and a
division that turns an amount into a DOUBLE.
"""

import re
from pathlib import Path

import pytest

from models import money
from models.contracts import contract
from models.settings import PROJECT_ROOT

DBT = PROJECT_ROOT / "dbt_project"
SQL_FILES = sorted(path for folder in ("models", "macros", "tests") for path in (DBT / folder).rglob("*.sql"))

#: What only one engine reads, and what to write instead.
DIALECT = {
    r"\basof\b": "asof join: a range join on validity",
    r"//": "//: multiply and round, or floor()",
    r"::": "::: cast(x as type)",
    r"\barg_(max|min)\b": "arg_max: max_by / min_by",
    r"\b(quantile\w*|median|mode|approx_\w+)\s*\(": "quantiles: row_number() and count(*)",
    r"\b(list|array_agg|list_\w+|struct_pack|unnest|string_agg|listagg)\s*\(": "nested values: keep one row per value",
    r"\b(strftime|strptime|date_format|to_char|epoch|epoch_ms|date_diff|datediff|timezone|from_utc_timestamp)\s*\(": (
        "dates: the macros of macros/engines.sql"
    ),
    r"\*\s*exclude\b|\*\s*replace\s*\(|\bcolumns\s*\(": "star tricks: name the columns",
    r"\bcast\([^()]*\bas\s+(varchar|text|hugeint|integer)\b": "types: string, bigint, int",
    r"\bconcat\s*\(": "concat: its nulls differ between the engines, use ||",
    r"\bhash\s*\(": "hash: md5, through content_hash()",
    r"\b(read_parquet|read_csv|range|generate_series)\s*\(": "table functions: source() and ref()",
    r"\b(current_date|current_timestamp|now|random|uuid|gen_random_uuid)\b": "now and chance are inputs of a run",
    r'"': "a name in double quotes is a text on Spark: choose a name that needs none",
    r"\bround\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*,\s*[1-9]": "round(x, n) of a floating number: six_places()",
    r"\b(pivot|unpivot)\b": "pivot: one select per column and union all",
    r"\bcreate_sort_key\b|\busing\s+key\b|\bpositional\s+join\b": "DuckDB only",
}
#: In models that hold money.
MONEY = {
    r"/": "division makes a DOUBLE of an amount: multiply with integers and round",
    r"\bavg\s*\(": "avg makes a DOUBLE of an amount: publish sum and count",
    r"\b(double|float|real)\b": "an amount is BIGINT minor units",
}

JINJA_COMMENT = re.compile(r"\{#.*?#\}", re.S)
JINJA_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.S)
LINE_COMMENT = re.compile(r"--[^\n]*")
TEXT = re.compile(r"'[^'\n]*'")
ENGINE_MACRO = re.compile(r"\{%-?\s*macro\s+(duckdb|default|spark)__.*?endmacro\s*-?%\}", re.S)


def bare(sql: str) -> str:
    """The SQL without comments, texts, Jinja tags and the macros that are meant for one engine; lines kept."""
    for pattern in (JINJA_COMMENT, ENGINE_MACRO, JINJA_TAG, LINE_COMMENT, TEXT):
        sql = pattern.sub(lambda match: "\n" * match.group().count("\n"), sql)
    return sql.lower()


def findings(sql: str, rules: dict[str, str]) -> list[str]:
    clean = bare(sql)
    return [
        f"line {clean.count(chr(10), 0, match.start()) + 1}: {match.group()!r} — {advice}"
        for pattern, advice in rules.items()
        for match in re.finditer(pattern, clean)
    ]


def holds_money(path: Path) -> bool:
    return path.is_relative_to(DBT / "models") and path.relative_to(DBT / "models").parts[0] != "features"


def name(path: Path) -> str:
    return str(path.relative_to(DBT))


def test_there_is_sql_to_check() -> None:
    assert len(SQL_FILES) > 30


@pytest.mark.parametrize("path", SQL_FILES, ids=name)
def test_sql_reads_on_both_engines(path: Path) -> None:
    assert findings(path.read_text(), DIALECT) == [], f"{name(path)} is not portable"


def test_no_view_reads_inputs() -> None:
    """A view is asked after its warehouse was promoted, when the folder of its inputs has another name."""
    views = [path for path in SQL_FILES if "materialized='view'" in path.read_text("utf-8")]
    assert views
    assert [path.name for path in views if "source(" in path.read_text("utf-8")] == []


@pytest.mark.parametrize("path", SQL_FILES, ids=name)
def test_no_text_holds_a_backslash(path: Path) -> None:
    """Spark takes it for the start of an escape, DuckDB for itself: '\\n' is one character there and two here."""
    sql = JINJA_TAG.sub("", ENGINE_MACRO.sub("", JINJA_COMMENT.sub("", path.read_text())))
    assert [text for text in TEXT.findall(LINE_COMMENT.sub("", sql)) if "\\" in text] == []


@pytest.mark.parametrize("path", [path for path in SQL_FILES if holds_money(path)], ids=name)
def test_money_stays_integer(path: Path) -> None:
    assert findings(path.read_text(), MONEY) == [], f"{name(path)} lets money become a float"


@pytest.mark.parametrize(
    "sql",
    [
        "select * from a asof join b using (t)",
        "select a // b from t",
        "select arg_max(a, b) from t",
        "select quantile_cont(a, 0.5) from t",
        "select list(a) from t",
        "select strftime(a, '%Y') from t",
        "select * exclude (a) from t",
        "select columns('a.*') from t",
        "select a::bigint from t",
        "select current_date",
        "select cast(a as varchar) from t",
        'select "a" from t',
        "select round(cast(a as double) / nullif(b, 0), 6) from t",
    ],
)
def test_the_lint_sees_a_dialect_word(sql: str) -> None:
    assert findings(sql, DIALECT)


def test_the_lint_ignores_what_is_not_sql() -> None:
    sql = "-- a // b :: list(\n{# asof #}{% if a // b %}select 'a::b' as text{% endif %}"
    assert findings(sql, DIALECT) == []


@pytest.mark.parametrize("sql", ["select paid_amount / 3", "select avg(paid_amount)", "select cast(a as double)"])
def test_the_lint_sees_money_become_a_float(sql: str) -> None:
    assert findings(sql, MONEY)


def test_both_lists_of_minor_units_agree() -> None:
    """SQL and Python must round the same currency to the same unit."""
    macro = (DBT / "macros" / "money.sql").read_text()
    by_units = dict(re.findall(r"in \(([^)]*)\) then (\d+)", macro.split("endmacro")[0]))
    listed = {code: len(units) - 1 for codes, units in by_units.items() for code in re.findall(r"'([A-Z]{3})'", codes)}
    assert listed == money._EXPONENTS
    assert "else 100" in macro and money.exponent("CNY") == 2


@pytest.mark.parametrize("dataset", ["taobao_trades", "taobao_refunds", "youzan_trades", "youzan_refunds"])
def test_both_lists_of_known_states_agree(dataset: str) -> None:
    """A state that only one side knows would be told as unknown for ever, or never."""
    macro = (DBT / "macros" / "platforms.sql").read_text().split("macro known_states")[1]
    (listed,) = re.findall(rf"'{dataset}': \[(.*?)\]", macro, re.S)
    assert sorted(re.findall(r"'(\w+)'", listed)) == sorted(contract(dataset).by_name["status"].known)
