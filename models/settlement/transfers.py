"""The exact evaluator of transfers: commissions, fees, rebates that one party of a fact pays to another.

Twin of the dbt models ``settlement_transfer_lines`` and ``settlement_transfers``. The columns of an entry, by ``form``:

- ``rate``, ``fixed`` at one line: ``computed_amount`` = base x rate rounded half up, or the fixed amount; a ``bound``
  that was hit replaces it by ``bound_amount``.
- at an order: the order's total (``bound_amount``, or ``weight_total`` where no bound was hit) goes back to its lines
  by largest remainder over ``weight``, each line's ``computed_amount``.
- ``tax``: ``computed_amount`` = ``tax_amount``.
- ``points``: ``computed_amount`` is the part ``rate_ppm`` of ``points_amount``, of a running sum over the funders.
- where a rule is on cash, ``points_amount`` does not count; where it says with or without tax, ``tax_amount`` comes to
  what is left, or off it: that is ``base_amount``.
- ``tiers``, ``package``, and whatever has a cap of a period: ``after_value`` - ``before_value``, the function of the
  rule at ``after_amount`` and ``before_amount``, what its payee had accumulated in the period.
- ``reversal``: of ``computed_amount``, what the line gave, the part ``after_amount`` of ``base_amount`` was given back,
  less that of ``before_amount``, both rounded half up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from models.money import PPM, largest_remainder
from models.settlement.accumulating import bounded, given_back, half_up, package_amount, tier_amount
from models.settlement.facts import Sale, TransferEntry, party_id
from models.settlement.positions import Position
from models.settlement.rules import Rule, Transfer
from models.settlement.taxes import Tax


@dataclass(frozen=True)
class Item:
    """A fact under a transfer rule. ``base`` and ``quantity_milli`` carry the sign of the fact.

    ``base`` is what the rule reckons with of ``line_amount``, ``tax_amount`` the tax of it; None: none was needed.
    ``of``: the sale in whose period a refund lowers what was accumulated.
    """

    sale: Sale
    posting: str
    link_state: str | None
    original_line_id: str | None
    rule: Rule
    payee: str
    payer: str
    payer_role: str
    base: int
    quantity_milli: int
    line_amount: int
    points: int | None = None
    tax: Tax | None = None
    tax_amount: int | None = None
    of: Sale | None = None

    @property
    def terms(self) -> Transfer:
        assert self.rule.transfer is not None
        return self.rule.transfer


@dataclass(frozen=True)
class Worked:
    """What an item's payee gets, with what explains it."""

    item: Item
    amount: int
    form: str
    computed: int | None = None
    bound: str | None = None
    bound_amount: int | None = None
    weight: int | None = None
    weight_total: int | None = None
    floor_amount: int | None = None
    rounding: int | None = None
    before: tuple[int, int] | None = None
    after: tuple[int, int] | None = None


def period_of(day: date, length: str) -> str:
    """The label of the period in which a day lies: 2026-06-30, 2026-W27 (ISO), 2026-06, 2026-Q2, 2026, or ever."""
    match length:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02d}"
        case "month":
            return day.isoformat()[:7]
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "year":
            return str(day.year)
    return "ever"


def computed(item: Item) -> int:
    """What a rate or an amount gives on one item, before its bounds."""
    terms = item.terms
    if terms.form == "tax":
        return item.tax_amount or 0
    if terms.form == "points":
        points = item.points or 0
        return half_up(points * terms.points_to, PPM) - half_up(points * terms.points_from, PPM)
    if terms.form == "rate":
        return half_up(item.base * terms.rate_ppm, PPM)
    if terms.fixed_per == "unit":
        return half_up(terms.fixed_amount * item.quantity_milli, 1000)
    return (-1 if item.base < 0 else 1) * terms.fixed_amount


def by_line(item: Item) -> Worked:
    amount = computed(item)
    terms = item.terms
    final = bounded(amount, item.base, terms.cap, terms.floor)
    bound = None if final == amount else "cap" if abs(final) < abs(amount) else "floor"
    return Worked(item, final, terms.form, amount, bound, final if bound else None)


def by_order(items: Sequence[Item]) -> list[Worked]:
    """Items of one order, rule and pair of parties, in order; all of one sign."""
    terms = items[0].terms
    base = sum(item.base for item in items)
    if terms.fixed_per == "order" and terms.form == "fixed":
        amounts, total, bound = [item.base for item in items], computed(items[0]), None
    else:
        amounts = [computed(item) for item in items]
        total = bounded(sum(amounts), base, terms.cap, terms.floor)
        hit = abs(total) - abs(sum(amounts))
        bound = None if hit == 0 else "cap" if hit < 0 else "floor"
    weights = [abs(amount) for amount in amounts]
    if not any(weights):
        weights = [abs(item.base) for item in items]
    if not any(weights):
        weights = [1 for _ in items]
    shares = largest_remainder(total, weights)
    whole = sum(weights)
    stated = total if bound or terms.form == "fixed" else None
    return [
        Worked(
            *(item, share, terms.form, amount, bound, stated, weight, whole),
            floor_amount=abs(total) * weight // whole,
            rounding=abs(share) - abs(total) * weight // whole,
        )
        for item, share, amount, weight in zip(items, shares, amounts, weights, strict=True)
    ]


