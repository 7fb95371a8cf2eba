"""One transfer in words: its amount worked out again from its own columns."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from models.money import PPM, display
from models.settlement.accumulating import half_up
from models.settlement.explaining import ExplanationError

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "head": '{posting} {line_id} on {economic_date}: {component} by rule "{rule_id}" (version {rule_version})',
        "party": "{party_role} {party_id} gets {amount} {currency}",
        "payer": "{party_role} {party_id} pays {amount} {currency}",
        "tax": "{untaxed} at {tax_rate} ({tax_id}): tax {tax_amount}",
        "points": "points worth {points}: this funder's {rate} is {computed}, of a running sum over the funders",
        "cash": "{line}, of which points paid {points}, does not count them",
        "taxed": "{untaxed} has {tax_amount} of tax at {tax_rate} ({tax_id}); the rule reckons with {base}",
        "rate": "{base} x {rate} = {computed}, rounded half up",
        "fixed": "the rule's amount: {computed}",
        "package": "by what was accumulated in the period",
        "tiers": "by what was accumulated in the period",
        "cap": "the cap makes it {bound_amount}",
        "floor": "the floor makes it {bound_amount}",
        "order": "of the order's {total} this line has {weight} / {weight_total}: {floor}, remainder +{rounding}",
        "period": "the rule gives {after_value} at {after} accumulated, and gave {before_value} at {before}",
        "reversal": "{base} gave {computed}; {after_value} is back after {after} refunded, {before_value} before it",
    },
    "zh": {
        "head": "{economic_date} 的 {posting} {line_id}：按规则“{rule_id}”（版本 {rule_version}）的 {component}",
        "party": "{party_role} {party_id} 得 {amount} {currency}",
        "payer": "{party_role} {party_id} 付 {amount} {currency}",
        "tax": "{untaxed} 按税率 {tax_rate}（{tax_id}）计税 {tax_amount}",
        "points": "积分抵扣 {points}，该方承担 {rate}，计 {computed}（各承担方按累计比例取整）",
        "cash": "{line} 中积分抵扣 {points}，不计入基数",
        "taxed": "{untaxed} 按税率 {tax_rate}（{tax_id}）的税额为 {tax_amount}，规则按 {base} 计算",
        "rate": "{base} × {rate} = {computed}，四舍五入",
        "fixed": "规则规定的金额：{computed}",
        "package": "按本期累计计算",
        "tiers": "按本期累计计算",
        "cap": "封顶后为 {bound_amount}",
        "floor": "保底后为 {bound_amount}",
        "order": "整单 {total} 中本明细占 {weight} / {weight_total}：{floor}，最大余数法再加 {rounding}",
        "period": "累计 {after} 时规则给出 {after_value}，此前累计 {before} 时为 {before_value}",
        "reversal": "原明细 {base} 得 {computed}；累计退款 {after} 后应收回 {after_value}，此前已收回 {before_value}",
    },
}


def recompute_transfer(entry: Mapping[str, Any]) -> int:
    """What the payee gets by an entry's own columns, in minor units; the payer gives the same."""
    if entry["before_value"] is not None:
        difference = int(entry["after_value"]) - int(entry["before_value"])
        return -difference if entry["form"] == "reversal" else difference
    if entry["weight"] is not None:
        negative = int(entry["bound_amount"] if entry["bound_amount"] is not None else entry["base_amount"]) < 0
        share = int(entry["floor_amount"]) + int(entry["rounding"])
        return -share if negative else share
    if entry["bound_amount"] is not None:
        return int(entry["bound_amount"])
    if entry["form"] == "rate":
        return half_up(int(entry["base_amount"]) * int(entry["rate_ppm"]), PPM)
    return int(entry["computed_amount"])


def explain_transfer(entry: Mapping[str, Any], language: str = "en") -> str:
    """Lines of text that work out the amount of one row of ``settlement_transfers``.

    ``language`` is en or zh. Raises ExplanationError when the columns do not give the amount.
    """
    sign = -1 if entry["side"] == "payer" else 1
    if sign * recompute_transfer(entry) != entry["amount"]:
        raise ExplanationError(f"{entry['entry_id']}: {entry['amount']} is not what its columns give")
    words, currency = _WORDS[language], entry["currency"]

    def money(value: object) -> str | None:
        return None if value is None else display(int(str(value)), currency)

    names = ("bound_amount", "weight", "weight_total")
    shown = {**entry, **{name: money(entry[name]) for name in names}}
    total = entry["bound_amount"] if entry["bound_amount"] is not None else entry["weight_total"]
    shown |= {"rate": f"{(Decimal(entry['rate_ppm']) * 100 / PPM).normalize():f}%", "total": money(total)}
    shown |= {"base": money(entry["base_amount"]), "computed": money(entry["computed_amount"])}
    shown |= {"floor": money(entry["floor_amount"]), "rounding": entry["rounding"]}
    shown |= {name: money(entry[name]) for name in ("before_value", "after_value")}
    quantity = entry["form"] == "package"
    for name in ("before", "after"):
        value = entry[f"{name}_amount"]
        shown[name] = None if value is None else f"{Decimal(value) / 1000:f}" if quantity else money(value)
    shown |= {"line": money(entry["line_amount"]), "tax_amount": money(entry["tax_amount"])}
    points = entry["points_amount"] or 0
    shown |= {"points": money(points), "untaxed": money(int(entry["line_amount"]) - int(points))}
    shown["tax_rate"] = f"{(Decimal(entry['tax_ppm'] or 0) * 100 / PPM).normalize():f}%"
    keys = ["head", "reversal" if entry["form"] == "reversal" else entry["form"]]
    if entry["form"] in ("rate", "fixed") and entry["computed_amount"] is None:
        keys.pop()  # a cap of a period: what counts is the sum, told below
    if entry["points_amount"] is not None and entry["form"] not in ("points", "reversal"):
        keys.insert(1, "cash")
    if entry["tax_id"] and entry["form"] not in ("tax", "reversal"):
        keys.insert(len(keys) - 1, "taxed")
    if entry["bound"]:
        keys.append(entry["bound"])
    if entry["weight"] is not None:
        keys.append("order")
    if entry["before_value"] is not None and entry["form"] != "reversal":
        keys.append("period")
    shown["amount"] = money(abs(int(entry["amount"])) if entry["side"] == "payer" else entry["amount"])
    return "\n".join(words[key].format(**shown) for key in (*keys, entry["side"]))
