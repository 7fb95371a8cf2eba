"""Amounts that are a function of what a party accumulated: tiers, packages, class-hours, caps of a period.

A line posts the difference of the function at the line, R(after) - R(before), so that the sum over a period does not
depend on how it was cut into lines, runs and closes. Rates are parts in a million, amounts minor units.
Method: graduated and all-units tiers (超额累进, 全额累进) as in the settlement semantics, 4.3 and 4.8.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.money import PPM


@dataclass(frozen=True)
class Slice:
    """From ``start`` on, R = (M x ``rate_ppm`` + ``offset``) in millionths, rounded half up."""

    start: int
    offset: int
    rate_ppm: int


@dataclass(frozen=True)
class Tiers:
    """Slices by start. ``inclusive``: at exactly a start its own slice holds (gte), else the one below (gt)."""

    slices: tuple[Slice, ...]
    inclusive: bool


@dataclass(frozen=True)
class Package:
    """``price`` for each ``size_milli`` thousandths of a unit, started ones (``ceil``) or full ones (``floor``)."""

    size_milli: int
    price: int
    rounding: str


def half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded half away from zero; ``denominator`` is above zero."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -size if numerator < 0 else size


def offsets_of(starts: Sequence[int], rates_ppm: Sequence[int]) -> list[int]:
    """Of graduated slices: what makes ``M x rate + offset`` the sum over all slices below M, in millionths."""
    offsets, below = [], 0
    for number, (start, rate) in enumerate(zip(starts, rates_ppm, strict=True)):
        if number:
            below += (start - starts[number - 1]) * rates_ppm[number - 1]
        offsets.append(below - start * rate)
    return offsets


def slice_at(tiers: Tiers, accumulated: int) -> Slice:
    """The slice that an accumulated amount, not negative, has reached."""
    reached = [one for one in tiers.slices if one.start < accumulated or (tiers.inclusive and one.start == accumulated)]
    return reached[-1] if reached else tiers.slices[0]


def tier_amount(tiers: Tiers, accumulated: int) -> int:
    """R of tiers; a negative accumulation mirrors the positive one."""
    if accumulated < 0:
        return -tier_amount(tiers, -accumulated)
    reached = slice_at(tiers, accumulated)
    return half_up(accumulated * reached.rate_ppm + reached.offset, PPM)


def package_amount(package: Package, quantity_milli: int) -> int:
    """R of packages over an accumulated quantity in thousandths; a negative one mirrors the positive one."""
    if quantity_milli < 0:
        return -package_amount(package, -quantity_milli)
    started = quantity_milli + (package.size_milli - 1 if package.rounding == "ceil" else 0)
    return started // package.size_milli * package.price


def earned(price: int, hours: int, used: int) -> int:
    """Revenue of ``used`` of ``hours`` class-hours bought for ``price``: half up, all of it at the last hour."""
    return half_up(price * min(used, hours), hours)


def given_back(total: int, part: int, whole: int) -> int:
    """What of ``total`` is given back when ``part`` of ``whole`` was: half up, all of it at the whole."""
    return half_up(total * part, whole)


def bounded(amount: int, base: int, cap: int | None, floor: int | None) -> int:
    """A size after its cap, then its floor; the floor is never above the base (settlement semantics, 4.2)."""
    size, sign = abs(amount), -1 if (amount or base) < 0 else 1
    if cap is not None:
        size = min(size, cap)
    if floor is not None:
        size = max(size, min(floor, abs(base)))
    return sign * size
