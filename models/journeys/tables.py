"""The journey document as tables: what dbt reads."""

import polars as pl

from models.documents.journey import Happened, JourneyDocument, Sort, Stage
from models.money import PPM

DAY = 86_400

STAGES_SCHEMA: dict[str, pl.DataType] = {
    "stage": pl.String(),
    "sort": pl.String(),
    "name_zh": pl.String(),
    "name_en": pl.String(),
    "waits_for": pl.String(),
    "stage_rank": pl.Int32(),
    "quiet_days": pl.Int64(),
    "stays_days": pl.Int64(),
    "target_days": pl.Int64(),
    "horizon_days": pl.Int64(),
    "is_from": pl.Boolean(),
}
RULES_SCHEMA: dict[str, pl.DataType] = {
    "stage": pl.String(),
    "part": pl.String(),
    "kind": pl.String(),
    "stage_rank": pl.Int32(),
    "alternative": pl.Int32(),
    "conditions_count": pl.Int32(),
    "condition": pl.Int32(),
    "nth": pl.Int64(),
    "kind_place": pl.Int32(),
}
LIMITS_SCHEMA: dict[str, pl.DataType] = {
    "weeks": pl.Int64(),
    "least_weeks": pl.Int64(),
    "least_entries": pl.Int64(),
    "deviations_ppm": pl.Int64(),
    "least_points_ppm": pl.Int64(),
    "least_share_ppm": pl.Int64(),
    "quiet_days": pl.Int64(),
}


def stages_table(document: JourneyDocument) -> pl.DataFrame:
    """The dbt source ``journey_stages``: one row per stage, columns STAGES_SCHEMA.

    ``stage_rank`` counts from 1 in the document's order. ``horizon_days``: in which a conversion counts.
    ``is_from``: a quiet stage after which customers are back.
    """
    back_from = {name for stage in document.stages for name in stage.back_from}
    rows = [
        {
            "stage": stage.id,
            "sort": stage.sort.value,
            "name_zh": stage.names.zh,
            "name_en": stage.names.en,
            "waits_for": stage.waits_for.value,
            "stage_rank": rank,
            "quiet_days": stage.quiet_days,
            "stays_days": stage.stays_days,
            "target_days": stage.target_days,
            "horizon_days": stage.target_days or document.alerts.horizon_days,
            "is_from": stage.id in back_from,
        }
        for rank, stage in enumerate(document.stages, start=1)
    ]
    return pl.DataFrame(rows, schema=STAGES_SCHEMA, orient="row")


def rules_table(document: JourneyDocument) -> pl.DataFrame:
    """The dbt source ``journey_rules``: one row per stage, part, alternative, condition and kind, columns RULES_SCHEMA.

    ``part``: ``enter`` (a condition of a step: the ``nth`` of its kinds), ``joined`` and ``left`` (ties of a quiet
    stage), ``touch`` (a sign of life, for each stage that one may open: the back stage, and steps returned to).
    Equal conditions of several stages have one number, so that they are counted once; ``kind_place`` orders the
    kinds of one condition.
    """
    numbers: dict[Happened, int] = {}
    rows: list[tuple[object, ...]] = []
    for rank, stage in enumerate(document.stages, start=1):
        for alternative, conditions in enumerate(_alternatives(stage, document), start=1):
            for condition in conditions:
                number = numbers.setdefault(condition, len(numbers) + 1)
                rows += [
                    (stage.id, "enter", kind, rank, alternative, len(conditions), number, condition.nth, place)
                    for place, kind in enumerate(condition.kinds, start=1)
                ]
        if stage.gone is not None:
            for part, kinds in (("joined", stage.gone.joined), ("left", stage.gone.left)):
                rows += [(stage.id, part, kind, rank, 1, 1, 0, 1, place) for place, kind in enumerate(kinds, start=1)]
        if stage.sort is not Sort.QUIET:
            rows += [
                (stage.id, "touch", kind, rank, 1, 1, 0, 1, place)
                for place, kind in enumerate(document.touches, start=1)
            ]
    return pl.DataFrame(rows, schema=RULES_SCHEMA, orient="row")


def limits_table(document: JourneyDocument) -> pl.DataFrame:
    """The dbt source ``journey_limits``: one row, columns LIMITS_SCHEMA. ``quiet_days``: the shortest silence."""
    alerts = document.alerts
    silences = [stage.quiet_days for stage in document.stages if stage.quiet_days is not None]
    row = {
        "weeks": alerts.weeks,
        "least_weeks": alerts.least_weeks,
        "least_entries": alerts.least_entries,
        "deviations_ppm": round(alerts.deviations * PPM),
        "least_points_ppm": round(alerts.least_points * PPM / 100),
        "least_share_ppm": round(alerts.least_share * PPM / 100),
        "quiet_days": min(silences, default=3650),
    }
    return pl.DataFrame([row], schema=LIMITS_SCHEMA, orient="row")


def _alternatives(stage: Stage, document: JourneyDocument) -> tuple[tuple[Happened, ...], ...]:
    return ((Happened(kinds=document.touches),),) if stage.touched else stage.enter
