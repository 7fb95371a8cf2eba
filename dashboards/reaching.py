"""One customer's tags, channels and engagement: what holds first, why, and what was."""

import json

import polars as pl
import streamlit as st

from dashboards import frame, tables
from dashboards.frame import Page
from dashboards.text import Words
from models.audiences.fields import FIELDS


def show(page: Page, customer_id: str) -> None:
    _tags(page, customer_id)
    _channels(page, customer_id)
    _engagement(page, customer_id)
    _losses(page, customer_id)


def tag_names(frame_: pl.DataFrame, words: Words) -> pl.DataFrame:
    """``name`` and ``tag_group`` in the reader's language, where a tag has one."""
    if words.language == "zh":
        return frame_
    return frame_.with_columns(
        pl.coalesce("name_en", "name").alias("name"), pl.coalesce("tag_group_en", "tag_group").alias("tag_group")
    )


def reason(words: Words, text: str | None) -> str:
    """``{"orders_count": 5}`` in words: what the rule looked at, and what it saw."""
    if text is None:
        return ""
    seen = {name: value for name, value in json.loads(text).items() if name in FIELDS}
    told = [
        words(
            "reach.saw",
            field=getattr(FIELDS[name], words.language),
            value=_value(words, value),
        )
        for name, value in seen.items()
    ]
    return words("word.separator").join(told)


def _value(words: Words, value: object) -> str:
    if value is None:
        return words("reach.nothing")
    if isinstance(value, bool):
        return words("word.yes") if value else words("word.no")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _tags(page: Page, customer_id: str) -> None:
    words = page.words
    st.subheader(words("reach.tags"), anchor=False)
    found = tag_names(page.read("customer_tags", customer_id=customer_id), words)
    if found.is_empty():
        st.caption(words("reach.no_tags"))
        return
    shown = tables.in_words(found, words, source="tag_source").with_columns(
        pl.Series("reason", [reason(words, text) for text in found["reason"]], dtype=pl.String),
        pl.col("until").cast(pl.String).fill_null(words("reach.holds")),
    )
    tables.show(
        shown,
        {
            "name": words("column.tag"),
            "tag_group": words("column.tag_group"),
            "since": words("column.since"),
            "until": words("column.until"),
            "source": words("column.source"),
            "staff_name": words("column.staff"),
            "reason": words("column.reason"),
        },
        key="customer_tags",
    )


def _channels(page: Page, customer_id: str) -> None:
    words = page.words
    st.subheader(words("reach.channels"), anchor=False)
    found = page.read("customer_reach", customer_id=customer_id)
    if found.is_empty():
        st.caption(words("customers.nothing"))
        return
    shown = tables.in_words(
        page.times(found, "marketing_since", "service_since"),
        words,
        channel="channel",
        marketing_reason="reach_reason",
        service_reason="reach_reason",
    ).with_columns(pl.col("marketing_reason", "service_reason").fill_null(words("reach.reachable")))
    tables.show(
        shown,
        {
            "channel": words("column.channel"),
            "marketing_reason": words("purpose.marketing"),
            "marketing_since": words("column.since"),
            "service_reason": words("purpose.service"),
        },
        key="customer_reach",
    )
    st.caption(words("reach.list_note"))


def _engagement(page: Page, customer_id: str) -> None:
    words = page.words
    found = page.read("customer_engagement", customer_id=customer_id)
    if found.is_empty():
        return
    row = found.row(0, named=True)
    st.subheader(words("reach.engagement"), anchor=False)
    figures = [(words("reach.score"), str(row["score"]))]
    if row["messages_30"] is not None:  # they count what happened in any shop: for who sees all of them
        figures += [
            (words("reach.messages_30"), f"{row['messages_30']:,}"),
            (words("reach.messages_90"), f"{row['messages_90']:,}"),
            (words("reach.staff_messages_90"), f"{row['staff_messages_90']:,}"),
            (words("reach.sessions_90"), f"{row['sessions_90']:,}"),
            (words("reach.active_days_90"), f"{row['active_days_90']:,}"),
        ]
    frame.numbers(figures)
    if row["recency_points"] is None:
        return
    st.caption(
        words(
            "reach.score_note",
            recency=row["recency_points"],
            days=row["active_day_points"],
            messages=row["message_points"],
        )
    )


def _losses(page: Page, customer_id: str) -> None:
    words = page.words
    found = page.read("customer_losses", customer_id=customer_id)
    if found.is_empty():
        return
    st.subheader(words("reach.lost"), anchor=False)
    tables.show(
        tables.in_words(page.times(found, "lost_at"), words, cause="loss_cause"),
        {
            "lost_at": words("column.time"),
            "cause": words("column.cause"),
            "staff_name": words("column.staff"),
            "store_name": words("column.store"),
        },
        key="customer_losses",
    )
