"""Kinds of comparison as levels: SQL conditions on two values, best first, that Splink counts and weighs.

A level of equal values is weighted by the value's frequency. Conditions are DuckDB's; none may call anything that a
model file read back in years would not find there.
"""

from typing import Any

from models.documents.identity_matching import Comparison, key_parts

Level = dict[str, Any]

#: Labels of levels where the whole value is equal.
AGREEMENT = ("equal", "both equal")


def comparison_settings(comparison: Comparison) -> dict[str, Any]:
    """A comparison as Splink's settings hold it: output_column_name and comparison_levels."""
    levels = _KINDS[comparison.kind](comparison) if comparison.jointly is None else _joint(comparison)
    return {"output_column_name": comparison.attribute, "comparison_levels": [*levels, _else()]}


def key_sql(key: str, side: str) -> str:
    """The key of one side ("l" or "r") as SQL: ``surname[:3]`` is the first three characters of ``l."surname"``."""
    attribute, characters = key_parts(key)
    column = f'{side}."{attribute}"'
    if characters is None:
        return column
    return f"left({column}, {characters})" if characters > 0 else f"right({column}, {-characters})"


def rule_sql(rule: tuple[str, ...]) -> str:
    """A rule as SQL over the sides l and r."""
    return " and ".join(f"{key_sql(key, 'l')} = {key_sql(key, 'r')}" for key in rule)


def pair_column(comparison: Comparison) -> str:
    """The derived column that holds both parts of a latin name."""
    return f"{comparison.attribute}_and_{comparison.partner}"


def shape_column(comparison: Comparison) -> str:
    """The derived column that holds what a mask leaves of a name: 王小明 and 王** are 王*, *明 is unknown."""
    return f"{comparison.attribute}_shape"


def _null(*columns: str) -> Level:
    stated = " or ".join(f'("{column}_l" is null or "{column}_r" is null)' for column in columns)
    return {"sql_condition": stated, "label_for_charts": "not stated", "is_null_level": True}


def _else() -> Level:
    return {"sql_condition": "ELSE", "label_for_charts": "different"}


def _level(label: str, condition: str) -> Level:
    return {"sql_condition": condition, "label_for_charts": label}


def _equal(comparison: Comparison, column: str | None = None, label: str = "equal") -> Level:
    """Equal values of one column, weighted by their frequency when the document says so."""
    column = column or comparison.attribute
    level = _level(label, f'"{column}_l" = "{column}_r"')
    if comparison.frequency:
        level |= {"tf_adjustment_column": column, "tf_adjustment_weight": 1.0}
        if comparison.least_frequency:
            level["tf_minimum_u_value"] = comparison.least_frequency
    return level


def _similar(column: str, least: float) -> str:
    return f'jaro_winkler_similarity("{column}_l", "{column}_r") >= {least}'


def _slips(column: str, most: int) -> str:
    """The lengths first: they rule out most strangers for a tenth of the cost."""
    lengths = f'abs(len("{column}_l") - len("{column}_r"))'
    return f'{lengths} <= {most} and damerau_levenshtein("{column}_l", "{column}_r") <= {most}'


def _exact(comparison: Comparison) -> list[Level]:
    return [_null(comparison.attribute), _equal(comparison)]


def _text(comparison: Comparison) -> list[Level]:
    a = comparison.attribute
    return [
        _null(a),
        _equal(comparison),
        _level("one slip", _slips(a, 1)),
        _level("similar", _similar(a, 0.9)),
        _level("akin", _similar(a, 0.8)),
    ]


def _tokens(comparison: Comparison) -> list[Level]:
    """Texts of several words, in any order: the share of words in common."""
    a = comparison.attribute
    words_l, words_r = f"string_split(\"{a}_l\", ' ')", f"string_split(\"{a}_r\", ' ')"
    common = f"len(list_intersect({words_l}, {words_r}))"
    return [
        _null(a),
        _equal(comparison),
        _level("similar", _similar(a, 0.95)),
        _level("two words or more in common", f"{common} >= 2"),
        _level("akin", _similar(a, 0.85)),
        _level("a word in common", f"{common} = 1"),
    ]


def _latin_name(comparison: Comparison) -> list[Level]:
    given, surname = comparison.attribute, comparison.partner or ""
    pair = pair_column(comparison)
    return [
        {
            "sql_condition": f'("{given}_l" is null or "{given}_r" is null)'
            f' and ("{surname}_l" is null or "{surname}_r" is null)',
            "label_for_charts": "not stated",
            "is_null_level": True,
        },
        _equal(comparison, pair, "both equal"),
        _level("swapped", f'"{given}_l" = "{surname}_r" and "{surname}_l" = "{given}_r"'),
        _level("both similar", f"{_similar(given, 0.88)} and {_similar(surname, 0.88)}"),
        _equal(comparison, surname, "surname equal"),
        _level("surname similar", _similar(surname, 0.88)),
        _equal(comparison, given, "given name equal"),
        _level("given name similar", _similar(given, 0.88)),
    ]


def _name(comparison: Comparison) -> list[Level]:
    """Chinese names; a run of stars stands for one hidden character or more: 张** may be 张三, and 张三丰.

    What a mask says is weighed by how many names leave the same: 王** says less than 欧阳*.
    """
    a = comparison.attribute
    hidden = f"(contains(\"{a}_l\", '*') or contains(\"{a}_r\", '*'))"
    pattern_l, pattern_r = (f"regexp_replace(\"{a}_{side}\", '[*]+', '_%', 'g')" for side in "lr")
    masked = _level(
        "one is a mask of the other", f'{hidden} and ("{a}_l" like {pattern_r} or "{a}_r" like {pattern_l})'
    )
    if comparison.frequency:
        masked |= {
            "tf_adjustment_column": shape_column(comparison),
            "tf_adjustment_weight": 1.0,
            "disable_tf_exact_match_detection": True,
        }
    alike = f'"{a}_l"[1] = "{a}_r"[1] and len("{a}_l") = len("{a}_r")'
    # character by character: DuckDB's distances count bytes, of which a Chinese character has three
    unlike = " + ".join(f'cast("{a}_l"[{n}] <> "{a}_r"[{n}] as integer)' for n in (2, 3, 4))
    levels = [_null(a), masked, _equal(comparison)]
    if comparison.partner is not None:
        levels.append(_level("sounds equal", f'"{comparison.partner}_l" = "{comparison.partner}_r" and not {hidden}'))
    return [
        *levels,
        _level("one character", f'{alike} and len("{a}_l") between 3 and 4 and ({unlike}) = 1 and not {hidden}'),
        _level("surname equal", f'"{a}_l"[1] = "{a}_r"[1]'),
    ]


def _pinyin(comparison: Comparison) -> list[Level]:
    a = comparison.attribute
    return [_null(a), _equal(comparison), _level("one slip", _slips(a, 1))]


def _date(comparison: Comparison) -> list[Level]:
    """Dates as YYYYMMDD (profiles hold them so). A slip is a wrong, missing or swapped digit."""
    a = comparison.attribute
    parts = [(1, 4), (5, 6), (7, 8)]
    same = " + ".join(f'cast("{a}_l"[{x}:{y}] = "{a}_r"[{x}:{y}] as integer)' for x, y in parts)
    return [
        _null(a),
        _equal(comparison),
        _level("one slip", _slips(a, 1)),
        _level("two parts of three", f"({same}) >= 2"),
        _level("two slips", _slips(a, 2)),
        _level("same year", f'"{a}_l"[1:4] = "{a}_r"[1:4]'),
    ]


def _postcode(comparison: Comparison) -> list[Level]:
    a = comparison.attribute
    return [
        _null(a),
        _equal(comparison),
        _level("one slip", _slips(a, 1)),
        _level("all but the last two", f'"{a}_l"[:-3] = "{a}_r"[:-3]'),
        _level("same district", f"string_split(\"{a}_l\", ' ')[1] = string_split(\"{a}_r\", ' ')[1]"),
        _level("first two", f'"{a}_l"[:2] = "{a}_r"[:2]'),
    ]


def _place(comparison: Comparison) -> list[Level]:
    a = comparison.attribute
    within = f'(contains("{a}_l", "{a}_r") or contains("{a}_r", "{a}_l"))'
    levels = [_null(a), _equal(comparison), _level("similar or within", f"{_similar(a, 0.9)} or {within}")]
    if comparison.partner is not None:
        levels.append(_equal(comparison, comparison.partner, "same outer place"))
    return levels


def _address(comparison: Comparison) -> list[Level]:
    a = comparison.attribute
    return [
        _null(a),
        _equal(comparison),
        _level("two slips", _slips(a, 2)),
        _level("similar", f'{_similar(a, 0.9)} or contains("{a}_l", "{a}_r") or contains("{a}_r", "{a}_l")'),
        _level("akin", f'jaccard("{a}_l", "{a}_r") >= 0.7'),
    ]


def _phone_mask(comparison: Comparison) -> list[Level]:
    """Masked numbers in one canonical spelling; a different mask is a different number."""
    a = comparison.attribute
    return [_null(a), _equal(comparison), _level("last four", f'"{a}_l"[-4:] = "{a}_r"[-4:]')]


_KINDS = {
    "exact": _exact,
    "text": _text,
    "tokens": _tokens,
    "latin_name": _latin_name,
    "name": _name,
    "pinyin": _pinyin,
    "date": _date,
    "postcode": _postcode,
    "place": _place,
    "address": _address,
    "phone_mask": _phone_mask,
}


def _joint(comparison: Comparison) -> list[Level]:
    """Every level of the one with every level of its companion; not stated is a level too, unless both are not."""
    if comparison.jointly is None:
        raise ValueError(f"{comparison.attribute} has no companion")
    second = Comparison(attribute=comparison.jointly.attribute, kind=comparison.jointly.kind)
    own, other = ([*_KINDS[one.kind](one), _else()] for one in (comparison, second))
    null = _level("not stated", f"({own[0]['sql_condition']}) and ({other[0]['sql_condition']})")
    levels = [null | {"is_null_level": True}]
    for a in own:
        for b in other:
            parts = [one["sql_condition"] for one in (a, b) if one["sql_condition"] != "ELSE"]
            label = f"{a['label_for_charts']}, {comparison.jointly.attribute} {b['label_for_charts']}"
            levels.append(_level(label, " and ".join(f"({part})" for part in parts)))
    return [*levels[:1], *levels[2:-1]]
