"""A converted entry in words: how much of the currency of the settlement an amount of the sale's is."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from models.money import display
from models.settlement.fx import E8

_WORDS = {
    "en": {
        "rate": "settled in {settle}: {amount} {currency} at {rate} ({rate_id}), as its part of the line {settled}",
        "none": "held back: no rate from {currency} to {settle} was published by then",
    },
    "zh": {
        "rate": "按 {settle} 结算：{amount} {currency} 按汇率 {rate}（{rate_id}）折合 {settled}（整行折算后分摊）",
        "none": "暂不结算：当日及之前没有公布 {currency} 兑 {settle} 的汇率",
    },
}


def explain_conversion(conversion: Mapping[str, Any], language: str = "en") -> str:
    """One row of ``settlement_conversions`` as a line of text. ``language`` is en or zh."""
    words = _WORDS[language]
    currency, settle = conversion["currency"], conversion["settle_currency"]
    if conversion["settled_amount"] is None:
        return words["none"].format(currency=currency, settle=settle)
    return words["rate"].format(
        currency=currency,
        settle=settle,
        rate_id=conversion["rate_id"],
        rate=f"{(Decimal(conversion['rate_e8']) / E8).normalize():f}",
        amount=display(int(conversion["amount"]), currency),
        settled=display(int(conversion["settled_amount"]), settle),
    )
