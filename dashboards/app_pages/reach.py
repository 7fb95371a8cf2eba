"""Who can be reached on which channel, which friends were lost and why, how alive groups are, which tags there are."""

from datetime import date

import polars as pl
import streamlit as st

from dashboards import charts, frame, reaching, tables
from dashboards.frame import Page
from dashboards.text import Words
from models.money import PPM
from models.serving.queries.reach import CAUSES, CHANNELS, PURPOSES

MONTHS = 12


def show() -> None:
    page = frame.open_page("reach.title")
    words = page.words
    purpose = st.segmented_control(
        words("reach.purpose"),
        PURPOSES,
        default=PURPOSES[0],
        format_func=lambda code: words.code("purpose", code),
        key="reach_purpose",
        required=True,
    )
    counted = page.read("reach_channels")
    if counted.is_empty():
        st.info(words("reach.none"))
        return
    _channels(words, counted, purpose)
    _stores(page, purpose)
    _losses(page)
    _groups(page)
    _tags(page)


def _channels(words: Words, counted: pl.DataFrame, purpose: str) -> None:
    reasons = counted.group_by("channel", pl.col(f"{purpose}_reason").alias("reason")).agg(pl.col("customers").sum())
    total = reasons.group_by("channel").agg(pl.col("customers").sum())["customers"].max()
    reachable = dict(reasons.filter(pl.col("reason").is_null()).select("channel", "customers").iter_rows())
    frame.numbers(
        [
            (
                words(
                    "reach.figure",
                    channel=words.code("channel", channel),
                    share=_share(reachable.get(channel, 0), total),
                ),
                f"{reachable.get(channel, 0):,}",
            )
            for channel in CHANNELS
        ]
    )
    st.caption(words("reach.note"))
    missed = reasons.drop_nulls("reason").sort("channel", "customers", descending=[False, True])
    with st.expander(words("reach.reasons")):
        tables.show(
            tables.in_words(missed, words, channel="channel", reason="reach_reason"),
            {
                "channel": words("column.channel"),
                "reason": words("column.reason"),
                "customers": words("column.customers"),
            },
            key="reach_reasons",
        )


def _share(count: int, total: object) -> str:
    return tables.percent(count * PPM // total, 0) if isinstance(total, int) and total else "-"


def _stores(page: Page, purpose: str) -> None:
    words = page.words
    st.subheader(words("reach.by_store"), anchor=False)
    channel = st.selectbox(
        words("column.channel"), CHANNELS, format_func=lambda code: words.code("channel", code), key="reach_channel"
    )
    found = page.read("reach_stores", reach_channel=channel, purpose=purpose)
    if found.is_empty():
        st.caption(words("customers.nothing"))
        return
    tables.show(
        found.with_columns(
            pl.coalesce("store_name", "store_id").alias("store_name"),
            (pl.col("reachable") * 100 / pl.col("customers")).alias("share"),
        ),
        {
            "store_name": words("column.store"),
            "customers": words("column.customers"),
            "reachable": words("reach.reachable"),
            "share": words("reach.share"),
        },
        formats={"share": "%.0f%%"},
        key="reach_stores",
    )
    st.caption(words("reach.store_note"))


def _losses(page: Page) -> None:
    words = page.words
    st.subheader(words("reach.lost"), anchor=False)
    first = _months_before(page.business_date, MONTHS - 1)
    found = page.read("reach_losses", first=first, last=page.business_date)
    if found.is_empty():
        st.caption(words("reach.none_lost"))
        return
    st.caption(words("reach.lost_note", first=first, last=page.business_date))
    by_month = found.group_by("month").agg(pl.col("losses").sum()).sort("month")
    charts.counts(
        by_month.with_columns(pl.col("month").dt.strftime("%Y-%m")),
        "month",
        "losses",
        (words("column.month"), words("column.losses")),
        alt=words("reach.lost"),
    )
    counts = dict(found.group_by("cause").agg(pl.col("losses").sum()).iter_rows())
    frame.numbers([(words.code("loss_cause", cause), f"{counts.get(cause, 0):,}") for cause in CAUSES])
    staff = page.read("reach_losses_by_staff", first=first, last=page.business_date)
    tables.show(
        staff.with_columns(
            pl.coalesce("staff_name", "userid").alias("staff_name"),
            pl.coalesce("store_name", "store_id").alias("store_name"),
        ),
        {
            "staff_name": words("column.staff"),
            "losses": words("column.losses"),
            **{cause: words.code("loss_cause", cause) for cause in CAUSES},
            "store_name": words("column.store"),
        },
        key="reach_losses",
    )


def _months_before(day: date, months: int) -> date:
    """The first day of the month that lies so many months before."""
    place = day.year * 12 + day.month - 1 - months
    return date(place // 12, place % 12 + 1, 1)


def _groups(page: Page) -> None:
    words = page.words
    st.subheader(words("reach.groups"), anchor=False)
    found = page.read("reach_groups")
    if found.is_empty():
        st.caption(words("reach.no_groups"))
        return
    tables.show(
        found.with_columns(
            pl.coalesce("store_name", "store_id").alias("store_name"), (pl.col("silent_ppm") / 10_000).alias("silent")
        ),
        {
            "name": words("column.group"),
            "members": words("column.members"),
            "external_members": words("column.external_members"),
            "messages_30": words("reach.messages"),
            "speakers_30": words("column.speakers"),
            "joined_30": words("column.joined"),
            "left_30": words("column.left"),
            "silent": words("column.silent"),
            "owner_name": words("column.owner"),
            "store_name": words("column.store"),
        },
        formats={"silent": "%.0f%%"},
        key="reach_groups",
    )
    st.caption(words("reach.groups_note"))


def _tags(page: Page) -> None:
    words = page.words
    st.subheader(words("reach.tags"), anchor=False)
    found = page.read("reach_tags")
    if found.is_empty():
        st.caption(words("reach.no_tags"))
        return
    tables.show(
        tables.in_words(reaching.tag_names(found, words), words, source="tag_source"),
        {
            "name": words("column.tag"),
            "customers": words("column.customers"),
            "tag_group": words("column.tag_group"),
            "source": words("column.source"),
            "last_given_on": words("column.last_given"),
            "tag_key": words("column.tag_key"),
        },
        key="reach_tags",
    )


show()
