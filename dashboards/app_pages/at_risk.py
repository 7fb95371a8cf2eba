"""Customers at risk: how many in each band, where they belong, and the list of whom to call and why."""

import polars as pl
import streamlit as st

from dashboards import charts, frame, tables
from dashboards.frame import Page
from dashboards.text import Words
from ml import features

BANDS = ("high", "medium", "low")
MOST_BARS = 12  # stores drawn; all of them can be chosen


def show() -> None:
    page = frame.open_page("risk.title")
    words = page.words
    bands = page.read("risk_bands")
    if bands.is_empty():
        st.info(words("risk.none"))
        return
    _figures(page, bands)
    st.caption(words("risk.note"))
    st.subheader(words("risk.list"), anchor=False)
    band = st.segmented_control(
        words("risk.band"),
        BANDS,
        default=BANDS[0],
        format_func=lambda code: words.code("band", code),
        key="risk_band",
    )
    stores = page.read("risk_by_store", band=band)
    _by_store(words, stores.drop_nulls("owner_store_id"), band)
    names = {row["owner_store_id"]: row["owner_store_name"] or row["owner_store_id"] for row in _owned(stores)}
    store_id = st.selectbox(
        words("column.owner_store"),
        [None, *names],
        format_func=lambda code: words("risk.every_store") if code is None else names[code],
        key="risk_store",
    )
    _list(page, page.read("risk_list", band=band, store_id=store_id, limit=500), band)


def _owned(stores: pl.DataFrame) -> list[dict[str, str]]:
    return stores.drop_nulls("owner_store_id").sort("owner_store_id").to_dicts()


def _figures(page: Page, bands: pl.DataFrame) -> None:
    words = page.words
    counted = {row["band"]: row for row in bands.iter_rows(named=True)}
    frame.numbers(
        [
            (
                words(
                    "risk.band_figure", band=words.code("band", band), mean=tables.percent(counted[band]["mean_ppm"])
                ),
                f"{counted[band]['customers']:,}",
                page.about("customers_at_risk") if band == "high" else None,
            )
            for band in BANDS
            if band in counted
        ]
    )


def _by_store(words: Words, stores: pl.DataFrame, band: str | None) -> None:
    """Where to begin: the stores whose employees own the most of them."""
    if stores.height < 2:
        return
    title = words("risk.chart") if band is None else words("risk.chart_of_band", band=words.code("band", band))
    st.caption(title)
    drawn = stores.head(MOST_BARS).with_columns(pl.coalesce("owner_store_name", "owner_store_id").alias("store"))
    charts.counts(drawn, "store", "customers", (words("column.owner_store"), words("column.customers")), alt=title)


def _list(page: Page, found: pl.DataFrame, band: str | None) -> None:
    words = page.words
    if found.is_empty():
        st.caption(words("risk.none_in_band"))
        return
    st.caption(words("risk.found", total=f"{int(found['matches_count'][0]):,}", shown=found.height))
    shown = tables.in_words(page.times(found, "last_order_at"), words, band="band").with_columns(
        pl.col("last_order_at").str.head(10),
        # in words: a ticked box beside the boxes that choose a row is a riddle
        pl.when("has_marketing_consent")
        .then(pl.lit(words("word.yes")))
        .otherwise(pl.lit(words("word.no")))
        .alias("consent"),
        pl.Series("score", [tables.probability(ppm) for ppm in found["score_ppm"]], dtype=pl.Float64),
        pl.Series(
            "reasons",
            [tables.reasons(row, words, features.BY_NAME) for row in found.iter_rows(named=True)],
            dtype=pl.String,
        ),
    )
    row = tables.pick(
        shown,
        {
            "name": words("column.name"),
            "score": words("column.score"),
            **({} if band else {"band": words("column.band")}),
            "last_order_at": words("column.last_order"),
            "consent": words("column.consent"),
            "phone": words("column.phone"),
            "owner_name": words("column.owner"),
            "owner_store_name": words("column.owner_store"),
            "reasons": words("column.reasons"),
        },
        formats={"score": "%.1f%%"},
        key="risk_list",
        height=560,
    )
    if row is not None:
        st.switch_page(
            "app_pages/customers.py",
            query_params={"customer": str(found["customer_id"][row])},
        )


show()
