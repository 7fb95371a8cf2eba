"""Money as bills print it: major units with up to five decimals, kept exactly as whole units of 1e-5.

A fee is printed with five decimals (``0.57000``); everything else must be whole minor units.
"""

import polars as pl

from models.money import minor_units

E5 = 100_000  # units of 1e-5 in one major unit
_AMOUNT = r"^([+-]?)([0-9]{1,12})(?:\.([0-9]{1,5}))?$"


def in_e5(text: pl.Expr) -> pl.Expr:
    """Text such as ``-20.00``, ``+14.5`` or ``0`` to 1e-5 major units; null for anything else, blank too."""
    whole = text.str.extract(_AMOUNT, 2).cast(pl.Int64)
    fraction = text.str.extract(_AMOUNT, 3).fill_null("").str.pad_end(5, "0").cast(pl.Int64)
    size = whole * E5 + fraction
    return pl.when(text.str.starts_with("-")).then(-size).otherwise(size)


def is_amount(text: pl.Expr) -> pl.Expr:
    """True for an amount and for a blank cell, which is none."""
    return text.is_null() | text.str.contains(_AMOUNT)


def per_minor(currency: pl.Expr) -> pl.Expr:
    """Units of 1e-5 in one minor unit: 1,000 for CNY, 100,000 for JPY. Null without a currency."""
    return pl.lit(E5, dtype=pl.Int64) // minor_units(currency).cast(pl.Int64)


def is_whole(e5: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """True when an amount is whole minor units; null counts as whole."""
    return (e5 % per_minor(currency) == 0).fill_null(True)


def whole_minor(e5: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Minor units of an amount that is whole."""
    return e5 // per_minor(currency)


def rounded_minor(e5: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Minor units, rounded half up away from zero."""
    unit = per_minor(currency)
    size = (e5.abs() + unit // 2) // unit
    return pl.when(e5 < 0).then(-size).otherwise(size)
