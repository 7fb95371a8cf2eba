"""Frames made readable: amounts, shares, codes in words, a table that sorts numbers as numbers.

Values of the data are drawn by ``st.dataframe`` (a canvas: nothing in them is HTML or Markdown) or ``st.text``,
never by ``st.markdown``, ``st.table`` or ``st.metric``.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import polars as pl
import streamlit as st

from dashboards.text import Words
from ml.features import Feature
from models.money import PPM, display, exponent, to_major

Height = int | Literal["auto"]

_SHORT = 25  # rows
_SMALL = 70  # pixels: a count, a currency code
_NEVER_CERTAIN = 99.9  # percent: an estimate that rounds to 100 would read as a fact


def money(frame: pl.DataFrame, *columns: str, currency: str = "currency") -> pl.DataFrame:
    """Minor units as exact decimals in the row's currency, so that a table sorts them as numbers.

    A column has the decimals of the currency with the most of them: yen beside yuan read ``1,234.00``. Tables have at
    most a thousand rows, so row by row is fine.
    """
    codes = frame[currency].to_list()
    places = max((exponent(code) for code in set(codes) if code is not None), default=0)
    return frame.with_columns(
        pl.Series(
            name,
            [None if v is None or c is None else to_major(v, c) for v, c in zip(frame[name], codes, strict=True)],
            dtype=pl.Decimal(38, places),
        )
        for name in columns
    )


def amount(minor: int, currency: str) -> str:
    """``CNY 1,234.50``: the code, because two currencies can share a sign."""
    return f"{currency} {display(minor, currency)}"


def percent(ppm: int | None, places: int = 1) -> str:
    """``123400`` → ``12.3%``."""
    return "" if ppm is None else f"{ppm * 100 / PPM:.{places}f}%"


def probability(ppm: int) -> float:
    """An estimate in percent with one decimal, cut and not rounded, and never 100: nothing is certain."""
    return min(ppm * 1000 // PPM / 10, _NEVER_CERTAIN)


def in_words(frame: pl.DataFrame, words: Words, **families: str) -> pl.DataFrame:
    """Columns of codes in words: ``in_words(frame, words, kind="kind", store_type="store_type")``."""
    return frame.with_columns(_mapped(frame[name], words, family) for name, family in families.items())


def _mapped(column: pl.Series, words: Words, family: str) -> pl.Series:
    known = {code: words.code(family, code) for code in column.drop_nulls().unique().to_list()}
    return column.replace_strict(known, default=None, return_dtype=pl.String)


def show(
    frame: pl.DataFrame,
    labels: Mapping[str, str],
    formats: Mapping[str, str] = MappingProxyType({}),
    small: Sequence[str] = (),
    key: str | None = None,
    height: Height = "auto",
) -> None:
    """A table of the labelled columns, in their order. ``formats``: of numbers, as in ``NumberColumn``."""
    st.dataframe(
        frame.select(list(labels)),
        hide_index=True,
        column_config=_columns(frame, labels, formats, small),
        key=key,
        height=_height(frame, height),
        placeholder="",  # an empty cell, not the word None
    )


def pick(
    frame: pl.DataFrame,
    labels: Mapping[str, str],
    formats: Mapping[str, str] = MappingProxyType({}),
    small: Sequence[str] = (),
    key: str | None = None,
    height: Height = "auto",
) -> int | None:
    """The same table with rows to choose from: the chosen row's position, None when none is."""
    event = st.dataframe(
        frame.select(list(labels)),
        hide_index=True,
        column_config=_columns(frame, labels, formats, small),
        key=key,
        height=_height(frame, height),
        placeholder="",
        on_select="rerun",
        selection_mode="single-row",
    )
    rows = list(event["selection"]["rows"])
    return int(rows[0]) if rows and rows[0] < frame.height else None


def _height(frame: pl.DataFrame, height: Height) -> int | Literal["auto", "content"]:
    """A short table is shown whole: scrolling inside a table is hard on a phone."""
    return "content" if height == "auto" and frame.height <= _SHORT else height


def _columns(
    frame: pl.DataFrame, labels: Mapping[str, str], formats: Mapping[str, str], small: Sequence[str]
) -> dict[str, Any]:
    return {
        name: _column(frame.schema[name], label, formats.get(name), _SMALL if name in small else None)
        for name, label in labels.items()
    }


def _column(dtype: pl.DataType, label: str, form: str | None, width: int | None) -> Any:
    if isinstance(dtype, pl.Decimal):
        return st.column_config.NumberColumn(label, format=form or f"%,.{dtype.scale}f", width=width)
    if dtype.is_numeric():
        return st.column_config.NumberColumn(label, format=form or "localized", width=width)
    if dtype == pl.Boolean:
        return st.column_config.CheckboxColumn(label, width=width)
    if dtype == pl.Date:
        return st.column_config.DateColumn(label, format="YYYY-MM-DD", width=width)
    return st.column_config.TextColumn(label, width=width)


def reasons(row: Mapping[str, object], words: Words, known: Mapping[str, Feature]) -> str:
    """What raises a score most, in words, the strongest first; the effects themselves are log-odds, which tell nobody
    anything. ``known``: the estimator's features by code."""
    codes = [code for place in (1, 2, 3) if isinstance(code := row[f"reason_{place}"], str)]
    features = [(code, known.get(code)) for code in codes]
    return words("word.separator").join(
        code if feature is None else (feature.zh if words.language == "zh" else feature.en)
        for code, feature in features
    )
