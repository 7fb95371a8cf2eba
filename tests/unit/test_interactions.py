"""The table of kinds, its words, and the pages of a timeline.

Accidents it prevents: a kind that a page shows as `visit_missed`, a sentence with a hole that no row fills, a page that
loses what happened at one moment with the last row of the page before.
"""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from dashboards.text import LANGUAGES, Words
from dashboards.timeline import sentence, told
from models.interactions import BY_KIND, KINDS, SUBJECTS, TEXTS, kinds_table, touches
from models.serving.queries.timeline import older
from models.settings import PROJECT_ROOT

SQL = PROJECT_ROOT / "dbt_project" / "models" / "customers" / "timeline"
NOON = datetime(2026, 6, 1, 12)


def test_kinds_are_named_once_and_ordered():
    table = kinds_table()
    assert table["kind"].is_unique().all()
    assert table["kind_seq"].to_list() == list(range(1, len(KINDS) + 1))
    assert set(touches()) < set(BY_KIND)
    before = {kind: place for place, kind in enumerate(table["kind"])}
    assert before["order_placed"] < before["order_paid"] < before["order_shipped"] < before["refund"]
    assert before["ticket_opened"] < before["ticket_solved"] < before["reviewed"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_subject_and_sentence_has_words(language):
    words = Words(language)
    assert [kind for kind in BY_KIND if words.known("kind", kind) is None] == []
    assert [subject for subject in SUBJECTS if words.known("subject", subject) is None] == []
    for key, arguments in TEXTS.items():
        text = words.known("happening", key)
        assert text is not None, key
        assert set(re.findall(r"\{(\w+)\}", text)) == set(arguments), key


def test_no_sentence_is_left_over():
    known = json.loads((PROJECT_ROOT / "dashboards" / "locales" / "zh.json").read_text(encoding="utf-8"))
    assert [key for key in known if key.startswith("happening.") and key.removeprefix("happening.") not in TEXTS] == []


def test_every_subject_has_its_model_in_the_union():
    union = (SQL / "interactions.sql").read_text(encoding="utf-8")
    models = {path.stem.removeprefix("interactions__") for path in Path(SQL).glob("interactions__*.sql")}
    assert models == set(SUBJECTS)
    assert {subject for subject in SUBJECTS if f"'{subject}'" in union} == set(SUBJECTS)


def test_a_sentence_without_its_argument_is_that_of_the_kind_and_then_its_name():
    words = Words("en")
    assert sentence("cart_added.products", "cart_added", '{"product": "Tea", "quantity": "2"}', words) == (
        "2 × Tea added to the cart"
    )
    assert sentence("cart_added.products", "cart_added", None, words) == "Added something to the cart"
    assert sentence("cart_added.products", "cart_added", '{"product": "Tea", "quantity": null}', words) == (
        "Added something to the cart"
    )
    assert sentence("points_earned", "points_earned", None, words) == "points earned"
    assert sentence("of.tomorrow", "of", '{"a": 1}', words) == "of", "a newer release wrote it"
    assert sentence("consent_granted", "consent_granted", '{"purpose": "marketing"}', words) == "Agreed to marketing"


def test_braces_in_a_value_are_a_value():
    assert sentence("searched.keyword", "searched", '{"keyword": "{0.__class__} {x}"}', Words("en")) == (
        "Searched for “{0.__class__} {x}”"
    )


def test_a_row_tells_money_place_and_way():
    row = {"text_key": "order_paid", "kind": "order_paid", "arguments": None, "amount": 123_450, "currency": "CNY"}
    row |= {"store_name": None, "store_id": "S1", "staff_name": "Ann", "channel": "store"}
    assert told(row, Words("en")) == "Paid for an order · CNY 1,234.50\nS1 · Ann · store"
    bare = dict.fromkeys(row) | {"text_key": "call", "kind": "call"}
    assert told(bare, Words("zh")) == "与员工语音或视频通话"


def test_the_next_page_begins_where_this_one_ended_and_skips_what_was_told():
    def page(*minutes: int) -> pl.DataFrame:
        return pl.DataFrame({"occurred_at": [NOON - timedelta(minutes=minute) for minute in minutes]})

    assert older(page(0, 1, 2), None, 0) == (NOON - timedelta(minutes=2), 1)
    assert older(page(0, 1, 1), None, 0) == (NOON - timedelta(minutes=1), 2)
    assert older(page(1, 1, 1), NOON - timedelta(minutes=1), 2) == (NOON - timedelta(minutes=1), 5)
    assert older(page(1, 2), NOON - timedelta(minutes=1), 5) == (NOON - timedelta(minutes=2), 1)
