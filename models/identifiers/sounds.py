"""How Chinese is read: pinyin without tones, and a coarser sound under which words meet that ears and keyboards
confuse."""

import unicodedata
from functools import cache

import polars as pl

_SEPARATOR = "\n"


def pinyin(values: pl.Series) -> pl.Series:
    """Each character's usual reading, no tones, nothing between syllables (小芳 → xiaofang); other characters stay.

    The readings are those of the package pypinyin; ü is v, as it is typed. One pass over the joined text.
    """
    places = values.is_not_null().arg_true()
    if not len(places):
        return values.cast(pl.String)
    joined = _SEPARATOR.join(values.gather(places).to_list()).translate(_readings())
    return values.cast(pl.String).scatter(places, pl.Series(joined.split(_SEPARATOR), dtype=pl.String))


def sound(reading: pl.Expr) -> pl.Expr:
    """A reading without what many speakers do not tell apart: zh ch sh as z c s, final ng as n, initial n and r as l, f
    as h before u. wangfang and wanfan sound alike."""
    return (
        reading.str.replace_all(r"([zcs])h", "${1}")
        .str.replace_all(r"([aei])ng", "${1}n")
        .str.replace_all(r"\b[nr]", "l")
        .str.replace_all("fu|hu", "hu")
    )


def latin_sound(word: pl.Expr) -> pl.Expr:
    """A latin word by its beginning up to the first vowel and the consonants after it: Catherine and Cathrine sound
    alike, Jon and John, Smith and Smyth; John and Jane do not."""
    plain = word.str.replace_all("ph", "f", literal=True).str.replace_all("ck", "k", literal=True)
    plain = plain.str.replace_all("y", "i", literal=True)
    beginning = plain.str.extract(r"^(.[^aeiou\s]*[aeiou]?)", 1)
    sounds = beginning + plain.str.slice(beginning.str.len_chars()).str.replace_all(r"[aeiouhw\s]", "")
    for letter in "bcdfgklmnprstvz":
        sounds = sounds.str.replace_all(letter * 2, letter, literal=True)
    return sounds


@cache
def _readings() -> dict[int, str]:
    from pypinyin.constants import PINYIN_DICT

    return {code: _plain(readings.split(",")[0]) for code, readings in PINYIN_DICT.items()}


def _plain(syllable: str) -> str:
    """lǜ → lv, wáng → wang."""
    letters = unicodedata.normalize("NFD", syllable).replace("u\u0308", "v")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
