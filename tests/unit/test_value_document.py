"""The value document: what it refuses, in words that name the field, and the tables that a run reads of it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from models.documents.loading import DocumentError
from models.documents.value import ValueDocument, value_tables
from models.settings import PROJECT_ROOT

SHIPPED = (PROJECT_ROOT / "data" / "rulebooks" / "value.yaml").read_text(encoding="utf-8")


def _edited(old: str, new: str) -> ValueDocument:
    assert SHIPPED.count(old) == 1, old
    return ValueDocument.parse(SHIPPED.replace(old, new), name="value.yaml")


def test_every_combination_of_scores_has_one_segment_and_every_segment_is_reached():
    tables = value_tables(ValueDocument.parse(SHIPPED, name="value.yaml"), datetime(2026, 6, 29, 16))
    boxes = tables["value_boxes"]
    assert boxes.height == 125 == boxes.drop("segment").n_unique()
    named = set(tables["value_segments"]["segment"])
    assert set(boxes["segment"]) == named - {"long_gone"}


def test_the_first_box_that_fits_wins():
    document = ValueDocument.parse(SHIPPED, name="value.yaml")
    found = {
        scores: document.segment_of(scores).id for scores in ((5, 5, 5), (5, 5, 3), (1, 5, 5), (1, 5, 3), (5, 1, 5))
    }
    assert list(found.values()) == ["champions", "loyal", "cannot_lose", "at_risk", "big_spenders"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  - {id: lost, ", "  - {id: fading_too, ", None),
        ('recency: "1", frequency: 1-2}', 'recency: "1", frequency: "1"}', "recency 1, frequency 2, monetary 1"),
        ("{id: lost, zh", "{id: asleep, zh", "asleep stands twice"),
        ("recency: 3-5, frequency: 4-5}", "recency: 3-5, frequency: 3-5}", "promising can never"),
        ("frequency: {quantiles: [20, 40, 60, 80]}", "frequency: {quantiles: [20, 20, 60, 80]}", "must ascend"),
        ("frequency: {quantiles: [20, 40, 60, 80]}", "frequency: {quantiles: [0, 40, 60, 80]}", "between 0 and 100"),
        ("frequency: {quantiles: [20, 40, 60, 80]}", "frequency: {}", "one of the two"),
        ("monetary: {quantiles: [20, 40, 60, 80]}", "monetary: {bounds: {yuan: [1, 2, 3, 4]}}", "no currency code"),
        ("recency: 4-5, frequency: 4-5, monetary: 4-5", "recency: 5-4, frequency: 4-5", "no range of scores"),
        ("labour: service_cost", "labour: fee", "components.costs.labour"),
        ("window_days: 730", "window_days: 0", "window_days"),
    ],
)  # fmt: skip
def test_a_document_that_does_not_hold_says_why(old, new, told):
    if told is None:
        assert _edited(old, new).segments[-1].id == "fading_too"
        return
    with pytest.raises(DocumentError, match=told) as refused:
        _edited(old, new)
    assert "（" in str(refused.value), "and in Chinese"


def test_the_window_begins_at_midnight_of_the_company():
    """730 civil days, not 730 x 24 hours: London changes its clocks between them."""
    document = ValueDocument.parse(SHIPPED.replace("window_days: 730", "window_days: 100"), name="value.yaml")
    found = value_tables(document, datetime(2026, 6, 29, 23), ZoneInfo("Europe/London"))["value_rules"]
    assert found["window_from"].to_list() == [datetime(2026, 3, 22, 0)]


def test_bounds_of_money_are_minor_units_of_their_currency():
    document = _edited(
        "monetary: {quantiles: [20, 40, 60, 80]}",
        "monetary: {bounds: {CNY: [100, 300.5, 1000, 3000], JPY: [1, 2, 3, 4]}, quantiles: [20, 40, 60, 99.5]}",
    )
    scales = value_tables(document, datetime(2026, 6, 29, 16))["value_scales"]
    assert scales.filter(measure="monetary").rows() == [
        ("monetary", "*", "quantiles", 200_000, 400_000, 600_000, 995_000),
        ("monetary", "CNY", "bounds", 10_000, 30_050, 100_000, 300_000),
        ("monetary", "JPY", "bounds", 1, 2, 3, 4),
    ]


@pytest.mark.parametrize(("kind", "component"), [("landed", "cost"), ("freight", "shipping")])
def test_the_kind_that_makes_a_cost_known_is_among_the_components_once(kind: str, component: str):
    """Also a kind that the document names nowhere else: without its row no cost would ever count as known."""
    document = _edited("cost_is_known_by: purchase", f"cost_is_known_by: {kind}")
    components = value_tables(document, datetime(2026, 6, 29, 16))["value_components"]
    assert components.filter("proves_known").rows() == [("costs", kind, component, True)]
    assert components.select("source", "kind").is_unique().all()
