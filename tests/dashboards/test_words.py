"""Every word is in both languages, every key exists, none is left over; pages keep to the safe ways of showing data."""

import ast
import json
import re
import string
from pathlib import Path

import pytest

from dashboards.text import LANGUAGES

PROJECT = Path(__file__).parents[2]
DASHBOARDS = PROJECT / "dashboards"
SOURCES = sorted(DASHBOARDS.rglob("*.py"))
#: families that hold the words of codes in the data: asked for with ``words.code(family, code)`` or ``in_words``
FAMILIES = {
    "act", "band", "channel", "check", "component", "consent_state", "contact_kind", "cost_source", "dataset",
    "decided", "dimension", "door", "estimator", "figure_kind", "figure_unit", "gap_reason", "gender", "happening",
    "home_store_rule", "identifier", "identity_cause", "identity_event", "key_check", "kind", "likeness",
    "link_rule", "link_state", "loss_cause", "measure", "metric", "metric_note", "owner_rule", "party_role",
    "posting", "purpose", "reach_reason", "refusal", "region_rule", "review_kind", "role", "scope", "status",
    "store_type", "stream", "subject", "table", "tag_source", "value_refusal", "verdict", "waits_for", "way",
    "period_kind", "posting_meaning", "settlement_component", "statement_due", "statement_part", "statement_state",
    # of reconciliation, and of the import page; reasons are found by the form of the importer's sentence
    "difference", "difference_meaning", "payment_channel", "reconciliation_side", "reconciliation_state",
    "basis", "job_kind", "job_status", "job_step", "layout", "reason", "remedy", "skipped", "unit",
    # of the page Rules & what-if
    "held_back", "rulebook_event", "rulebook_state", "rules_part",
}  # fmt: skip


def _locale(language: str) -> dict[str, str]:
    pairs = json.loads(
        (DASHBOARDS / "locales" / f"{language}.json").read_text(encoding="utf-8"), object_pairs_hook=lambda found: found
    )
    assert len(pairs) == len(dict(pairs)), "a key stands twice"
    return dict(pairs)


def _strings() -> set[str]:
    return {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_the_same_holes():
    zh, en = (_locale(language) for language in LANGUAGES)
    assert zh.keys() == en.keys()
    assert [key for key in zh if _fields(zh[key]) != _fields(en[key])] == []
    assert [key for key in zh if not zh[key].strip() or not en[key].strip()] == []


def test_every_key_asked_for_exists():
    known = _locale("zh")
    rooms = {key.split(".")[0] for key in known} - FAMILIES
    asked = {text for text in _strings() if re.fullmatch(r"[a-z]+\.[a-z_.]+", text) and text.split(".")[0] in rooms}
    assert len(asked) > 100
    assert sorted(text for text in asked - known.keys() if not text.endswith((".py", ".yaml"))) == []


def test_no_key_is_left_over():
    asked = _strings()
    left = [key for key in _locale("zh") if key not in asked and key.split(".")[0] not in FAMILIES]
    assert left == []


def test_every_family_is_asked_for():
    assert sorted(FAMILIES - _strings()) == []


def test_every_check_and_every_checked_table_has_words():
    """The page showed ``grain_serve_customers_customer_id`` to the owner of a shop."""
    known = _locale("zh").keys()
    dbt = PROJECT / "dbt_project"
    rules = {path.stem.removeprefix("assert_") for path in (dbt / "tests").rglob("assert_*.sql")}
    models = {path.stem.removeprefix("serve_") for path in (dbt / "models").rglob("*.sql")}
    assert sorted(name for name in rules if f"check.{name}" not in known) == []
    assert sorted(name for name in models if f"table.{name}" not in known) == []
    words = {key.split(".")[1] for key in known if key.startswith("table.")}
    assert sorted(words - models) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_pages_write_no_words_of_their_own(path):
    """Chinese in a page's code is a word that English readers would meet."""
    code = ast.parse(path.read_text(encoding="utf-8"))
    found = [
        node.value
        for node in ast.walk(code)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"[\u4e00-\u9fff]", node.value)
    ]
    assert found == (["中文"] if path.name == "text.py" else [])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_pages_have_no_other_way_to_data_or_to_html(path):
    code = path.read_text(encoding="utf-8")
    for banned in (
        "unsafe_allow_html",
        "st.html(",
        "st.table(",
        "st.write(",
        "st.line_chart(",
        "import duckdb",
    ):
        assert banned not in code, (path.name, banned)
