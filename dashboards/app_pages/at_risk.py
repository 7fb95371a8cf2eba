"""Customers at risk: how many in each band, and the list with the reasons in words and who should call."""

import polars as pl
import streamlit as st

from dashboards import charts, frame, tables
from dashboards.frame import Page
from dashboards.text import Words
from ml import features

BANDS = ("high", "medium", "low")


def show() -> None:
    page = frame.open_page("risk.title")
    words = page.words
    bands = page.read("risk_bands")
    if bands.is_empty():
        st.info(words("risk.none"))
        return
    band = st.segmented_control(
        words("risk.band"),
        BANDS,
        default="high",
        format_func=lambda code: words.code("band", code),
        key="risk_band",
    )
    _figures(words, bands)
    _list(page, page.read("risk_list", band=band, limit=500))


def _figures(words: Words, bands: pl.DataFrame) -> None:
    counted = {row["band"]: row for row in bands.iter_rows(named=True)}
    ordered = [counted[band] for band in BANDS if band in counted]
    frame.numbers(
        [
            (
                words("risk.band_figure", band=words.code("band", row["band"]), mean=tables.percent(row["mean_ppm"])),
                f"{row['customers']:,}",
            )
            for row in ordered
        ]
    )
    drawn = pl.DataFrame(
        {
            "band": [words.code("band", row["band"]) for row in ordered],
            "customers": [row["customers"] for row in ordered],
        }
    )
    charts.counts(drawn, "band", "customers", words("overview.customers"), alt=words("risk.chart"))
    st.caption(words("risk.note"))


def _list(page: Page, found: pl.DataFrame) -> None:
    words = page.words
    st.subheader(words("risk.list"), anchor=False)
    if found.is_empty():
        st.caption(words("risk.none_in_band"))
        return
    st.caption(words("risk.found", total=f"{int(found['matches_count'][0]):,}", shown=found.height))
    shown = tables.in_words(found, words, band="band").with_columns(
        pl.Series("score", [tables.percent(ppm) for ppm in found["score_ppm"]], dtype=pl.String),
        pl.Series(
            "reasons",
            [tables.reasons(row, words, features.BY_NAME) for row in found.iter_rows(named=True)],
            dtype=pl.String,
        ),
    )
    row = tables.pick(
        shown,
        {
            "place": words("column.place"),
            "name": words("column.name"),
            "score": words("column.score"),
            "reasons": words("column.reasons"),
            "owner_name": words("column.owner"),
            "owner_store_name": words("column.owner_store"),
            "phone": words("column.phone"),
            "band": words("column.band"),
        },
        right=("score",),
        small=("place", "score"),
        key="risk_list",
        height=560,
    )
    if row is not None:
        st.switch_page(
            "app_pages/customers.py",
            query_params={"customer": str(found["customer_id"][row])},
        )


show()
