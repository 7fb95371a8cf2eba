"""How the amount of a settlement component reads: rates, amounts, tiers, packages, caps and floors.

Amounts are major units of the rule's currency (``10.00``), rates are text with a percent sign. Semantics: an amount is
rate → rounded half up → cap → floor; a tier or package is a function of what its party accumulated in a period.
"""

import re
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from models.documents.loading import Document, RefusedError
from models.money import PPM

#: What a period of accumulation is: calendar periods of the store's civil time, ISO weeks, or all time.
Period = Literal["day", "week", "month", "quarter", "year", "ever"]
#: Thousandths of a unit: the finest quantity of a package.
MILLI = 1000
CURRENCY = r"[A-Z]{3}"
#: Who may pay for points: parties that every fact has.
Funder = Literal["hq", "region", "store", "platform"]

_SHARE = re.compile(r"(?P<percent>[0-9]{1,3}(?:\.[0-9]+)?)\s*%")


def share_ppm(text: str) -> int:
    """``"12.5%"`` → 125000 parts in a million, exactly. Raises RefusedError in plain words."""
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        raise RefusedError(
            f'share "{text}" is not a percentage; write it like "12.5%"',
            f"“{text}” 不是百分比，应写成 12.5% 这样的形式",
        )
    ppm = Decimal(match["percent"]) * PPM / 100
    if ppm != ppm.to_integral_value():
        raise RefusedError(
            f'share "{text}" is finer than 0.0001%; round it to four decimals of a percent',
            f"“{text}” 细于 0.0001%，请保留四位小数",
        )
    if ppm > PPM:
        raise RefusedError(f'share "{text}" is above 100%; lower it', f"“{text}” 超过 100%，请调低")
    return int(ppm)


def canonical_share(value: object) -> object:
    """One spelling for equal shares, so that they give one version. What cannot be read is refused by its rule."""
    if value is None:
        return None
    try:
        ppm = share_ppm(str(value))
    except ValueError:
        return str(value)
    return f"{(Decimal(ppm) * 100 / PPM).normalize():f}%"


def canonical_rate(value: object) -> str:
    """One spelling of a percentage. Raises RefusedError."""
    return f"{(Decimal(share_ppm(str(value))) * 100 / PPM).normalize():f}%"


def _amount(value: object) -> Decimal:
    """A plain decimal of major units, not negative; YAML may have read it as a number already."""
    if isinstance(value, bool):
        raise RefusedError(f"{value} is no amount", f"{value} 不是金额")
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise RefusedError(
            f'"{value}" is no amount; write it in major units, like 10.00',
            f"“{value}” 不是金额，应写成 10.00 这样的形式",
        ) from error
    if not amount.is_finite() or amount < 0 or amount != round(amount, 3):
        raise RefusedError(
            f'"{value}" must be zero or more, with at most three decimals', f"“{value}” 应不小于零，且最多三位小数"
        )
    return amount.normalize()


Rate = Annotated[str, BeforeValidator(canonical_rate)]
Amount = Annotated[Decimal, BeforeValidator(_amount)]


class Bound(Document):
    """A cap or a floor: ``amount`` for each line, each order, or what a party gets of the rule in a period."""

    amount: Amount
    per: Literal["line", "order", "day", "week", "month", "quarter", "year"] = "line"


class Slice(Document):
    """From this accumulated amount on, this rate; up to the next slice."""

    start: Amount = Field(alias="from")
    end: Amount | None = Field(default=None, alias="to")
    rate: Rate


class Tiers(Document):
    """Slices over what a party accumulated in a period.

    ``graduated`` (超额累进): each slice has its own rate. ``all_units`` (全额累进): the reached slice's rate holds for
    everything. ``boundary``: at exactly a limit the next slice holds (``gte``, 满) or still the lower one (``gt``).
    """

    mode: Literal["graduated", "all_units"]
    boundary: Literal["gte", "gt"] = "gte"
    period: Period = "month"
    slices: tuple[Slice, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _contiguous(self) -> Self:
        if self.slices[0].start != 0:
            raise RefusedError(
                f"slices: the first begins at {self.slices[0].start}; begin at 0", "slices: 第一档应从 0 开始"
            )
        for number, (lower, upper) in enumerate(pairwise(self.slices), start=1):
            if upper.start <= lower.start:
                raise RefusedError(
                    f"slices: slice {number + 1} begins at {upper.start}, not above {lower.start}; let them ascend",
                    f"slices: 第 {number + 1} 档的起点应高于上一档",
                )
            if lower.end is not None and lower.end != upper.start:
                raise RefusedError(
                    f"slices: slice {number} ends at {lower.end} and the next begins at {upper.start}; "
                    "leave no gap and no overlap",
                    f"slices: 第 {number} 档的终点应等于下一档的起点，不留空档也不重叠",
                )
        if self.slices[-1].end is not None:
            raise RefusedError(
                f"slices: the last ends at {self.slices[-1].end}; leave its `to` out, it is open",
                "slices: 最后一档没有终点，请去掉 to",
            )
        return self


class Package(Document):
    """A price for each ``size`` units (class-hours, items) accumulated: started ones (``ceil``) or full ones."""

    size: Amount
    price: Amount
    rounding: Literal["ceil", "floor"] = "ceil"
    period: Period = "month"

    @model_validator(mode="after")
    def _has_a_size(self) -> Self:
        if self.size <= 0:
            raise RefusedError("package.size must be above 0", "package.size 应大于 0")
        return self


class Fixed(Document):
    """An amount for each line, each order, or each unit of quantity."""

    amount: Amount
    per: Literal["line", "order", "unit"] = "line"


class SettleIn(Document):
    """The currency in which sales in another one are settled, and the day up to which a rate may have been published.

    ``txn_date``: the store's civil day of the fact; ``month_first``, ``period_end``: the first or last of its month.
    """

    currency: str = Field(pattern=CURRENCY)
    rate_day: Literal["txn_date", "month_first", "period_end"] = "txn_date"


class PointsFunder(Document):
    """Who pays which share of what the points of a sale are worth."""

    party: Funder
    share: Rate
