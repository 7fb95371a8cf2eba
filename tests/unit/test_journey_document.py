"""The journey document: shipped ones hold, what cannot be walked is refused in both languages, tables follow it."""

from pathlib import Path

import pytest

from models.documents.journey import JourneyDocument, Sort
from models.documents.loading import DocumentError
from models.journeys.tables import limits_table, rules_table, stages_table
from models.settings import PROJECT_ROOT

RULEBOOKS = PROJECT_ROOT / "data" / "rulebooks"
SHIPPED = [RULEBOOKS / "journey.yaml", *sorted(RULEBOOKS.glob("industries/*/journey.yaml"))]
STEP = "{id: a, names: {zh: 甲, en: A}, touched: true}"


def parsed(*stages: str, alerts: str = "{}") -> JourneyDocument:
    lines = ["name: t", "touches: [seen]", f"alerts: {alerts}", "stages:", *(f"  - {stage}" for stage in stages)]
    return JourneyDocument.parse("\n".join(lines), name="journey.yaml")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_shipped_journeys_can_be_walked(path: Path) -> None:
    document = JourneyDocument.load(path)
    assert {stage.sort for stage in document.stages} == set(Sort)
    assert document.stages[0].touched, "everybody who does anything has a stage"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_shipped_journeys_name_kinds_that_the_timeline_has(path: Path) -> None:
    """A misspelt kind opens nothing, and nobody is told."""
    timeline = pytest.importorskip("models.interactions", reason="the list of the timeline's kinds is not here yet")
    document = JourneyDocument.load(path)
    named = set(rules_table(document)["kind"]) | set(document.touches)
    assert sorted(named - set(timeline.BY_KIND)) == []


def test_the_shipped_way_is_the_one_that_was_promised() -> None:
    names = [stage.id for stage in JourneyDocument.load(SHIPPED[0]).stages]
    assert names == [
        *("stranger", "lead", "contact", "first_order", "repurchase", "member", "dormant", "lost", "won_back"),
    ]
    assert len(SHIPPED) > 1, "an industry overrides it"


@pytest.mark.parametrize(
    ("stages", "en", "zh"),
    [
        ((STEP, STEP), "listed twice", "重复"),
        ((STEP, "{id: b, names: {zh: 乙, en: B}}"), "give one of touched", "必须写一种"),
        ((STEP, "{id: b, names: {zh: 乙, en: B}, touched: true, quiet_days: 3}"), "give one of touched", "必须写一种"),
        (("{id: q, names: {zh: 乙, en: B}, quiet_days: 3}", STEP), "must be a step", "必须是步骤"),
        ((STEP, "{id: b, names: {zh: 乙, en: B}, back_from: [x], stays_days: 3}"), "no quiet stage", "不是沉睡"),
        ((STEP, "{id: b, names: {zh: 乙, en: B}, back_from: [x]}"), "stays_days", "stays_days"),
        (
            (STEP, "{id: q, names: {zh: 乙, en: Q}, quiet_days: 9}", "{id: r, names: {zh: 丙, en: R}, quiet_days: 9}"),
            "shortest first",
            "从短到长",
        ),
        ((STEP, "{id: b, names: {zh: 乙, en: B}, enter: [[]]}"), "at least 1", "至少要有 1 项"),
        ((STEP, "{id: b, names: {zh: 乙, en: B}, enter: [{kinds: [Paid!]}]}"), "pattern", "格式应为"),
    ],
)
def test_what_cannot_be_walked_is_refused_in_both_languages(stages: tuple[str, ...], en: str, zh: str) -> None:
    with pytest.raises(DocumentError) as told:
        parsed(*stages)
    assert en in str(told.value)
    assert zh in str(told.value)


def test_alerts_that_could_never_judge_are_refused() -> None:
    with pytest.raises(DocumentError, match="least_weeks is more than weeks"):
        parsed(STEP, "{id: q, names: {zh: 乙, en: Q}, quiet_days: 9}", alerts="{weeks: 4, least_weeks: 5}")


def test_tables_say_what_the_document_says() -> None:
    document = parsed(
        STEP,
        "{id: b, names: {zh: 乙, en: B}, enter: [{kinds: [paid]}]}",
        "{id: c, names: {zh: 丙, en: C}, enter: [{kinds: [paid], nth: 2}, [{kinds: [joined, card]}, {kinds: [paid]}]]}",
        "{id: q, names: {zh: 丁, en: Q}, quiet_days: 9, target_days: 4}",
        "{id: r, names: {zh: 戊, en: R}, back_from: [q], stays_days: 2}",
    )
    stages = stages_table(document)
    assert stages.select("stage", "sort", "stage_rank", "horizon_days", "is_from").rows() == [
        ("a", "step", 1, 30, False),
        ("b", "step", 2, 30, False),
        ("c", "step", 3, 30, False),
        ("q", "quiet", 4, 4, True),
        ("r", "back", 5, 30, False),
    ]
    entered = rules_table(document).filter(part="enter")
    columns = ("stage", "alternative", "conditions_count", "condition", "kind", "nth", "kind_place")
    assert entered.select(columns).rows() == [
        ("a", 1, 1, 1, "seen", 1, 1),
        ("b", 1, 1, 2, "paid", 1, 1),
        ("c", 1, 1, 3, "paid", 2, 1),
        ("c", 2, 2, 4, "joined", 1, 1),
        ("c", 2, 2, 4, "card", 1, 2),
        ("c", 2, 2, 2, "paid", 1, 1),
    ]
    assert limits_table(document)["quiet_days"].item() == 9
