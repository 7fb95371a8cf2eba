"""Text cells before they are read: one canonical spelling, and what no kind of column accepts."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from models.formulas import unguarded

# Zero-width, direction and byte-order marks. The joiners U+200C/D make emoji and some scripts, so text keeps them.
_MARKS = (
    "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff\u00ad"
)
_JOINERS = "\u200c\u200d"
_SPACES = " \t\r\v\f"  # ASCII white space but for the line end, which also joins the cells
_EXCEL_TEXT = r'^="([^"]*)"$'  # how shop systems force text in a CSV: ="00123"
_ERROR_CELL = r"^#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!|FORMULA WITHOUT VALUE!)$"
_NULL_WORDS = ("null", r"\n", "none", "nan", "nat")  # how databases and data frames print "nothing"
_SCIENTIFIC = r"^[0-9](\.[0-9]+)?[eE]\+?[1-9][0-9]$"  # Excel shows numbers of 12 digits and more like this


_WORTHWHILE, _SAMPLED = 10_000, 1_000  # rows


@dataclass(frozen=True)
class Problem:
    """Cells of one target column that break one rule. ``mask`` has one flag per row of the frame."""

    column: str
    rule: str
    mask: pl.Series


Problems = list[tuple[pl.Series, str]]  # (mask, rule) of one column
Reading = tuple[pl.Series, Problems]  # typed values, and what is wrong with the cells that have none


def where(values: pl.Series, test: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """A mask: the test on each cell, false where there is none."""
    return values.alias("v").to_frame().select(test(pl.col("v")).fill_null(False)).to_series()


def is_ascii(values: pl.Series) -> bool:
    return bool(values.str.len_bytes().sum() == values.str.len_chars().sum())


def distinct(values: pl.Series) -> tuple[pl.Series, pl.Series] | None:
    """Where few different texts are many rows: these texts, and the place of each row's among them (null: no cell).

    None where the rows are few, or a sample of them says that it is not worth while.
    """
    if len(values) < _WORTHWHILE or values.gather_every(len(values) // _SAMPLED).n_unique() > _SAMPLED // 4:
        return None
    coded = values.cast(pl.Categorical(pl.Categories.random()))
    texts = coded.unique().drop_nulls()
    return texts.cast(pl.String).gather(texts.to_physical().arg_sort()), coded.to_physical()


def cleaned(values: pl.Series, *, keep_joiners: bool = False) -> pl.Series:
    """NFKC, invisible characters removed, trimmed, spreadsheet guards taken off; blank → null. Idempotent."""
    text = values.str.join("\n").item() or ""  # tests on one text are many times cheaper than on its cells
    quoted = "'" in text or "\uff07" in text
    if quoted:
        values = _bare(values)
    if not text.isascii():
        invisible = _MARKS if keep_joiners else _MARKS + _JOINERS
        if any(mark in text for mark in invisible):
            values = values.str.replace_all(f"[{invisible}]", "")
            values = values.str.normalize("NFKC")
        elif not unicodedata.is_normalized("NFKC", text):
            values = values.str.normalize("NFKC")
    if not text.isascii() or any(space in text for space in _SPACES) or text.count("\n") >= values.count():
        values = values.str.strip_chars()
    if quoted:  # also those whose apostrophe NFKC has made
        values = _bare(values)
    if '="' in text or "\uff1d" in text:
        values = values.str.replace(_EXCEL_TEXT, "$1").str.strip_chars()
    if not (values == "").any():
        return values
    return values.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series()


def _bare(values: pl.Series) -> pl.Series:
    """Trimmed, without the apostrophes that guard formulas: all of them, because a cell that came with one got a second
    when it was handed back, and must read as it did the first time."""
    while not (bare := unguarded(values)).equals(values):
        values = bare
    return values.str.strip_chars()  # at the end: the white space of a guarded cell is how its guard is told


def damaged(values: pl.Series) -> Problems:
    """What no kind accepts: error cells of a sheet, and text that was destroyed before it came here."""
    found = []
    if values.str.starts_with("#").any():
        found.append((where(values, lambda v: v.str.contains(_ERROR_CELL)), "is a formula error or has no value"))
    if not is_ascii(values):
        found.append(
            (where(values, lambda v: v.str.contains("\ufffd", literal=True)), "holds U+FFFD: damaged before import")
        )
    return [(mask, rule) for mask, rule in found if mask.any()]


def null_words(values: pl.Series) -> pl.Series:
    """Cells that spell "nothing"; only for kinds that are not free text."""
    if not (values >= "N").any():  # numbers and dates: all of the words begin with N, n or a backslash
        return pl.Series([False]).new_from_index(0, len(values))
    return where(values, lambda v: v.str.to_lowercase().is_in(_NULL_WORDS))


def blanked(values: pl.Series, mask: pl.Series) -> pl.Series:
    """The values without those under the mask."""
    if not mask.any():
        return values
    return pl.DataFrame({"v": values, "m": mask}).select(pl.when(~pl.col("m")).then(pl.col("v"))).to_series()


def read_id(values: pl.Series) -> Reading:
    """Byte for byte as cleaned; a number that a spreadsheet shortened is refused, because its digits are gone."""
    short = where(values, lambda v: v.str.contains(_SCIENTIFIC))
    rule = "is a number in scientific notation, its digits are lost: export the column as text"
    return blanked(values, short), [(short, rule)]


def read_boolean(values: pl.Series) -> Reading:
    words = {"true": True, "1": True, "yes": True, "y": True, "是": True, "false": False, "0": False, "no": False}
    words |= {"n": False, "否": False, "t": True, "f": False}
    typed = values.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)
    return typed, [(values.is_not_null() & typed.is_null(), "is not yes or no")]


_CURRENCIES = {
    "人民币": "CNY", "RMB": "CNY", "元": "CNY", "¥": "CNY", "CNH": "CNY", "美元": "USD", "US$": "USD", "港币": "HKD",
    "港元": "HKD", "HK$": "HKD", "欧元": "EUR", "€": "EUR", "英镑": "GBP", "£": "GBP", "日元": "JPY", "新台币": "TWD",
}  # fmt: skip


def read_currency(values: pl.Series) -> Reading:
    """Capital letters; usual names become codes. What is no code the contract refuses."""
    return values.str.to_uppercase().replace(_CURRENCIES), []
