"""The tax table: which tax is in (or on top of) an amount, by jurisdiction, taxpayer, category and day.

Rates of the law change by date, so a rate is never edited: it ends, and another begins. Taxes on a company's profit are
not here, they never enter a line. Semantics: settlement 4.7.
"""

from datetime import date
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from models.documents.loading import Document, RefusedError
from models.documents.settlement_forms import canonical_rate, share_ppm

ANY = "*"
Taxpayer = Literal["general", "small_scale"]


class TaxRate(Document):
    """A rate from ``valid_from`` up to, not including, ``valid_to``. ``taxpayer`` and ``category`` left out: any.

    ``inclusive``: prices hold the tax. ``rounding_unit``: minor units to whose multiples a tax is rounded (100: whole
    dollars).
    """

    id: str = Field(min_length=1)
    jurisdiction: str = Field(pattern=r"[A-Z]{2}")
    rate: Annotated[str, BeforeValidator(canonical_rate)]
    tax: str = Field(default="vat", pattern=r"[a-z][a-z0-9_]*")
    taxpayer: Taxpayer | None = None
    category: str | None = Field(default=None, min_length=1)
    inclusive: bool = True
    rounding_unit: int = Field(default=1, ge=1, le=1_000_000)
    valid_from: date = date.min
    valid_to: date | None = None

    @property
    def tax_ppm(self) -> int:
        return share_ppm(self.rate)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.jurisdiction, self.taxpayer or ANY, self.category or ANY


class TaxDocument(Document):
    """A company's tax table. ``home``: the jurisdiction of a store that states no country.

    ``small_scale``: stores taxed by the simplified method; all others are general taxpayers.
    """

    name: str = Field(min_length=1)
    home: str = Field(default="CN", pattern=r"[A-Z]{2}")
    small_scale: tuple[str, ...] = ()
    rates: tuple[TaxRate, ...] = ()

    @model_validator(mode="after")
    def _one_rate_on_each_day(self) -> Self:
        ids = [rate.id for rate in self.rates]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise RefusedError(
                f"rates: id {', '.join(twice)} is there twice; give each rate its own",
                f"rates：编号 {'、'.join(twice)} 重复，请各用一个编号",
            )
        for rate in self.rates:
            if rate.valid_to is not None and rate.valid_to <= rate.valid_from:
                raise RefusedError(
                    f'rates: "{rate.id}": valid_to {rate.valid_to} is not after valid_from {rate.valid_from}',
                    f"rates：“{rate.id}”的 valid_to 应晚于 valid_from",
                )
        for first, second in combinations(self.rates, 2):
            if first.key == second.key and _meet(first, second):
                raise RefusedError(
                    f'rates: "{first.id}" and "{second.id}" hold for the same on one day; end one before the other',
                    f"rates：“{first.id}”与“{second.id}”在同一天对同一对象生效，请先结束其中一条",
                )
        return self


def _meet(first: TaxRate, second: TaxRate) -> bool:
    return max(first.valid_from, second.valid_from) < min(first.valid_to or date.max, second.valid_to or date.max)
