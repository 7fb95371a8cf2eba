"""The glossary: it is refused when it does not hold, every figure is defined once, and figures are computed right."""

import re

import pytest
import yaml

from models.contracts.published import PUBLISHED
from models.documents.loading import DocumentError
from models.documents.metrics import DIMENSIONS, GLOSSARY, OWNERS, Glossary, Kind, Unit, glossary
from models.figures import needed, shown, values
from models.interactions import KINDS
from models.serving.queries import QUERIES
from models.serving.queries import metrics as queries
from models.serving.roles import ROLES
from models.settings import PROJECT_ROOT

KNOWN = glossary()
METRICS = PROJECT_ROOT / "dbt_project" / "models" / "metrics"
TEXT = GLOSSARY.read_text(encoding="utf-8")


def changed(figure_id: str, **fields: object) -> str:
    """The shipped document with one figure changed."""
    content = yaml.safe_load(TEXT)
    (figure,) = [one for one in content["figures"] if one["id"] == figure_id]
    figure |= fields
    return yaml.safe_dump(content, allow_unicode=True)


@pytest.mark.parametrize(
    ("figure_id", "fields", "words"),
    [
        ("orders", {"owner": "boss"}, "no role is called boss"),
        ("orders", {"dimensions": ["company", "moon"]}, "unknown dimension moon"),
        ("orders", {"id": "sales_amount"}, "sales_amount stands twice"),
        ("orders", {"parts": {"plus": ["buyers"]}}, "any other has rows"),
        ("refund_rate", {"parts": {"plus": ["buyerz"]}}, "buyerz is no figure that is kept"),
        ("refund_rate", {"parts": {"plus": ["customers"]}}, "customers is no figure that is kept"),
        ("refund_rate", {"parts": {"plus": ["consents_granted"]}}, "consents_granted is not kept by region"),
        ("buyers", {"unit": "money"}, "money needs a currency"),
        ("buyers", {"name": {"zh": "购买人数"}}, "en: Field required"),
        ("buyers", {"rows": {"mart": "orders", "measure": "drop table orders", "key": ["a"]}}, "measure"),
        ("buyers", {"rows": {"mart": "orders", "measure": "count(*)", "key": ["a"], "day": "d"}}, "do not say their"),
        ("customers", {"rows": {"mart": "customers", "measure": "count(*)", "key": ["a"], "day": "d"}}, "state none"),
        ("orders", {"kind": "derived"}, "any other has rows"),
    ],
)
def test_a_glossary_that_does_not_hold_is_refused_with_the_field_and_the_fault(figure_id, fields, words):
    with pytest.raises(DocumentError, match=re.escape(words)) as told:
        Glossary.parse(changed(figure_id, **fields), name="metrics.yaml")
    assert str(told.value).startswith("metrics.yaml: ")


def test_roles_and_dimensions_are_those_of_the_product():
    assert set(OWNERS) == set(ROLES)
    assert DIMENSIONS == queries.DIMENSIONS


def test_every_kept_figure_is_counted_by_the_model_that_it_names_and_by_no_other():
    sql = {path.stem: re.sub(r"(ref|source)\([^)]*\)", "", path.read_text()) for path in METRICS.glob("metric_*.sql")}
    for figure in (one for one in KNOWN.figures if one.is_stored):
        named = figure.rows.model if figure.rows else None
        found = [name for name, text in sql.items() if f"'{figure.id}'" in text]
        assert found == ([named] if named else []), figure.id
        assert named or figure.id.startswith("identity_"), (
            "those are counted when read (models.serving.queries.metrics)"
        )


def test_whose_act_something_is_reads_alike_in_the_glossary_and_on_the_timeline():
    rows = KNOWN["active_customers"].rows
    assert rows is not None
    assert set(re.findall(r"'(\w+)'", rows.where)) == {kind.kind for kind in KINDS if not kind.is_touch}


def test_the_published_table_is_the_contract_s():
    assert list(KNOWN.frame().columns) == list(PUBLISHED["metric_glossary"].columns)
    assert KNOWN.frame().height == len(KNOWN.figures) >= 35


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.id)
def test_a_figure_of_a_page_comes_from_a_published_table_and_from_nowhere_else(query):
    """A query that read a file or made rows up would have no road back to what landed."""
    statement = re.sub(r"'[^']*'", "''", re.sub(r"--[^\n]*", "", query.statement))
    named = set(re.findall(r"\b([a-z_]+)(?:\s*\([a-z_, ]+\))?\s+as\s+(?:not materialized\s+)?\(", statement))
    aliases = {"generate_series", "unnest", "range"}
    read = set(re.findall(r"\b(?:from|join)\s+\(?\s*([a-z_]+)\b(?!\.)", statement)) - {"select", "values", "lateral"}
    assert read - named - aliases <= set(PUBLISHED), query.id
    assert query.marts and query.marts <= set(PUBLISHED)


KEPT = {
    ("sales_amount", "CNY"): 10_001, ("orders", "CNY"): 2, ("sales_amount", "HKD"): 500,
    ("refunded_amount", "CNY"): 1_000, ("units", "CNY"): 2_500,
    ("buyers", ""): 3, ("returning_buyers", ""): 1, ("first_answer_seconds", ""): 125, ("tickets_answered", ""): 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("figure_id", "expected"),
    [
        ("average_order_value", {"CNY": 5_001, "HKD": None}),  # 5000.5 minor units; nothing to divide by
        ("net_sales", {"CNY": 9_001, "HKD": 500}),
        ("refund_rate", {"CNY": 99_990, "HKD": 0}),
        ("units_per_order", {"CNY": 1_250}),
        ("repurchase_rate", {"": 333_333}),
        ("mean_first_answer", {"": 63}),
        ("buyers", {"": 3}),
        ("tickets_opened", {"": 0}),
        ("refunds", {}),
    ],
)
def test_a_figure_is_made_of_what_is_kept_by_currency_and_rounded_half_up(figure_id, expected):
    figure = KNOWN[figure_id]
    kept = {key: value for key, value in KEPT.items() if key[0] in needed(figure)}
    assert values(KNOWN, figure, kept) == expected


@pytest.mark.parametrize(
    ("value", "unit", "currency", "text"),
    [
        (123_456, Unit.MONEY, "CNY", "1,234.56"),
        (1_235, Unit.MONEY, "JPY", "1,235"),
        (1_500, Unit.QUANTITY, "", "1.5"),
        (2_000, Unit.QUANTITY, "", "2"),
        (10_000, Unit.QUANTITY, "", "10"),
        (123_400, Unit.SHARE, "", "12.3%"),
        (3_725, Unit.SECONDS, "", "1:02:05"),
        (1_234, Unit.COUNT, "", "1,234"),
        (None, Unit.MONEY, "CNY", "-"),
    ],
)
def test_figures_read_as_people_write_them(value, unit, currency, text):
    assert shown(value, unit, currency) == text


def test_kinds_tell_what_can_be_added():
    assert {one.id for one in KNOWN.figures if one.kind is Kind.DISTINCT} == {
        "buyers", "new_buyers", "returning_buyers", "active_customers",
    }  # fmt: skip
