"""Money: integer minor units, exponent by currency (ISO 4217). No float ever holds an amount."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

# ISO 4217 minor-unit exponents that differ from 2.
_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "KWD": 3, "JOD": 3, "OMR": 3, "TND": 3}
PPM = 1_000_000
MAX_MINOR = 10**15  # an amount of ten trillion yuan is a typing error; two such amounts still fit into 64 bits


def exponent(currency: str) -> int:
    """Decimal places of a currency (ISO 4217): CNY 2, JPY 0."""
    return _EXPONENTS.get(currency, 2)


def minor_units(currency: pl.Expr) -> pl.Expr:
    """Minor units in one major unit, for a column of currencies; null where there is none."""
    units: pl.Expr = pl.when(currency.is_not_null()).then(100)
    for places in sorted(set(_EXPONENTS.values())):
        codes = [code for code, decimals in _EXPONENTS.items() if decimals == places]
        units = pl.when(currency.is_in(codes)).then(10**places).otherwise(units)
    return units


def to_minor(amount: Decimal, currency: str) -> int:
    """Major units to minor units, rounded half up away from zero (``hu`` in the settlement semantics)."""
    return int(amount.scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_major(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))


def display(minor: int, currency: str) -> str:
    """``1234567, CNY`` → ``12,345.67``."""
    return f"{to_major(minor, currency):,.{exponent(currency)}f}"


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` minor units in proportion to integer ``weights``; ties go to the first.

    Every share is the floor or the ceiling of its exact value (quota rule), the shares sum to ``total``,
    and ``split(-total) == -split(total)``. Raises ValueError when weights are negative or all zero.
    Method: Hamilton / largest remainder, as in the settlement semantics.
    """
    base = sum(weights)
    if base <= 0 or min(weights) < 0:
        raise ValueError(f"weights must be non-negative and not all zero, got {list(weights)}")
    sign, size = (-1, -total) if total < 0 else (1, total)
    shares = [size * weight // base for weight in weights]
    fractions = [size * weight % base for weight in weights]
    order = sorted(range(len(weights)), key=lambda seq: (-fractions[seq], seq))
    for seq in order[: size - sum(shares)]:
        shares[seq] += 1
    return [sign * share for share in shares]
