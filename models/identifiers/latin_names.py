"""Names in latin letters: order, case, initials, diacritics; and names in other scripts, which are only compared
whole."""

from functools import cache

import polars as pl

from models.identifiers.sounds import latin_sound, pinyin, sound
from models.identifiers.surnames import COMPOUND, COMPOUND_READINGS, SINGLE, SINGLE_READINGS

# what stands before and behind a name
_NO_PARTS = r"\b(?:mr|mrs|ms|miss|mx|dr|prof|sir|madam|mdm|mme|herr|frau|jr|sr|ii|iii|iv|phd|md|esq)\b"
# letters that do not fall apart into a letter and a mark
_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}


def latin_part(text: pl.Expr) -> pl.Expr:
    """One part of a latin name as it is compared: small letters without marks, hyphens and apostrophes (O'Brien-Núñez →
    obriennunez); other signs as single spaces; null when nothing is left."""
    plain = text.str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    for letter, written in _LETTERS.items():
        plain = plain.str.replace_all(letter, written, literal=True)
    plain = plain.str.replace_all(r"['’‘`´\-‐–]", "").str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    return pl.when(plain != "").then(plain)


def latin_names(known: pl.DataFrame) -> pl.DataFrame:
    """text and the name columns of values (text, clean) without Chinese characters.

    The surname is what stands before a comma, else the only word in capitals, else the first word when all is pinyin
    and it reads as a Chinese surname (Wang Xiaoming), else the last. One word alone is a nickname, and so is a masked
    name (J*** S***): nobody knows which of its letters begin a surname.
    """
    clean = pl.col("clean")
    masked = clean.str.contains(r"\p{L}") & clean.str.contains(r"\*")
    is_latin = clean.str.contains(r"\p{Latin}") & ~clean.str.contains(r"[\p{L}&&[^\p{Latin}]]|[@0-9]")
    # capitals are seen before they go: WANG Fang
    words = clean.str.replace_all(r"[^\p{L}'’\-]+", " ").str.strip_chars()
    capitals = words.str.extract(r"^(\p{Lu}{2,})\s+[^\s]*\p{Ll}", 1)
    capitals_last = words.str.extract(r"\p{Ll}[^\s]*\s+(\p{Lu}{2,})$", 1)
    small = clean.str.to_lowercase()
    frame = known.select(
        "text",
        clean.str.to_lowercase().alias("clean"),
        masked.alias("masked"),
        is_latin.alias("is_latin"),
        latin_part(pl.coalesce(capitals, capitals_last)).alias("capitals"),
        _untitled(latin_part(small.str.extract(r"^([^,]+),[^,]*\p{L}", 1))).alias("before"),
        _untitled(latin_part(small.str.extract(r"^[^,]+,([^,]*\p{L}[^,]*)", 1))).alias("behind"),
        _untitled(latin_part(small)).alias("plain"),
    )
    return _with_kind(_with_parts(frame)).select(
        "text", "name", "surname", "given_name", "name_kind", "name_pinyin", "name_sound", "name_mask"
    )


def _untitled(words: pl.Expr) -> pl.Expr:
    """Words of a name without titles and suffixes, wherever they stand; what is nothing else stays."""
    left = words.str.replace_all(_NO_PARTS, "").str.replace_all(" +", " ").str.strip_chars()
    return pl.when(left != "").then(left).otherwise(words)


def _with_parts(frame: pl.DataFrame) -> pl.DataFrame:
    """surname and given of plain words."""
    words = pl.col("plain").str.split(" ")
    first, last = words.list.first(), words.list.last()
    chinese = pl.col("plain").str.contains(_all_pinyin()) & first.is_in(
        pl.Series(sorted(_surname_readings())).implode()
    )
    by_order = pl.when(chinese).then(first).otherwise(last)
    # III behind a name is in capitals too
    capitals = pl.when(words.list.contains(pl.col("capitals"))).then("capitals")
    surname = pl.coalesce("before", capitals, by_order)
    others = (
        pl.when(pl.col("before").is_not_null()).then("behind")
        .when(first == surname).then(words.list.slice(1).list.join(" "))
        .otherwise(words.list.head(words.list.len() - 1).list.join(" "))
    )  # fmt: skip
    several = pl.col("before").is_not_null() | (words.list.len() > 1)
    spoken_as_one = pl.col("plain").str.contains(_all_pinyin())
    return frame.with_columns(
        pl.when(several).then(surname).alias("surname"),
        pl.when(several)
        .then(pl.when(spoken_as_one).then(others.str.replace_all(" ", "")).otherwise(others))
        .alias("given_name"),
    )


