"""Frames made readable: amounts, shares, codes in words, a table that shows every value as text.

Values of the data are drawn by ``st.dataframe`` (a canvas: nothing in them is HTML or Markdown) or ``st.text``,
never by ``st.markdown``, ``st.table`` or ``st.metric``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl
import streamlit as st

from dashboards.text import Words
from ml.features import Feature
from models.money import PPM, display

Height = int | Literal["auto"]

_SHORT = 25  # rows
_SMALL = 70  # pixels: a count, a currency code


def money(frame: pl.DataFrame, *columns: str, currency: str = "currency") -> pl.DataFrame:
    """Minor units as text in the row's currency; tables have at most a thousand rows, so row by row is fine."""
    codes = frame[currency].to_list()
    return frame.with_columns(
        pl.Series(
            name,
            [None if v is None or c is None else display(v, c) for v, c in zip(frame[name], codes, strict=True)],
            dtype=pl.String,
        )
        for name in columns
    )


def amount(minor: int, currency: str) -> str:
    """``CNY 1,234.50``: the code, because two currencies can share a sign."""
    return f"{currency} {display(minor, currency)}"


def percent(ppm: int | None, places: int = 1) -> str:
    """``123400`` → ``12.3%``."""
    return "" if ppm is None else f"{ppm * 100 / PPM:.{places}f}%"


def in_words(frame: pl.DataFrame, words: Words, **families: str) -> pl.DataFrame:
    """Columns of codes in words: ``in_words(frame, words, kind="kind", store_type="store_type")``."""
    return frame.with_columns(_mapped(frame[name], words, family) for name, family in families.items())


def _mapped(column: pl.Series, words: Words, family: str) -> pl.Series:
    known = {code: words.code(family, code) for code in column.drop_nulls().unique().to_list()}
    return column.replace_strict(known, default=None, return_dtype=pl.String)


def show(
    frame: pl.DataFrame,
    labels: Mapping[str, str],
    right: Sequence[str] = (),
    small: Sequence[str] = (),
    key: str | None = None,
    height: Height = "auto",
) -> None:
    """A table of the labelled columns, in their order."""
    columns = _columns(frame, labels, right, small)
    st.dataframe(
        frame.select(list(labels)),
        hide_index=True,
        column_config=columns,
        key=key,
        height=_height(frame, height),
        placeholder="",
    )


def pick(
    frame: pl.DataFrame,
    labels: Mapping[str, str],
    right: Sequence[str] = (),
    small: Sequence[str] = (),
    key: str | None = None,
    height: Height = "auto",
) -> int | None:
    """The same table with rows to choose from: the chosen row's position, None when none is."""
    event = st.dataframe(
        frame.select(list(labels)),
        hide_index=True,
        column_config=_columns(frame, labels, right, small),
        key=key,
        height=_height(frame, height),
        placeholder="",  # an empty cell, not the word None
        on_select="rerun",
        selection_mode="single-row",
    )
    rows = list(event["selection"]["rows"])
    return int(rows[0]) if rows and rows[0] < frame.height else None


def _height(frame: pl.DataFrame, height: Height) -> int | Literal["auto", "content"]:
    """A short table is shown whole: scrolling inside a table is hard on a phone."""
    return "content" if height == "auto" and frame.height <= _SHORT else height


def _columns(
    frame: pl.DataFrame, labels: Mapping[str, str], right: Sequence[str], small: Sequence[str]
) -> dict[str, Any]:
    return {name: _column(frame.schema[name], label, name in right, name in small) for name, label in labels.items()}


def _column(dtype: pl.DataType, label: str, right: bool, small: bool) -> Any:
    width = _SMALL if small else None
    if dtype.is_integer():
        return st.column_config.NumberColumn(label, format="localized", width=width)
    if dtype == pl.Boolean:
        return st.column_config.CheckboxColumn(label, width=width)
    if dtype == pl.Date:
        return st.column_config.DateColumn(label, format="YYYY-MM-DD", width=width)
    return st.column_config.TextColumn(label, alignment="right" if right else None, width=width)


def reasons(row: Mapping[str, object], words: Words, known: Mapping[str, Feature]) -> str:
    """The reasons of a score in words, the strongest first: ``days since the last purchase ↑``.

    The arrow says whether it raised or lowered the risk. The effect itself is in log-odds, which tells a reader of a
    list nothing. ``known``: the estimator's features by code.
    """
    parts = []
    for place in (1, 2, 3):
        code, effect = row[f"reason_{place}"], row[f"effect_ppm_{place}"]
        if not isinstance(code, str):
            continue
        feature = known.get(code)
        name = code if feature is None else (feature.zh if words.language == "zh" else feature.en)
        parts.append(f"{name} {'↑' if effect > 0 else '↓'}" if isinstance(effect, int) and effect else name)
    return words("word.separator").join(parts)
