"""Journeys: how customers go from stage to stage, where time is lost, what has moved, who buys again."""

from datetime import date, timedelta

import polars as pl
import streamlit as st

from dashboards import frame, journey_charts, tables
from dashboards.frame import Page
from dashboards.text import Words

DAYS = (90, 180, 365)
_EVERY = "every"
CHANNELS = (_EVERY, "online", "store", "undeclared")
ALERT_WEEKS = 12  # moves of older weeks have been dealt with, or never will be
_DAY = 86_400
_NOBODY = "none"  # next stage of who is still there
_COMPANY = "*"


def show() -> None:
    page = frame.open_page("journey.title")
    words = page.words
    stages = page.read("journey_stages")
    stores = page.read("journey_stores", limit=1000)
    if stores.is_empty():
        st.info(words("journey.none"))
        return
    with st.grid(2, min_column_width=200):
        days = st.segmented_control(
            words("journey.period"),
            DAYS,
            default=DAYS[1],
            format_func=lambda n: words("overview.days", n=n),
            key="journey_days",
            required=True,
        )
        names = dict(zip(stores["store_id"], stores["store_name"].fill_null(""), strict=True))
        store_id = st.selectbox(
            words("column.store"),
            [None, *names],
            format_func=lambda key: words("journey.every_store") if key is None else names[key] or key,
            key="journey_store",
        )
    first = _monday(page.business_date - timedelta(days=days))
    last = page.business_date - timedelta(days=1)
    called = _names(stages, words)
    funnel = page.read("journey_funnel", first=first, last=last, store_id=store_id)
    alerts = page.read(
        "journey_alerts",
        first=_monday(page.business_date - timedelta(weeks=ALERT_WEEKS)),
        store_id=store_id,
        limit=200,
    )
    _figures(words, funnel, alerts)
    _funnel(words, funnel, called, first)
    _flow(page, called, first, last, store_id)
    _alerts(words, alerts, called)
    _bottlenecks(words, page.read("journey_bottlenecks", store_id=store_id, limit=100), called)
    _cohorts(page, store_id, stores.height)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _names(stages: pl.DataFrame, words: Words) -> dict[str, str]:
    """What the document calls its stages, in the page's language."""
    called = dict(zip(stages["stage"], stages["name_zh" if words.language == "zh" else "name_en"], strict=True))
    return {**called, _NOBODY: words("journey.still")}


def _named(frame_: pl.DataFrame, called: dict[str, str], *columns: str) -> pl.DataFrame:
    return frame_.with_columns(pl.col(column).replace(called) for column in columns)


def _figures(words: Words, funnel: pl.DataFrame, alerts: pl.DataFrame) -> None:
    quiet = funnel.filter(pl.col("sort") == "quiet")["present_count"].sum()
    back = funnel.filter(pl.col("sort") == "back")["entered_count"].sum()
    frame.numbers(
        [
            (words("journey.present"), f"{funnel['present_count'].sum():,}"),
            (words("journey.present_quiet"), f"{quiet:,}"),
            (words("journey.came_back"), f"{back:,}"),
            (words("journey.moved_weeks"), f"{alerts.height:,}"),
        ]
    )


def _funnel(words: Words, funnel: pl.DataFrame, called: dict[str, str], first: date) -> None:
    title = words("journey.stages", first=first)
    st.subheader(title, anchor=False)
    st.caption(words("journey.stages_note"))
    outcomes = {
        "moved_count": words("journey.moved_on"),
        "dropped_count": words("journey.fell_silent"),
        "still_count": words("journey.still"),
    }
    named = _named(funnel, called, "stage")
    entered = named.filter(pl.col("entered_count") > 0)
    if entered.is_empty():
        st.caption(words("journey.nobody_entered"))
    else:
        drawn = (
            entered.select("stage", "stage_rank", *outcomes)
            .unpivot(index=["stage", "stage_rank"], variable_name="outcome", value_name="stays")
            .sort("stage_rank", maintain_order=True)
            .with_columns(pl.col("outcome").replace(outcomes))
            .select("stage", "outcome", "stays")
        )
        labels = (words("column.stage"), words("column.outcome"), words("column.entered"))
        journey_charts.outcomes(drawn, list(outcomes.values()), labels, alt=title)
    share = [
        pl.when(pl.col("entered_count") > 0).then(pl.col(name) * 100.0 / pl.col("entered_count")).alias(name)
        for name in outcomes
    ]
    tables.show(
        named.with_columns(share),
        {
            "stage": words("column.stage"),
            "entered_count": words("column.entered"),
            **outcomes,
            "median_days": words("column.median_days"),
            "target_days": words("column.target_days"),
            "present_count": words("column.present"),
        },
        formats=dict.fromkeys(outcomes, "%.1f%%"),
        key="journey_stages",
    )


def _flow(page: Page, called: dict[str, str], first: date, last: date, store_id: str | None) -> None:
    words = page.words
    flow = page.read("journey_flow", first=first, last=last, store_id=store_id)
    if flow.is_empty():
        return
    with st.expander(words("journey.next")):
        mean = pl.col("seconds_sum") / pl.col("entries_count") / _DAY
        tables.show(
            _named(flow, called, "stage", "next_stage").with_columns(mean.alias("mean_days")),
            {
                "stage": words("column.stage"),
                "next_stage": words("column.next_stage"),
                "entries_count": words("column.times"),
                "mean_days": words("column.mean_days"),
            },
            formats={"mean_days": "%.1f"},
            key="journey_flow",
        )


