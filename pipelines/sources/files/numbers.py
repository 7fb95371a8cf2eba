"""Text → numbers, exactly. No float is made; what has too many decimals is refused, never rounded."""

from decimal import Decimal

import polars as pl

from models.money import MAX_MINOR, exponent
from pipelines.sources.files.cells import Problems, Reading, blanked, where

_PLAIN = r"^-?[0-9]+(\.[0-9]+)?$"
#: sign, mark, sign, whole part, fraction, mark; a number in brackets is negative, as in accounting.
_WRITTEN = (
    r"^(\()?([+-])?\s*([A-Z]{2,3}\$?|[¥$€£元])?\s*([+-])?\s*"
    r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(\.[0-9]+)?\s*([A-Z]{3}|[元圆€])?(\))?$"
)
_DOLLARS = ("USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN")
#: Currencies that a written mark can mean; a code means itself.
_MEANT = {
    "¥": ("CNY", "JPY"), "元": ("CNY", "HKD", "TWD", "MOP"), "圆": ("CNY",), "$": _DOLLARS, "€": ("EUR",),
    "£": ("GBP",), "RMB": ("CNY",), "US$": ("USD",), "HK$": ("HKD",), "NT$": ("TWD",),
}  # fmt: skip
_RATE = pl.Decimal(20, 10)
_UNREADABLE = "is not a number such as -1299.50 or 1,299.50"


