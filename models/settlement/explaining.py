"""One settlement entry in words: its amount worked out again from its own columns."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from models.money import PPM, display, exponent

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "SALE": "Sale of line {line_id}",
        "LINKED": "Refund {line_id} of line {original_line_id}",
        "EXCESS": "Refund {line_id}: the part above what remained of line {original_line_id}",
        "UNLINKED": "Refund {line_id}, original line unknown",
        "head": "{what}: {base} {currency} on {economic_date}, period {period}",
        "rule": 'Rule "{rule_id}" (version {rule_version}), component {component_seq}: {party_role} = {party_id}',
        "rate": "{size} x {rate} = {exact}",
        "share": "{size} x {weight} / {weight_total} (this party's part of what remained)",
        "floor": "cut down to the minor unit: {floor}",
        "up": "largest remainder: +{step}",
        "none": "largest remainder: +0",
        "sign": "posted with the sign of a refund",
        "amount": "amount: {amount} {currency}",
    },
    "zh": {
        "SALE": "订单明细 {line_id} 的销售",
        "LINKED": "订单明细 {original_line_id} 的退款 {line_id}",
        "EXCESS": "退款 {line_id} 超出订单明细 {original_line_id} 剩余金额的部分",
        "UNLINKED": "退款 {line_id},原订单明细未知",
        "head": "{what}:{base} {currency},日期 {economic_date},账期 {period}",
        "rule": "规则“{rule_id}”(版本 {rule_version}),第 {component_seq} 项:{party_role} = {party_id}",
        "rate": "{size} × {rate} = {exact}",
        "share": "{size} × {weight} ÷ {weight_total}(该方在剩余金额中所占的部分)",
        "floor": "向下取整到最小货币单位:{floor}",
        "up": "最大余数法:+{step}",
        "none": "最大余数法:+0",
        "sign": "按退款记为负数",
        "amount": "金额:{amount} {currency}",
    },
}


class ExplanationError(ValueError):
    """The columns of an entry do not give its amount: the entry was not written by the settlement models."""


def recompute(entry: Mapping[str, Any]) -> int:
    """The amount of an entry from base_amount, weight, weight_total and rounding, in minor units."""
    base, rounding = int(entry["base_amount"]), int(entry["rounding"])
    size = abs(base) * int(entry["weight"]) // int(entry["weight_total"]) + rounding
    return -size if base < 0 else size


def explain(entry: Mapping[str, Any], language: str = "en") -> str:
    """Lines of text that work out the amount of one row of ``settlement_entries``.

    ``language`` is en or zh. Raises ExplanationError when the columns do not give the amount, KeyError for a missing
    column or an unknown language.
    """
    if recompute(entry) != entry["amount"] or _floor(entry) != entry["floor_amount"]:
        raise ExplanationError(f"{entry['entry_id']}: columns give {recompute(entry)}, amount is {entry['amount']}")
    words, currency = _WORDS[language], str(entry["currency"])
    base = int(entry["base_amount"])
    what = words[entry["link_state"] or entry["posting"]].format_map(entry)
    lines = [
        words["head"].format_map({**entry, "what": what, "base": display(base, currency)}),
        words["rule"].format_map(entry),
        _product(entry, words),
        words["floor"].format(floor=display(int(entry["floor_amount"]), currency)),
        words["up"].format(step=display(1, currency)) if entry["rounding"] else words["none"],
    ]
    if base < 0:
        lines.append(words["sign"])
    lines.append(words["amount"].format(amount=display(int(entry["amount"]), currency), currency=currency))
    return "\n".join(lines)


def _floor(entry: Mapping[str, Any]) -> int:
    return abs(int(entry["base_amount"])) * int(entry["weight"]) // int(entry["weight_total"])


def _product(entry: Mapping[str, Any], words: Mapping[str, str]) -> str:
    """The exact value before rounding: rate times base, or, of a linked refund, a part of the remaining amount."""
    currency, size = str(entry["currency"]), abs(int(entry["base_amount"]))
    weight, total = int(entry["weight"]), int(entry["weight_total"])
    if entry["link_state"] == "LINKED":
        return words["share"].format(
            size=display(size, currency), weight=display(weight, currency), weight_total=display(total, currency)
        )
    rate = f"{(Decimal(weight) * 100 / PPM).normalize():f}%" if total == PPM else f"{weight}/{total}"
    return words["rate"].format(size=display(size, currency), rate=rate, exact=_exact(size * weight, total, currency))


def _exact(product: int, total: int, currency: str) -> str:
    """A quotient of minor units in major units, with up to six decimals more than the currency has, cut."""
    places = exponent(currency)
    cut = Decimal(product * PPM // total).scaleb(-6 - places)
    text = f"{cut:,.{places + 6}f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals[:places] + decimals[places:].rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole
