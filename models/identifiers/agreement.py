"""Do two names speak of one person? The guard of identity rules; the same in SQL: macro ``names_agree``.

A test runs both over the same pairs: whoever changes one changes the other.
"""

import polars as pl

_CHINESE = ("full", "masked", "surname_title")


def names_agree(left: str = "left_", right: str = "right_") -> pl.Expr:
    """``agree``, ``compatible`` or ``contradict`` for two names in the columns of :func:`person_names`, each with a
    prefix; null when one side has no name.

    - agree: two full or latin names that are equal, in either order of surname and given name, or equal in pinyin;
    - contradict: surnames that differ, given names that differ (but 王芳 and 王方 sound alike: compatible; J and John,
      John and John A. too), a mask that does not fit in its known places;
    - compatible: all else. A nickname, a name in another script and Chinese beside an English name prove nothing.
    """
    kinds = [pl.col(f"{side}name_kind") for side in (left, right)]
    both_chinese = kinds[0].is_in(_CHINESE) & kinds[1].is_in(_CHINESE)
    both_full = (kinds[0] == "full") & (kinds[1] == "full")
    both_latin = (kinds[0] == "latin") & (kinds[1] == "latin")
    known = kinds[0].is_in(["full", "latin", "other"]) & (kinds[0] == kinds[1])
    same_sound = pl.col(f"{left}name_sound").eq_missing(pl.col(f"{right}name_sound"))
    return (
        pl.when(kinds[0].is_null() | kinds[1].is_null()).then(None)
        .when(known & (pl.col(f"{left}name") == pl.col(f"{right}name"))).then(pl.lit("agree"))
        .when(both_latin & _swapped(left, right)).then(pl.lit("agree"))
        .when((kinds[0] == "full") & (kinds[1] == "latin") & _in_pinyin(left, right)).then(pl.lit("agree"))
        .when((kinds[0] == "latin") & (kinds[1] == "full") & _in_pinyin(right, left)).then(pl.lit("agree"))
        .when(both_full | both_latin)
        .then(
            pl.when(same_sound | (both_latin & _begins(left, right)))
            .then(pl.lit("compatible")).otherwise(pl.lit("contradict"))
        )
        .when(both_chinese & ~_fits(left, right)).then(pl.lit("contradict"))
        .otherwise(pl.lit("compatible"))
    )  # fmt: skip


def _swapped(left: str, right: str) -> pl.Expr:
    same = [
        pl.col(f"{one}surname") == pl.col(f"{other}given_name").str.replace_all(" ", "", literal=True)
        for one, other in ((left, right), (right, left))
    ]
    return same[0] & same[1]


def _in_pinyin(full: str, latin: str) -> pl.Expr:
    """A Chinese name and a latin one that is its pinyin, in either order."""
    written = pl.col(f"{full}name_pinyin")
    turned = pl.col(f"{latin}given_name").str.replace_all(" ", "", literal=True) + " " + pl.col(f"{latin}surname")
    return (written == pl.col(f"{latin}name_pinyin")) | (written == turned)


def _begins(left: str, right: str) -> pl.Expr:
    """Latin names of one surname where one given name is the beginning of the other."""
    given = [pl.col(f"{side}given_name") for side in (left, right)]
    begins = given[0].str.starts_with(given[1]) | given[1].str.starts_with(given[0])
    return (pl.col(f"{left}surname") == pl.col(f"{right}surname")) & begins


def _fits(left: str, right: str) -> pl.Expr:
    """What is known of the beginning and of the end of two Chinese names is no contradiction."""
    first = [pl.col(f"{side}name").str.replace(r"\*.*$", "") for side in (left, right)]
    last = [
        pl.when(pl.col(f"{side}name_kind") == "surname_title").then(pl.lit(""))
        .otherwise(pl.col(f"{side}name").str.replace(r"^.*\*", ""))
        for side in (left, right)
    ]  # fmt: skip
    begins = first[0].str.starts_with(first[1]) | first[1].str.starts_with(first[0])
    ends = last[0].str.ends_with(last[1]) | last[1].str.ends_with(last[0])
    return begins & ends
