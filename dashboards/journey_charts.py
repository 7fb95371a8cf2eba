"""Charts of the journey page: how stays ended, and who of a cohort buys again."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st

_ROW = 30  # pixels


def outcomes(frame: pl.DataFrame, parts: Sequence[str], titles: tuple[str, str, str], alt: str) -> None:
    """Bars of stays by stage, one below the other in the frame's order, coloured by how they ended.

    ``frame``: stage, outcome (words), stays. ``parts``: the outcomes in their order. ``titles``: of the three.
    """
    order = {name: place for place, name in enumerate(parts)}
    drawn = frame.with_columns(place=pl.col("outcome").replace_strict(order, return_dtype=pl.Int64))
    colours = [st.get_option(f"theme.{name}") for name in ("primaryColor", "orangeColor", "borderColor")]
    spec: dict[str, Any] = {
        "height": 90 + _ROW * max(1, drawn["stage"].n_unique()),
        "mark": {"type": "bar"},
        "encoding": {
            "y": {"field": "stage", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 120}},
            "x": {
                "field": "stays",
                "type": "quantitative",
                "title": titles[2],
                "axis": {"format": "~s", "tickCount": 4, "titleAnchor": "end"},
            },
            "order": {"field": "place", "type": "quantitative"},
            "color": {
                "field": "outcome",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(parts), "range": colours},
                "legend": {"orient": "top"},
            },
            "tooltip": [
                {"field": "stage", "type": "nominal", "title": titles[0]},
                {"field": "outcome", "type": "nominal", "title": titles[1]},
                {"field": "stays", "type": "quantitative", "format": ",.0f", "title": titles[2]},
            ],
        },
    }
    st.vega_lite_chart(drawn, spec, width="stretch", alt=alt)


def retention(frame: pl.DataFrame, titles: tuple[str, str, str, str], alt: str) -> None:
    """A heat map: a row per cohort, a column per month after the first, darker where more bought again.

    ``frame``: cohort (text), months_since, share (of one), active_count. ``titles``: of the four.
    """
    axes: dict[str, Any] = {
        "y": {"field": "cohort", "type": "ordinal", "title": None},
        "x": {"field": "months_since", "type": "ordinal", "title": titles[1], "axis": {"labelAngle": 0}},
    }
    colours = [st.get_option("theme.secondaryBackgroundColor"), st.get_option("theme.primaryColor")]
    dark = {"test": "datum.share > 0.4", "value": st.get_option("theme.backgroundColor")}
    spec: dict[str, Any] = {
        "height": 80 + 24 * max(1, frame["cohort"].n_unique()),
        "encoding": axes,
        "layer": [
            {
                "mark": {"type": "rect"},
                "encoding": {
                    "color": {
                        "field": "share",
                        "type": "quantitative",
                        "legend": None,
                        "scale": {"range": colours, "domain": [0, 1], "exponent": 0.5, "type": "pow"},
                    },
                    "tooltip": [
                        {"field": "cohort", "type": "ordinal", "title": titles[0]},
                        {"field": "months_since", "type": "ordinal", "title": titles[1]},
                        {"field": "share", "type": "quantitative", "format": ".1%", "title": titles[2]},
                        {"field": "active_count", "type": "quantitative", "format": ",.0f", "title": titles[3]},
                    ],
                },
            },
            {
                "mark": {"type": "text", "fontSize": 10},
                "encoding": {
                    "text": {"field": "share", "type": "quantitative", "format": ".0%"},
                    "color": {"condition": dark, "value": st.get_option("theme.textColor")},
                },
            },
        ],
    }
    st.vega_lite_chart(frame, spec, width="stretch", alt=alt)
