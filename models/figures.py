"""Figures out of what is kept: a derived one is computed when it is read, so that it is right for any place."""

from collections.abc import Mapping
from fractions import Fraction

from models.documents.metrics import Figure, Glossary, Unit
from models.money import display

#: By figure and currency ("" for a figure without one): what is kept. What is not there is 0.
Kept = Mapping[tuple[str, str], int]
_SCALE = {Unit.SHARE: 1_000_000}


def needed(figure: Figure) -> tuple[str, ...]:
    """Ids of the kept figures that a figure is made of: itself, or its parts."""
    return figure.parts.every if figure.parts else (figure.id,)


def values(glossary: Glossary, figure: Figure, kept: Kept) -> dict[str, int | None]:
    """The figure by currency; "" when it has none. None: it would be divided by nothing.

    Whole numbers of the figure's unit, halves away from zero: 12.5 minor units are 13.
    """
    if figure.parts is None:
        found = {currency: value for (one, currency), value in kept.items() if one == figure.id}
        return dict(found) if found or figure.has_currency else {"": 0}
    with_currency = [part for part in figure.parts.every if glossary[part].has_currency]
    currencies = sorted({currency for (one, currency) in kept if one in with_currency}) if with_currency else [""]
    return {currency: _derived(glossary, figure, kept, currency) for currency in currencies}


def _derived(glossary: Glossary, figure: Figure, kept: Kept, currency: str) -> int | None:
    def total(ids: tuple[str, ...]) -> int:
        return sum(kept.get((one, currency if glossary[one].has_currency else ""), 0) for one in ids)

    assert figure.parts is not None
    above = total(figure.parts.plus) - total(figure.parts.minus)
    if not figure.parts.over:
        return above
    below = total(figure.parts.over)
    return rounded(Fraction(above * _SCALE.get(figure.unit, 1), below)) if below else None


def shown(value: int | None, unit: Unit, currency: str = "") -> str:
    """A figure for people: ``1,234.50``, ``12.5%``, ``1:05:00``; ``-`` when there is none."""
    if value is None:
        return "-"
    if unit is Unit.MONEY:
        return display(value, currency)
    if unit is Unit.SHARE:
        return f"{value / 10_000:.1f}%"
    if unit is Unit.QUANTITY:
        return f"{value / 1000:,.3f}".rstrip("0").rstrip(".")
    if unit is Unit.SECONDS:
        return f"{value // 3600:,}:{value % 3600 // 60:02}:{value % 60:02}"
    return f"{value:,}"


def rounded(value: Fraction) -> int:
    """The nearest whole number, halves away from zero."""
    whole = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return whole if value >= 0 else -whole
