"""Charts as Vega-Lite specifications: half the cost of ``st.line_chart``, and exactly what is meant.

Colours come from the theme. Axis titles are words; labels from the data are drawn as text by Vega.
"""

from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from models.money import exponent

_HEIGHT = 260
_LOCALIZED = ",.0f"


def _major(frame: pl.DataFrame, column: str, currency: str) -> pl.DataFrame:
    """Minor units as a number for drawing only: no figure is read off a float."""
    return frame.with_columns(pl.col(column) / float(Decimal(10) ** exponent(currency)))


def daily_amounts(frame: pl.DataFrame, currency: str, day: str, amount: str, alt: str) -> None:
    """Bars of one currency's amount a day, with the mean of seven days as a line.

    ``frame``: metric_date, paid_amount (minor units). ``day`` and ``amount`` are the axis titles.
    """
    drawn = _major(frame.select("metric_date", "paid_amount"), "paid_amount", currency)
    x: dict[str, Any] = {
        "field": "metric_date",
        "type": "temporal",
        "timeUnit": "utcyearmonthdate",
        "title": None,
        "axis": {"format": "%m-%d", "labelOverlap": True, "tickCount": 6, "grid": False},
        "scale": {"type": "utc"},
    }
    y = {"type": "quantitative", "title": None, "axis": {"format": "~s", "tickCount": 4}}
    spec: dict[str, Any] = {
        "height": _HEIGHT,
        "transform": [
            {
                "window": [{"op": "mean", "field": "paid_amount", "as": "seven_days"}],
                "frame": [-6, 0],
                "sort": [{"field": "metric_date"}],
            }
        ],
        "encoding": {
            "x": x,
            "tooltip": [
                {
                    "field": "metric_date",
                    "type": "temporal",
                    "timeUnit": "utcyearmonthdate",
                    "format": "%Y-%m-%d",
                    "title": day,
                },
                {"field": "paid_amount", "type": "quantitative", "format": _LOCALIZED, "title": amount},
            ],
        },
        "layer": [
            {
                "mark": {"type": "bar", "opacity": 0.35, "color": "#1f6f5c"},
                "encoding": {"y": {**y, "field": "paid_amount"}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2, "color": "#1f6f5c"},
                # in the middle of the day's bar
                "encoding": {"x": {**x, "bandPosition": 0.5}, "y": {**y, "field": "seven_days"}},
            },
        ],
    }
    st.vega_lite_chart(drawn, spec, width="stretch", alt=alt)


def shares(frame: pl.DataFrame, currency: str, label: str, part: str, titles: tuple[str, str], alt: str) -> None:
    """Horizontal stacked bars: ``amount`` (minor units of one currency) by ``label``, coloured by ``part``."""
    drawn = _major(frame.select(label, part, "amount"), "amount", currency)
    rows, parts = max(1, drawn[label].n_unique()), drawn[part].n_unique()
    spec: dict[str, Any] = {
        "height": 34 * rows + 24 * ((parts + 1) // 2) + 90,  # with legend and axis
        "mark": {"type": "bar"},
        "encoding": {
            "y": {"field": label, "type": "nominal", "title": None, "sort": "-x", "axis": {"labelLimit": 140}},
            "x": {
                "field": "amount",
                "type": "quantitative",
                "title": None,
                "axis": {"format": "~s", "tickCount": 4},
            },
            "color": {
                "field": part,
                "type": "nominal",
                "title": None,
                "legend": {"orient": "bottom", "columns": 2, "labelLimit": 200},
            },
            "tooltip": [
                {"field": label, "type": "nominal", "title": titles[0]},
                {"field": part, "type": "nominal", "title": titles[1]},
                {"field": "amount", "type": "quantitative", "format": _LOCALIZED, "title": currency},
            ],
        },
    }
    st.vega_lite_chart(drawn, spec, width="stretch", alt=alt)


def counts(frame: pl.DataFrame, label: str, count: str, title: str, alt: str) -> None:
    """Horizontal bars of counts, in the frame's order."""
    spec: dict[str, Any] = {
        "height": 40 + 34 * max(1, frame.height),
        "mark": {"type": "bar"},
        "encoding": {
            "y": {"field": label, "type": "nominal", "title": None, "sort": None},
            "x": {
                "field": count,
                "type": "quantitative",
                "title": None,
                "axis": {"format": _LOCALIZED, "tickCount": 4},
            },
            "tooltip": [
                {"field": label, "type": "nominal", "title": title},
                {"field": count, "type": "quantitative", "format": _LOCALIZED, "title": title},
            ],
        },
    }
    st.vega_lite_chart(frame.select(label, count), spec, width="stretch", alt=alt)
