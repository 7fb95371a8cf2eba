"""Charts as Vega-Lite specifications: half the cost of ``st.line_chart``, and exactly what is meant.

Colours come from the theme. Every axis with amounts names its currency; labels from the data are drawn as text by Vega.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from models.money import exponent

_LOCALIZED = ",.0f"


def _major(frame: pl.DataFrame, currency: str, *columns: str) -> pl.DataFrame:
    """Minor units as a number for drawing only: no figure is read off a float."""
    return frame.with_columns(pl.col(column) / float(Decimal(10) ** exponent(currency)) for column in columns)


def _amount(field: str, currency: str) -> dict[str, Any]:
    return {
        "field": field,
        "type": "quantitative",
        "title": currency,
        "axis": {"format": "~s", "tickCount": 4, "titleAnchor": "end"},
    }


def daily_amounts(frame: pl.DataFrame, currency: str, names: tuple[str, str, str], height: int, alt: str) -> None:
    """Bars of one currency's amount a day, with the mean of seven days as a line.

    ``frame``: metric_date, paid_amount, seven_days (minor units; null where seven days are not known).
    ``names``: of the day, the amount and the mean.
    """
    drawn = _major(frame.select("metric_date", "paid_amount", "seven_days"), currency, "paid_amount", "seven_days")
    day = {"field": "metric_date", "type": "temporal", "timeUnit": "utcyearmonthdate"}
    x: dict[str, Any] = {
        **day,
        "title": None,
        "axis": {"format": "%m-%d", "labelOverlap": True, "tickCount": 6, "grid": False},
        "scale": {"type": "utc"},
    }
    figures = [("paid_amount", names[1]), ("seven_days", names[2])]
    color = {"value": st.get_option("theme.primaryColor")}
    spec: dict[str, Any] = {
        "height": height,
        "encoding": {
            "x": x,
            "color": color,
            "tooltip": [
                {**day, "format": "%Y-%m-%d", "title": names[0]},
                *({"field": f, "type": "quantitative", "format": _LOCALIZED, "title": name} for f, name in figures),
            ],
        },
        "layer": [
            {"mark": {"type": "bar", "opacity": 0.35}, "encoding": {"y": _amount("paid_amount", currency)}},
            {
                "mark": {"type": "line", "strokeWidth": 2},
                # in the middle of the day's bar
                "encoding": {"x": {**x, "bandPosition": 0.5}, "y": _amount("seven_days", currency)},
            },
        ],
    }
    st.vega_lite_chart(drawn, spec, width="stretch", alt=alt)


def shares(
    frame: pl.DataFrame,
    currency: str,
    label: str,
    part: str,
    parts: Sequence[str],
    titles: tuple[str, str],
    alt: str,
) -> None:
    """Horizontal stacked bars: ``amount`` (minor units of one currency) by ``label``, coloured by ``part``.

    ``parts``: all that any chart of the page shows, in their order, so that one part has one colour and one place.
    """
    present = frame[part].unique()
    order = {name: place for place, name in enumerate(parts)}
    drawn = _major(frame.select(label, part, "amount"), currency, "amount").with_columns(
        pl.col(part).replace_strict(order, return_dtype=pl.Int64).alias("place")
    )
    rows, columns = max(1, drawn[label].n_unique()), 3
    spec: dict[str, Any] = {
        "height": 34 * rows + 24 * (-(-present.len() // columns)) + 110,  # with legend and axis
        "mark": {"type": "bar"},
        "encoding": {
            "y": {"field": label, "type": "nominal", "title": None, "sort": "-x", "axis": {"labelLimit": 140}},
            "x": _amount("amount", currency),
            "order": {"field": "place", "type": "quantitative"},
            "color": {
                "field": part,
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(parts)},
                "legend": {
                    "orient": "top",
                    "columns": columns,
                    "labelLimit": 90,
                    "values": [name for name in parts if name in present],
                },
            },
            "tooltip": [
                {"field": label, "type": "nominal", "title": titles[0]},
                {"field": part, "type": "nominal", "title": titles[1]},
                {"field": "amount", "type": "quantitative", "format": _LOCALIZED, "title": currency},
            ],
        },
    }
    st.vega_lite_chart(drawn, spec, width="stretch", alt=alt)


def counts(frame: pl.DataFrame, label: str, count: str, titles: tuple[str, str], alt: str) -> None:
    """Horizontal bars of counts, in the frame's order. ``titles``: of the label and of the count."""
    spec: dict[str, Any] = {
        "height": 60 + 24 * max(1, frame.height),
        "mark": {"type": "bar"},
        "encoding": {
            "y": {"field": label, "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 140}},
            "x": {
                "field": count,
                "type": "quantitative",
                "title": titles[1],
                "axis": {"format": _LOCALIZED, "tickCount": 4, "titleAnchor": "end"},
            },
            "tooltip": [
                {"field": label, "type": "nominal", "title": titles[0]},
                {"field": count, "type": "quantitative", "format": _LOCALIZED, "title": titles[1]},
            ],
        },
    }
    st.vega_lite_chart(frame.select(label, count), spec, width="stretch", alt=alt)


def waterfall(frame: pl.DataFrame, titles: tuple[str, str], alt: str) -> None:
    """What each comparison adds to a weight or takes from it, one below the other, in the frame's order.

    ``frame``: label, weight. ``titles``: of the label and of the weight.
    """
    drawn = frame.with_columns(
        end=pl.col("weight").cum_sum(),
        begin=pl.col("weight").cum_sum() - pl.col("weight"),
        speaks=pl.when(pl.col("weight") < 0).then(pl.lit("against")).otherwise(pl.lit("for")),
    )
    colours = [st.get_option("theme.primaryColor"), st.get_option("theme.redColor")]
    spec: dict[str, Any] = {
        "height": 60 + 28 * max(1, frame.height),
        "mark": {"type": "bar", "height": 16},
        "encoding": {
            "y": {"field": "label", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 190}},
            "x": {
                "field": "begin",
                "type": "quantitative",
                "title": titles[1],
                "axis": {"tickCount": 5, "titleAnchor": "end"},
            },
            "x2": {"field": "end"},
            "color": {
                "field": "speaks",
                "type": "nominal",
                "legend": None,
                "scale": {
                    "domain": ["for", "against"],
                    "range": colours,
                },
            },
            "tooltip": [
                {"field": "label", "type": "nominal", "title": titles[0]},
                {"field": "weight", "type": "quantitative", "format": "+.2f", "title": titles[1]},
            ],
        },
    }
    st.vega_lite_chart(drawn, spec, width="stretch", alt=alt)