def canonical(values: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Cleaned text → (plain decimal text, null where unreadable; the currency marks, None where no cell has one)."""
    plain = where(values, lambda v: v.str.contains(_PLAIN))
    rest = ~plain & values.is_not_null()
    if not rest.any():
        return values, None
    text = values.str.replace_all("[\u2212\u2013]", "-")
    names = ["open", "sign", "mark", "sign2", "whole", "fraction", "suffix", "close"]
    groups = text.str.to_uppercase().str.extract_groups(_WRITTEN).struct.rename_fields(names).struct.unnest()
    has = {name: pl.col(name).is_not_null() for name in names}
    valid = (
        (has["whole"] | has["fraction"])
        & (has["open"] == has["close"])
        & ~(has["sign"] & has["sign2"])
        & ~(has["open"] & (has["sign"] | has["sign2"]))
        & ~(has["mark"] & has["suffix"])
    )
    minus = has["open"] | (pl.coalesce("sign", "sign2") == "-").fill_null(False)
    number = pl.concat_str(
        pl.when(minus).then(pl.lit("-")).otherwise(pl.lit("")),
        pl.col("whole").fill_null("0").str.replace_all(",", "", literal=True),
        pl.col("fraction").fill_null(""),
    )
    written = groups.select(pl.when(valid).then(number)).to_series()
    marks = groups.select(pl.when(valid).then(pl.coalesce("mark", "suffix"))).to_series()
    return written.alias(values.name), marks if marks.null_count() < len(marks) else None


def _unreadable(values: pl.Series, text: pl.Series) -> Problems:
    return [(values.is_not_null() & text.is_null(), _UNREADABLE)]


def _more_decimals(text: pl.Series, decimals: int) -> pl.Series:
    behind = text.str.len_bytes().cast(pl.Int64) - text.str.find(".", literal=True) - 1
    if not (behind > decimals).any():
        return pl.Series([False]).new_from_index(0, len(text))
    return where(text, lambda v: v.str.contains(rf"\.[0-9]{{{decimals}}}[0-9]*[1-9]"))


def _signed(values: pl.Series, sign: str | None) -> pl.Series:
    if sign == "negate":
        return -values
    return values.abs() if sign == "absolute" else values


def _wrong_marks(marks: pl.Series | None, currencies: pl.Series | None) -> Problems:
    """A currency mark where the number is no money, or of another currency than the row's."""
    if marks is None:
        return []
    if currencies is None:
        return [(marks.is_not_null(), _UNREADABLE)]
    problems = []
    for currency in currencies.unique().drop_nulls().sort().to_list():
        fitting = [currency, *(mark for mark, meant in _MEANT.items() if currency in meant)]
        other = marks.is_not_null() & ~marks.is_in(fitting) & (currencies == currency)
        problems.append((other.fill_null(False), f"states another currency than {currency}"))
    return problems


def _without(typed: pl.Series, problems: Problems) -> pl.Series:
    for mask, _ in problems:
        typed = blanked(typed, mask)
    return typed


def read_decimal(
    values: pl.Series, dtype: pl.Decimal, sign: str | None, currencies: pl.Series | None = None
) -> Reading:
    """Quantities, and prices in a currency: a DECIMAL of the contract's precision."""
    text, marks = canonical(values)
    marked = _wrong_marks(marks, currencies)
    fine = _more_decimals(text, dtype.scale)
    typed = blanked(text, fine).cast(dtype, strict=False)
    large = text.is_not_null() & ~fine & typed.is_null()
    problems = [
        *_unreadable(values, text),
        (fine, f"has more than {dtype.scale} decimals"),
        (large, "is too large"),
        *marked,
    ]
    return _signed(_without(typed, marked), sign), problems


def read_integer(values: pl.Series, sign: str | None) -> Reading:
    text, marks = canonical(values)
    marked = _wrong_marks(marks, None)
    fraction = _more_decimals(text, 0)
    typed = blanked(text, fraction).str.replace(r"\..*$", "").cast(pl.Int64, strict=False)
    large = text.is_not_null() & ~fraction & typed.is_null()
    problems = [
        *_unreadable(values, text),
        (fraction, "is not a whole number"),
        (large, "is too large"),
        *marked,
    ]
    return _signed(_without(typed, marked), sign), problems


def read_rate(values: pl.Series, sign: str | None = None) -> Reading:
    """Rates: a plain number, or a percentage (``13%`` is 0.13, exactly)."""
    percent = where(values, lambda v: v.str.ends_with("%"))
    bare = values.str.strip_suffix("%").str.strip_chars_end()
    typed, problems = read_decimal(bare, _RATE, sign)
    if not percent.any():
        return typed, problems
    fine = percent & _more_decimals(bare, _RATE.scale - 2)
    hundredth = (
        typed.to_frame().select(pl.first().cast(pl.Decimal(38, _RATE.scale)) * pl.lit(Decimal("0.01"))).to_series()
    )
    typed = typed.zip_with(~percent, blanked(hundredth.cast(_RATE), fine))
    return typed, [*problems, (fine, f"has more than {_RATE.scale - 2} decimals")]


def read_amount(values: pl.Series, currencies: pl.Series, *, minor: bool, sign: str | None) -> Reading:
    """Amounts → integer minor units by the row's currency. ``minor``: the cells are minor units already.

    A row without a readable currency gets no amount and no problem here: its currency is the problem.
    """
    text, marks = canonical(values)
    problems = _unreadable(values, text)
    typed = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(values))
    for currency in currencies.unique().drop_nulls().sort().to_list():
        rows = (currencies == currency).fill_null(False)
        decimals = 0 if minor else exponent(currency)
        part = text if rows.all() else blanked(text, ~rows)
        fine = _more_decimals(part, decimals)
        found = blanked(part, fine).cast(pl.Decimal(38, decimals), strict=False)
        found = found.to_physical().cast(pl.Int64, strict=False)  # a decimal is stored as its minor units
        large = part.is_not_null() & ~fine & (found.is_null() | (found.abs() >= MAX_MINOR)).fill_null(True)
        what = "minor units are whole numbers" if minor else f"{currency} has {decimals} decimals"
        problems += [(fine, f"has more decimals than allowed: {what}"), (large, "is too large to be an amount")]
        typed = typed.zip_with(typed.is_not_null(), blanked(found, large))
    marked = _wrong_marks(marks, currencies)
    return _signed(_without(typed, marked), sign), problems + marked
