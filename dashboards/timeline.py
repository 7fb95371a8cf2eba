"""The timeline of one customer as sentences: what happened, day by day, newest first.

A row of the data is a text key with arguments; the words come from the locales. Arguments are values of the data, so a
sentence is drawn by ``st.text`` alone.
"""

import json
import string
from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from dashboards import tables
from dashboards.frame import Page
from dashboards.text import Words
from models.serving.queries.timeline import ROWS, older

_CODES = {"purpose": "purpose"}  # argument -> family of words, where it has words
_SUBJECT = "timeline_subject"


def show(page: Page, customer_id: str) -> None:
    words = page.words
    counts = {
        row["subject"]: row["interactions_count"]
        for row in page.read("customer_timeline_subjects", customer_id=customer_id).iter_rows(named=True)
    }
    if not counts:
        st.caption(words("customers.nothing"))
        return
    subject = _chosen_subject(words, counts)
    place = f"timeline {customer_id} {subject}"
    turned: list[tuple[datetime | None, int]] = st.session_state.setdefault(place, [(None, 0)])
    before, skip = turned[-1]
    found = page.read("customer_timeline", customer_id=customer_id, subject=subject, before=before, skip=skip)
    _days(page, found)
    newer_here, older_here = len(turned) > 1, found.height == ROWS
    if not (newer_here or older_here):
        return
    with st.container(horizontal=True):
        if st.button(words("timeline.newer"), disabled=not newer_here, key="timeline_newer"):
            turned.pop()
            st.rerun()
        if st.button(words("timeline.older"), disabled=not older_here, key="timeline_older"):
            turned.append(older(found, before, skip))
            st.rerun()


def _chosen_subject(words: Words, counts: Mapping[str, int]) -> str | None:
    """One subject, or all of them (None)."""
    options = ["", *counts]
    total = sum(counts.values())
    chosen = st.pills(
        words("timeline.subject"),
        options,
        default="",
        format_func=lambda code: words(
            "timeline.option",
            subject=words.code("subject", code) if code else words("timeline.all"),
            count=f"{counts[code] if code else total:,}",
        ),
        key=_SUBJECT,
        label_visibility="collapsed",
    )
    return chosen or None


def _days(page: Page, found: pl.DataFrame) -> None:
    """A box for each day; two lines for each thing that happened, so that it reads on a phone."""
    local = [(_local(row["occurred_at"], page.zone), row) for row in found.iter_rows(named=True)]
    for day, rows in groupby(local, key=lambda pair: pair[0].date()):
        st.caption(str(day))
        with st.container(border=True, gap="small"):
            for when, row in rows:
                st.text(f"{when:%H:%M}  {told(row, page.words)}")


def told(row: Mapping[str, Any], words: Words) -> str:
    """The sentence with its money, and below it where, who and by which way."""
    line = sentence(row["text_key"], row["kind"], row["arguments"], words)
    if row["amount"] is not None and row["currency"] is not None:
        line += f" · {tables.amount(row['amount'], row['currency'])}"
    place = row["store_name"] or row["store_id"]
    where = [place, row["staff_name"], words.code("channel", row["channel"])]
    return "\n".join(part for part in (line, " · ".join(text for text in where if text)) if part)


def sentence(text_key: str | None, kind: str, arguments: str | None, words: Words) -> str:
    """The words of a text key. Without them, or without an argument that they need (it is hidden, or a newer release
    wrote the row): the sentence of the kind alone, else the kind's name."""
    given: dict[str, object] = json.loads(arguments) if arguments else {}
    values = {name: _value(name, value, words) for name, value in given.items() if value is not None}
    for key in (text_key, kind):
        text = words.known("happening", key) if key else None
        if text is not None and {name for _, name, _, _ in string.Formatter().parse(text) if name} <= values.keys():
            return text.format(**values)
    return words.code("kind", kind)


def _value(name: str, value: object, words: Words) -> str:
    return words.code(_CODES[name], str(value)) if name in _CODES else str(value)


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