def money_waterfall(frame: pl.DataFrame, currency: str, titles: tuple[str, str], alt: str) -> None:
    """From the first amount to what is left, one below the other, in the frame's order.

    ``frame``: label, amount (minor units of one currency), is_total (a bar from zero). ``titles``: of label and amount.
    """
    drawn = _major(frame.select("label", "amount", "is_total"), currency, "amount").with_columns(
        running=pl.when("is_total").then(0).otherwise("amount").cum_sum()
    )
    drawn = drawn.with_columns(
        begin=pl.when("is_total").then(0).otherwise(pl.col("running") - pl.col("amount")),
        end=pl.when("is_total").then("amount").otherwise("running"),
        part=pl.when("is_total").then(pl.lit("total")).when(pl.col("amount") < 0).then(pl.lit("less")).otherwise(
            pl.lit("more")
        ),
    )  # fmt: skip
    colours = [
        st.get_option("theme.primaryColor"),
        st.get_option("theme.primaryColor"),
        st.get_option("theme.redColor"),
    ]
    spec: dict[str, Any] = {
        "height": 60 + 30 * max(1, frame.height),
        "mark": {"type": "bar", "height": 18},
        "encoding": {
            "y": {"field": "label", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 140}},
            "x": {**_amount("begin", currency)},
            "x2": {"field": "end"},
            "color": {
                "field": "part",
                "type": "nominal",
                "legend": None,
                "scale": {"domain": ["total", "more", "less"], "range": colours},
            },
            "opacity": {"condition": {"test": "datum.part === 'total'", "value": 1}, "value": 0.6},
            "tooltip": [
                {"field": "label", "type": "nominal", "title": titles[0]},
                {"field": "amount", "type": "quantitative", "format": _LOCALIZED, "title": titles[1]},
            ],
        },
    }
    st.vega_lite_chart(drawn, spec, width="stretch", alt=alt)


def score_grid(frame: pl.DataFrame, shown: str, titles: tuple[str, str, str, str], alt: str) -> None:
    """A grid of scores from 1 to 5: the latest buyers on top, the most frequent on the right.

    ``frame``: recency_score, frequency_score, customers, net (major units), one currency. ``shown``: ``customers`` or
    ``net``, by which the cells are coloured and marked. ``titles``: of recency, frequency, customers and net.
    """
    spec: dict[str, Any] = {
        "height": 320,
        "encoding": {
            "x": _scores("frequency_score", titles[1], [1, 2, 3, 4, 5]),
            "y": _scores("recency_score", titles[0], [5, 4, 3, 2, 1]),
            "tooltip": [
                {"field": "recency_score", "type": "ordinal", "title": titles[0]},
                {"field": "frequency_score", "type": "ordinal", "title": titles[1]},
                {"field": "customers", "type": "quantitative", "format": _LOCALIZED, "title": titles[2]},
                {"field": "net", "type": "quantitative", "format": _LOCALIZED, "title": titles[3]},
            ],
        },
        "layer": [
            {
                "mark": {"type": "rect", "cornerRadius": 3, "color": st.get_option("theme.primaryColor")},
                "encoding": {
                    "opacity": {
                        "field": shown,
                        "type": "quantitative",
                        "legend": None,
                        "scale": {"range": [0.08, 0.85], "zero": True},
                    }
                },
            },
            {
                "mark": {"type": "text", "fontSize": 11},
                "encoding": {"text": {"field": shown, "type": "quantitative", "format": ".3~s"}},
            },
        ],
    }
    st.vega_lite_chart(frame, spec, width="stretch", alt=alt)


def _scores(field: str, title: str, order: Sequence[int]) -> dict[str, Any]:
    """An axis that has all scores, also those that nobody has."""
    axis = {"labelAngle": 0}
    return {"field": field, "type": "ordinal", "title": title, "axis": axis, "scale": {"domain": list(order)}}