def _alerts(words: Words, alerts: pl.DataFrame, called: dict[str, str]) -> None:
    st.subheader(words("journey.alerts"), anchor=False)
    st.caption(words("journey.alerts_note"))
    if alerts.is_empty():
        st.caption(words("journey.no_alerts"))
        return
    shown = tables.in_words(_named(_placed(words, alerts), called, "stage"), words, measure="measure").with_columns(
        _measured(alerts, "value"), _measured(alerts, "usual")
    )
    tables.show(
        shown,
        {
            "week": words("column.week"),
            "place": words("column.store"),
            "stage": words("column.stage"),
            "measure": words("column.measure"),
            "value": words("column.value"),
            "usual": words("column.usual"),
            "entries_count": words("column.times"),
        },
        key="journey_alerts",
    )


def _measured(alerts: pl.DataFrame, column: str) -> pl.Series:
    """``12.3%`` for a conversion, ``25.0`` (days) for a time; at most 200 rows."""
    texts = [
        tables.percent(value) if measure == "conversion" else f"{value / _DAY:.1f}"
        for measure, value in zip(alerts["measure"], alerts[column], strict=True)
    ]
    return pl.Series(column, texts, dtype=pl.String)


def _placed(words: Words, frame_: pl.DataFrame) -> pl.DataFrame:
    """``place``: the store's name, or the company."""
    company = pl.when(pl.col("store_id") == _COMPANY).then(pl.lit(words("journey.company")))
    return frame_.with_columns(company.otherwise(pl.coalesce("store_name", "store_id")).alias("place"))


def _bottlenecks(words: Words, bottlenecks: pl.DataFrame, called: dict[str, str]) -> None:
    st.subheader(words("journey.bottlenecks"), anchor=False)
    st.caption(words("journey.bottlenecks_note"))
    if bottlenecks.is_empty():
        st.caption(words("journey.no_bottlenecks"))
        return
    seconds = ("target_seconds", "median_seconds", "p90_seconds", "excess_seconds")
    in_days = bottlenecks.with_columns(pl.col(column) / _DAY for column in seconds)
    named = _named(_placed(words, in_days), called, "stage", "next_stage")
    tables.show(
        tables.in_words(named, words, waits_for="waits_for"),
        {
            "stage": words("column.stage"),
            "next_stage": words("column.next_stage"),
            "waits_for": words("column.waits_for"),
            "excess_seconds": words("column.excess_days"),
            "times_count": words("column.times"),
            "late_count": words("column.late"),
            "target_seconds": words("column.target_days"),
            "median_seconds": words("column.median_days"),
            "p90_seconds": words("column.p90_days"),
            "place": words("column.store"),
        },
        formats={**dict.fromkeys(seconds, "%.1f"), "excess_seconds": "%,.0f"},
        key="journey_bottlenecks",
    )


def _cohorts(page: Page, store_id: str | None, stores_count: int) -> None:
    words = page.words
    st.subheader(words("journey.cohorts"), anchor=False)
    st.caption(words("journey.cohorts_note" if page.viewer.sees_all_stores or stores_count < 2 else "journey.added"))
    channel = st.segmented_control(
        words("column.channel"),
        CHANNELS,
        default=_EVERY,
        format_func=lambda code: words("journey.every_channel") if code == _EVERY else words.code("channel", code),
        key="journey_channel",
        required=True,
    )
    last = (page.business_date - timedelta(days=1)).replace(day=1)  # the month of the last whole day
    first = last.replace(year=last.year - 1)
    given = {"first": first, "last": last, "store_id": store_id, "channel": None if channel == _EVERY else channel}
    found = page.read("cohort_retention", **given)
    if found.is_empty():
        st.caption(words("journey.no_cohorts"))
        return
    labels = (words("column.cohort"), words("column.months_since"), words("column.retained"), words("column.customers"))
    journey_charts.retention(_every_month(found, last), labels, alt=words("journey.cohorts"))
    revenue = page.read("cohort_revenue", **given)
    sizes = found.filter(pl.col("months_since") == 0).select("cohort_month", "customers_count")
    spent = revenue.join(sizes, on="cohort_month", how="inner", maintain_order="left")
    tables.show(
        tables.money(spent, "paid_amount", "refunded_amount", "first_amount").with_columns(
            pl.col("cohort_month").dt.strftime("%Y-%m")
        ),
        {
            "cohort_month": words("column.cohort"),
            "customers_count": words("column.customers"),
            "currency": words("column.currency"),
            "paid_amount": words("column.paid"),
            "first_amount": words("column.first_month"),
            "refunded_amount": words("column.refunded"),
        },
        small=("currency",),
        key="journey_cohorts",
    )


def _every_month(found: pl.DataFrame, last: date) -> pl.DataFrame:
    """cohort, months_since, share, active_count: also months that are over or begun and in which nobody bought."""
    cohorts = found.select("cohort_month", "customers_count").unique().sort("cohort_month")
    months = pl.int_ranges(0, _months_until(last) + 1).alias("months_since")
    return (
        cohorts.with_columns(months)
        .explode("months_since")
        .join(found.drop("customers_count"), on=["cohort_month", "months_since"], how="left", maintain_order="left")
        .with_columns(pl.col("active_count").fill_null(0))
        .select(
            pl.col("cohort_month").dt.strftime("%Y-%m").alias("cohort"),
            "months_since",
            (pl.col("active_count") / pl.col("customers_count")).alias("share"),
            "active_count",
        )
    )


def _months_until(last: date) -> pl.Expr:
    month = pl.col("cohort_month")
    return (last.year - month.dt.year().cast(pl.Int64)) * 12 + last.month - month.dt.month().cast(pl.Int64)


show()
