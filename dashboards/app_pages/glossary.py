"""What every figure means, how it is made, who answers for it, and what it is now; in scope of who looks."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import streamlit as st

from dashboards import frame, tables
from dashboards.frame import Page
from models.documents.metrics import Figure, Glossary, Kind, Unit, glossary
from models.figures import Kept, needed, shown, values

_PLACES = ("company", "region", "store", "channel")
_NAMED = {"region": "glossary.of_region", "store": "glossary.of_store", "channel": "glossary.of_channel"}
_PERIODS = ("month", "last_month", "day")


@dataclass(frozen=True)
class Asked:
    """The period and the place whose figures are shown. ``dimension`` None: the viewer has no figures anywhere."""

    kind: str  # day or month
    start: date
    dimension: str | None
    dimension_id: str


def show() -> None:
    page = frame.open_page("glossary.title")
    words = page.words
    st.caption(words("glossary.note"))
    with st.grid(3, min_column_width=200):
        text = st.text_input(words("glossary.search"), key="glossary_search")
        period = st.selectbox(
            words("glossary.period"), _PERIODS, format_func=lambda one: _period(page, one)[2], key="glossary_period"
        )
        place = _place(page)
    kind, start, _ = _period(page, period)
    asked = Asked(kind, start, *(place or (None, "")))
    known = glossary()
    wanted = [figure for figure in known.figures if _matches(figure, text)]
    if not wanted:
        st.info(words("glossary.none"))
        return
    kept = _kept(page, known, asked)
    rows = [_row(page, known, figure, kept, asked) for figure in wanted]
    chosen = tables.pick(
        pl.DataFrame(rows),
        {
            "name": words("column.figure"),
            "value": words("column.value_now"),
            "owner": words("column.owner_role"),
            "meaning": words("column.meaning"),
        },
        key="glossary_figures",
    )
    if chosen is None:
        st.caption(words("glossary.choose"))
        return
    _detail(page, known, wanted[chosen], asked, str(rows[chosen]["value"]))


def _period(page: Page, period: str) -> tuple[str, date, str]:
    """Kind, first day and words: yesterday, this month so far, the month before."""
    yesterday = page.business_date - timedelta(days=1)
    first = yesterday.replace(day=1)
    if period == "day":
        return "day", yesterday, str(yesterday)
    if period == "last_month":
        before = (first - timedelta(days=1)).replace(day=1)
        return "month", before, f"{before:%Y-%m}"
    return "month", first, page.words("glossary.so_far", month=f"{first:%Y-%m}")


def _place(page: Page) -> tuple[str, str] | None:
    """The company, a region, a store or a channel, as far as the viewer has figures of it."""
    words = page.words
    found = {
        (row["dimension_kind"], row["dimension_id"]): row["name"] or row["dimension_id"]
        for row in page.read("metric_places").iter_rows(named=True)
    }
    offered = sorted(found, key=lambda one: (_PLACES.index(one[0]), one[1]))
    chosen: tuple[str, str] | None = st.selectbox(
        words("glossary.place"),
        offered,
        format_func=lambda one: (
            words("glossary.company")
            if one[0] == "company"
            else words(_NAMED[one[0]], name=words.code("channel", found[one]))
        ),
        key="glossary_place",
    )
    return chosen


def _matches(figure: Figure, text: str) -> bool:
    """Searched for in both languages: people know a figure by either."""
    spoken = (figure.name, figure.meaning, figure.formula)
    heap = " ".join([figure.id, *(one.zh for one in spoken), *(one.en for one in spoken)]).casefold()
    return all(word in heap for word in text.casefold().split())


def _kept(page: Page, known: Glossary, asked: Asked) -> dict[tuple[str, str], int]:
    """Every kept figure of the place and period, by id and currency."""
    if asked.dimension is None:
        return {}
    about = {
        "metrics": tuple(figure.id for figure in known.figures if figure.is_stored),
        "period_kind": asked.kind,
        "dimension_kind": asked.dimension,
        "dimension_id": asked.dimension_id,
        "last": asked.start,
    }
    found = pl.concat([page.read("metric_values", first=asked.start, **about), page.read("metric_standing", **about)])
    kept = {(row["metric"], row["currency"]): row["value"] for row in found.iter_rows(named=True)}
    if asked.dimension == "company":
        states = page.read("metric_states").drop_nulls()
        kept |= {(metric, ""): value for metric, value in states.iter_rows()}
    return kept


def _row(page: Page, known: Glossary, figure: Figure, kept: Kept, asked: Asked) -> dict[str, str]:
    language = page.words.language
    return {
        "name": figure.name.of(language),
        "value": _value(known, figure, kept) if asked.dimension in figure.dimensions else "-",
        "owner": page.words.code("role", figure.owner),
        "meaning": figure.meaning.of(language),
    }


def _value(known: Glossary, figure: Figure, kept: Kept) -> str:
    """In each of its currencies, which are never added."""
    found = sorted(values(known, figure, kept).items())
    told = [
        tables.amount(value, code) if figure.unit is Unit.MONEY and value is not None else _in(code, value, figure)
        for code, value in found
    ]
    return "; ".join(told) or "0"


def _in(currency: str, value: int | None, figure: Figure) -> str:
    number = shown(value, figure.unit, currency)
    return f"{currency} {number}" if currency else number


def _detail(page: Page, known: Glossary, figure: Figure, asked: Asked, value: str) -> None:
    words, language = page.words, page.words.language
    st.subheader(figure.name.of(language), anchor=False)
    with st.container(border=True):
        st.text(figure.meaning.of(language))
        facts = [
            (words("column.value_now"), value),
            (words("glossary.formula"), figure.formula.of(language)),
            (words("glossary.unit"), words.code("figure_unit", figure.unit.value)),
            (words("column.owner_role"), words.code("role", figure.owner)),
            (words("glossary.adds_up"), words.code("figure_kind", figure.kind.value)),
            (
                words("glossary.dimensions"),
                words("glossary.comma").join(words.code("dimension", one) for one in figure.dimensions),
            ),
        ]
        for label, told in facts:
            st.caption(label)
            st.text(told)
    st.caption(words("glossary.lineage"))
    for one in (known[part] for part in needed(figure)):
        rows = one.rows
        if rows is not None:
            mart = words.known("table", rows.mart.removeprefix("serve_")) or rows.mart
            st.text(words("glossary.rows", name=one.name.of(language), mart=mart))
            st.code(f"{rows.measure}  ←  {rows.mart}: {rows.where}", language=None, wrap_lines=True)
    st.caption(words("glossary.why"))
    st.code(_command(figure, asked), language=None, wrap_lines=True)


def _command(figure: Figure, asked: Asked) -> str:
    parts = ["scrm why", figure.id]
    if figure.kind is not Kind.STATE:
        parts.append(f"--month {asked.start:%Y-%m}" if asked.kind == "month" else f"--on {asked.start}")
    if asked.dimension not in (None, "company") and asked.dimension in figure.dimensions:
        parts.append(f"--{asked.dimension} '{asked.dimension_id}'")
    return " ".join(parts)


show()