def accumulated(items: Iterable[Item]) -> list[Worked]:
    """Items of one rule, payee, payer, currency and period, in order."""
    found, total = [], 0
    for item in items:
        before = total
        total += _measure(item)
        at_before, at_after = _value(item.terms, before), _value(item.terms, total)
        found.append(
            Worked(
                *(item, at_after - at_before, item.terms.form),
                before=(before, at_before),
                after=(total, at_after),
            )
        )
    return found


def _measure(item: Item) -> int:
    """What an item adds: base to tiers, quantity to packages, its own amount to a cap of a period."""
    if item.terms.tiers:
        return item.base
    return item.quantity_milli if item.terms.package else computed(item)


def _value(terms: Transfer, total: int) -> int:
    if terms.tiers:
        value = tier_amount(terms.tiers, total)
    elif terms.package:
        value = package_amount(terms.package, total)
    else:
        value = total
    return value if terms.cap is None else max(-terms.cap, min(terms.cap, value))


def reversals(worked: Worked, positions: Sequence[Position]) -> list[Worked]:
    """What the linked refunds of a line give back of its transfer, in proportion to what was refunded of the line."""
    found = []
    for position in positions:
        if not position.linked:
            continue
        before, after = position.before, position.before + position.linked
        whole = worked.item.sale.amount
        values = [given_back(worked.amount, part, whole) for part in (before, after)]
        item = replace(worked.item, sale=position.as_fact(worked.item.sale), posting="REFUND", link_state="LINKED")
        item = replace(item, original_line_id=worked.item.sale.line_id, base=whole, line_amount=whole)
        found.append(
            Worked(
                *(item, values[0] - values[1], "reversal", worked.amount),
                before=(before, values[0]),
                after=(after, values[1]),
            )
        )
    return found


def entries_of(worked: Worked) -> list[TransferEntry]:
    """The payee's entry and the payer's; none for an amount of zero."""
    if worked.amount == 0:
        return []
    item, sale, terms = worked.item, worked.item.sale, worked.item.terms
    excess = ":EXCESS" if item.link_state == "EXCESS" else ""
    before, after = worked.before or (None, None), worked.after or (None, None)
    payee = TransferEntry(
        entry_id=f"{item.posting}:{sale.line_id}{excess}:{item.rule.component}:party",
        posting=item.posting,
        line_id=sale.line_id,
        original_line_id=item.original_line_id,
        order_key=sale.order_key or None,
        store_id=sale.place.store_id,
        region=sale.place.region,
        store_type=sale.place.store_type,
        business_type=sale.place.business_type,
        component=item.rule.component,
        currency=sale.currency,
        period=sale.economic_date.isoformat()[:7],
        rule_id=item.rule.rule_id,
        rule_version=item.rule.version,
        party_role=terms.role,
        party_id=item.payee,
        side="party",
        form=worked.form,
        link_state=item.link_state,
        salesperson_id=sale.salesperson_id,
        bound=worked.bound,
        line_amount=item.line_amount,
        points_amount=item.points,
        tax_id=item.tax.tax_id if item.tax else None,
        tax_ppm=item.tax.ppm if item.tax else None,
        tax_amount=item.tax_amount,
        base_amount=item.base,
        rate_ppm=terms.points_to - terms.points_from if terms.form == "points" else terms.rate_ppm,
        computed_amount=worked.computed,
        bound_amount=worked.bound_amount,
        weight=worked.weight,
        weight_total=worked.weight_total,
        floor_amount=worked.floor_amount,
        rounding=worked.rounding,
        before_amount=before[0],
        after_amount=after[0],
        before_value=before[1],
        after_value=after[1],
        amount=worked.amount,
        economic_date=sale.economic_date,
    )
    payer = replace(
        payee,
        entry_id=payee.entry_id.removesuffix("party") + "payer",
        side="payer",
        party_role=item.payer_role,
        party_id=item.payer,
        amount=-worked.amount,
    )
    return [payee, payer]


def parties(rule: Rule, split: Rule, sale: Sale) -> tuple[str, str, str] | None:
    """Payee, payer and the payer's role on a fact; None when the fact has no such payee, or would pay itself."""
    assert rule.transfer is not None
    kind = rule.transfer.payer or next(part.kind for part in split.parts if part.is_residual)
    payee, payer = party_id(rule.transfer.payee, sale), party_id(kind, sale)
    return (payee, payer, kind.split(":")[0]) if payee and payer and payee != payer else None
