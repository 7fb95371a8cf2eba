"""How balances are paid out: from which amount on, by which channel, within which limits of the channel.

Limits are the channel's own and change by its notice, so they are a document. The shipped ones are those of WeChat
Pay's profit sharing and of Alipay's (docs/settlement-closing.md names the sources).
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BeforeValidator, Field, model_validator

from models.documents.loading import Document, RefusedError
from models.money import exponent, to_minor

Channel = Literal["wechat_pay", "alipay"]
PPM_OF_PERCENT = 10_000
MINIMUMS_SCHEMA: dict[str, pl.DataType] = {"currency": pl.String(), "minimum_amount": pl.Int64()}


def _ppm(value: Any) -> int:
    """``30%`` as parts in a million. Raises ValueError for what is no percentage, or finer than a millionth."""
    text = str(value).strip()
    try:
        ppm = Decimal(text.removesuffix("%").strip()) * PPM_OF_PERCENT
    except ArithmeticError:
        ppm = Decimal("NaN")
    if not text.endswith("%") or not ppm.is_finite() or ppm != ppm.to_integral_value():
        raise RefusedError(f'"{text}" is no percentage; write one like "30%"', f"“{text}”不是百分比，请写成“30%”")
    return int(ppm)


def _exact(value: Any) -> Decimal:
    """An amount in major units, from text: YAML's own numbers are floats."""
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        raise RefusedError(f'"{value}" is no amount', f"“{value}”不是金额") from None
    if not amount.is_finite() or amount < 0:
        raise RefusedError(f"{value} is no amount from 0 on", f"{value}不是大于等于 0 的金额")
    return amount


class ChannelLimits(Document):
    """What a channel lets a merchant split off one order. Days and seconds count from the payment."""

    max_ratio_ppm: Annotated[int, BeforeValidator(_ppm), Field(alias="max_ratio", ge=0, le=1_000_000)]
    receivers_per_request: int = Field(ge=1)
    requests_per_order: int = Field(ge=1)
    wait_seconds: int = Field(ge=0)
    freeze_days: int = Field(ge=1)
    #: the party whose merchant account collects the payment: its own share stays there
    collector: str = "hq"


class Receiver(Document):
    """A party's account at a channel. What is not registered there cannot be sent anything."""

    party: str = Field(min_length=1)
    channel: Channel
    type: str = Field(min_length=1)
    account: str = Field(min_length=1)


class PayoutDocument(Document):
    """Loading raises DocumentError when a party has two accounts at one channel, or an amount is finer than a cent."""

    name: str
    minimum_payout: dict[str, Annotated[Decimal, BeforeValidator(_exact)]] = Field(default_factory=dict)
    channels: dict[Channel, ChannelLimits] = Field(default_factory=dict)
    receivers: tuple[Receiver, ...] = ()

    @model_validator(mode="after")
    def _holds(self) -> "PayoutDocument":
        known = [(receiver.party, receiver.channel) for receiver in self.receivers]
        if twice := sorted({f"{party} ({channel})" for party, channel in known if known.count((party, channel)) > 1}):
            named = ", ".join(twice)
            raise RefusedError(f"receivers: {named} is there twice; keep one", f"receivers：{named} 重复，请只保留一个")
        for currency, amount in self.minimum_payout.items():
            if amount != round(amount, exponent(currency)):
                raise RefusedError(
                    f"minimum_payout: {amount} {currency} is finer than its smallest unit",
                    f"minimum_payout：{amount} {currency} 小于最小货币单位",
                )
        return self

    def receiver(self, party: str, channel: str) -> Receiver | None:
        """A party's account at a channel; None: it is not registered there."""
        return next((one for one in self.receivers if (one.party, one.channel) == (party, channel)), None)


def minimums_table(document: PayoutDocument) -> pl.DataFrame:
    """Source ``settlement_minimums``: one row per currency, minor units."""
    rows = [(currency, to_minor(amount, currency)) for currency, amount in sorted(document.minimum_payout.items())]
    return pl.DataFrame(rows, schema=MINIMUMS_SCHEMA, orient="row")