def _with_kind(frame: pl.DataFrame) -> pl.DataFrame:
    several = pl.col("surname").is_not_null() & (pl.col("given_name") != "")
    is_name = pl.col("is_latin") & ~pl.col("masked") & several
    kind = (
        pl.when(is_name).then(pl.lit("latin"))
        .when(pl.col("is_latin") | pl.col("masked")).then(pl.lit("nickname"))
        .when(pl.col("clean").str.contains(r"[0-9@_]")).then(pl.lit("nickname"))
        .otherwise(pl.lit("other"))
    )  # fmt: skip
    written = pl.col("clean").str.replace_all(r"\s+", " ")
    sounds = (
        pl.when(pl.col("plain").str.contains(_all_pinyin()))
        .then(sound(pl.col("surname") + " " + pl.col("given_name")))
        .otherwise(latin_sound(pl.col("surname")) + " " + latin_sound(pl.col("given_name")))
    )
    joined = pl.col("given_name").str.replace_all(" ", "")
    # nothing but digits or signs names nobody
    nothing = ~pl.col("clean").str.contains(r"\p{L}")
    return frame.with_columns(
        pl.when(nothing).then(None).otherwise(kind).alias("name_kind"),
        pl.when(nothing).then(None)
        .when(is_name).then(pl.col("surname") + ", " + pl.col("given_name"))
        .otherwise(written).alias("name"),
        pl.when(is_name).then(pl.col("surname") + " " + joined).alias("name_pinyin"),
        pl.when(is_name).then(sounds).alias("name_sound"),
        pl.when(is_name).then("surname").alias("surname"),
        pl.when(is_name).then("given_name").alias("given_name"),
        pl.lit(None, pl.String).alias("name_mask"),
    )  # fmt: skip


@cache
def _surname_readings() -> frozenset[str]:
    """Chinese surnames as they are written in pinyin."""
    surnames = pl.Series(sorted(SINGLE | COMPOUND))
    usual = dict(zip(surnames.to_list(), pinyin(surnames).to_list(), strict=True))
    return frozenset((usual | SINGLE_READINGS | COMPOUND_READINGS).values())


@cache
def _all_pinyin() -> str:
    """A pattern for text of nothing but pinyin syllables and spaces."""
    syllables = sorted(SYLLABLES, key=lambda syllable: (-len(syllable), syllable))
    return rf"^(?:(?:{'|'.join(syllables)})+ ?)+$"


_ENDINGS = {
    "": "a ai an ang ao e ei en eng er o ou yi ya yao ye you yan yin yang ying yong yo "
    "wu wa wo wai wei wan wen wang weng yu yue yuan yun",
    "b": "a ai an ang ao ei en eng i ian iao ie in ing o u",
    "p": "a ai an ang ao ei en eng i ian iao ie in ing o ou u",
    "m": "a ai an ang ao e ei en eng i ian iao ie in ing iu o ou u",
    "f": "a an ang ei en eng o ou u",
    "d": "a ai an ang ao e ei en eng i ian iao ie ing iu ong ou u uan ui un uo",
    "t": "a ai an ang ao e eng i ian iao ie ing ong ou u uan ui un uo",
    "n": "a ai an ang ao e ei en eng i ian iang iao ie in ing iu ong ou u uan uo v ve",
    "l": "a ai an ang ao e ei eng i ia ian iang iao ie in ing iu ong ou u uan un uo v ve",
    "g": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "k": "a ai an ang ao e en eng ong ou u ua uai uan uang ui un uo",
    "h": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "j": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "q": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "x": "i ia ian iang iao ie in ing iong iu u uan ue un",
    "zh": "a ai an ang ao e ei en eng i ong ou u ua uai uan uang ui un uo",
    "ch": "a ai an ang ao e en eng i ong ou u uai uan uang ui un uo",
    "sh": "a ai an ang ao e ei en eng i ou u ua uai uan uang ui un uo",
    "r": "an ang ao e en eng i ong ou u uan ui un uo",
    "z": "a ai an ang ao e ei en eng i ong ou u uan ui un uo",
    "c": "a ai an ang ao e en eng i ong ou u uan ui un uo",
    "s": "a ai an ang ao e en eng i ong ou u uan ui un uo",
}
SYLLABLES = frozenset(initial + ending for initial, endings in _ENDINGS.items() for ending in endings.split())
