"""What a run decides about rule tags: events of who got which tag and who lost it, after what earlier runs decided.

An event is kept for good (``tag_events``), because who met a condition on a day cannot be asked again later:
conditions, scores and consents change. What happened before decides what is told now:

========= ================= ==========================================================
before     condition          event
========= ================= ==========================================================
without    holds              ``entered``
within     fails              ``left``
within     holds, time over   ``expired``: without, until the condition has failed once
expired    fails              ``left``: from now on it may be entered again
within     rule or customer   ``gone``
           is no more
========= ================= ==========================================================
"""

from datetime import date, datetime

import polars as pl

from models.audiences.conditions import expression, fields_of
from models.audiences.fields import DTYPES, FIELDS
from models.contracts.decided import TAG_EVENTS
from models.documents.tags import TagDocument, TagRule

EVENTS_SCHEMA = TAG_EVENTS.dtypes
STATE_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("customer_id", "tag_id", "kind"), pl.String()),
    "decided_on": pl.Date(),
}
_WITHIN, _EXPIRED = "entered", "expired"
_NAMES = ("name_zh", "name_en", "group_zh", "group_en", "rule_version")


def decide(
    document: TagDocument,
    candidates: pl.DataFrame,
    history: pl.DataFrame,
    as_of: datetime,
    business_date: date,
    run_key: str,
) -> pl.DataFrame:
    """The events of this run, as the contract ``tag_events``; none when nothing changed.

    ``candidates``: one row per customer with the document's fields. ``history``: events that earlier runs decided, with
    ``seq`` of their batch; what was decided for a later day does not count. ``as_of`` (naive UTC): ``within_days``
    counts from it. Raises KeyError when a field is missing.
    """
    if missing := sorted(document.fields - set(candidates.columns)):
        raise KeyError(f"tags: candidates lack {', '.join(missing)}")
    states = standing(history, business_date)
    typed = candidates.with_columns(pl.col(name).cast(DTYPES[FIELDS[name].kind]) for name in sorted(document.fields))
    found = [_of_rule(rule, typed, states, as_of, business_date) for rule in document.tags]
    known = pl.Series([rule.id for rule in document.tags], dtype=pl.String)
    people = candidates.select("customer_id")
    over = states.filter(pl.col("kind") == _WITHIN)
    kept = over.filter(pl.col("tag_id").is_in(known.implode())).join(people, on="customer_id", how="semi")
    found.append(_gone(over.join(kept, on=["customer_id", "tag_id"], how="anti"), history))
    events = pl.concat(found).sort("tag_id", "customer_id")
    return events.with_columns(
        pl.concat_str(pl.lit(run_key), "tag_id", "customer_id", separator=":").alias("event_id"),
        pl.lit(business_date).alias("decided_on"),
    ).select(pl.col(name).cast(dtype) for name, dtype in EVENTS_SCHEMA.items())


def standing(history: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """The last event of every customer and tag up to a day: customer_id, tag_id, kind, decided_on."""
    return (
        history.filter(pl.col("decided_on") <= business_date)
        .sort("decided_on", "seq")
        .group_by("customer_id", "tag_id")
        .agg(pl.col("kind").last(), pl.col("decided_on").last())
        .select(pl.col(name).cast(dtype) for name, dtype in STATE_SCHEMA.items())
    )


def periods(events: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """From events to periods: customer_id, tag_id, name_zh, name_en, group_zh, group_en, reason, period, since, until.

    Grain (customer_id, tag_id, period), periods numbered from 1. ``events``: of all runs with ``seq`` (of this run:
    null, they come last). ``until``: the first day without the tag; null: it holds. Names: of when it was entered.
    """
    order = ["customer_id", "tag_id", "decided_on", "seq"]
    # of two runs that were carried out in the wrong order both may say that somebody entered: the first counts
    changed = _marked(
        events.filter(pl.col("decided_on") <= business_date)
        .with_columns(pl.col("seq").fill_null(2**62), within=pl.col("kind") == _WITHIN)
        .sort(order)
    ).filter(pl.col("within") != (pl.col("within").shift(1) & ~pl.col("begins")).fill_null(value=False))
    # what is left goes in and out in turn, so that a place in its group says the how-manieth time it is
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    return (
        _marked(changed)
        .with_columns(
            until=pl.when(~pl.col("begins").shift(-1).fill_null(value=True)).then(pl.col("decided_on").shift(-1)),
            period=(place - pl.when("begins").then(place).forward_fill()) // 2 + 1,
        )
        .filter("within")
        .select("customer_id", "tag_id", *_NAMES[:4], "reason", "period", pl.col("decided_on").alias("since"), "until")
    )


def _marked(events: pl.DataFrame) -> pl.DataFrame:
    """``begins``: the row is the first of its customer and tag. Rows are sorted by both: each is compared with the one
    before, because windows over two million small groups take half a minute more."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("customer_id", "tag_id"))
    return events.with_columns(begins=~same.fill_null(value=False))


def _of_rule(
    rule: TagRule, candidates: pl.DataFrame, states: pl.DataFrame, as_of: datetime, business_date: date
) -> pl.DataFrame:
    """customer_id, tag_id, kind, reason and names of what changes under one rule."""
    asked = sorted(fields_of(rule.tree))
    before = states.filter(pl.col("tag_id") == rule.id).select("customer_id", was="kind", was_on="decided_on")
    judged = candidates.select(
        "customer_id",
        expression(rule.tree, as_of).alias("holds"),
        pl.struct(asked).struct.json_encode().alias("reason"),
    ).join(before, on="customer_id", how="left")
    within, expired = pl.col("was").eq_missing(_WITHIN), pl.col("was").eq_missing(_EXPIRED)
    over = pl.lit(value=False)
    if rule.expires_after_days is not None:
        over = (pl.lit(business_date) - pl.col("was_on")).dt.total_days() >= rule.expires_after_days
    kind = (
        pl.when(within & ~pl.col("holds"))
        .then(pl.lit("left"))
        .when(within & over)
        .then(pl.lit("expired"))
        .when(expired & ~pl.col("holds"))
        .then(pl.lit("left"))
        .when(~within & ~expired & pl.col("holds"))
        .then(pl.lit("entered"))
    )
    return _events(
        judged.with_columns(kind=kind).drop_nulls("kind"),
        {
            "tag_id": rule.id,
            "name_zh": rule.name.zh,
            "name_en": rule.name.en,
            "group_zh": rule.group.zh,
            "group_en": rule.group.en,
            "rule_version": rule.version,
        },
    )


def _gone(states: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Tags of rules or customers that are no more end, under the names that they had."""
    told = history.group_by("tag_id").agg(pl.col("rule_version").sort_by("decided_on", "seq").last())
    return _events(
        states.select("customer_id", "tag_id")
        .join(told, on="tag_id", how="left")
        .with_columns(kind=pl.lit("gone"), reason=pl.lit(None, dtype=pl.String)),
        {},
    )


def _events(frame: pl.DataFrame, said: dict[str, str]) -> pl.DataFrame:
    columns = ("customer_id", "tag_id", "kind", *_NAMES[:4], "reason", "rule_version")
    told = frame.with_columns(pl.lit(value, dtype=pl.String).alias(name) for name, value in said.items())
    return told.select(
        (pl.col(name) if name in told.columns else pl.lit(None, dtype=pl.String).alias(name)) for name in columns
    )
