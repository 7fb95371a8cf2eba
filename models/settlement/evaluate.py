"""The exact evaluator: facts and refunds in, the entries of all parties out; the twin of the dbt models, in integers.

It answers worked examples at once and is compared with the SQL row for row. Semantics: a shared component by largest
remainder, each line by the rule of its own day; a refund reverses by largest remainder over what remains to each party;
transfers as in ``models.settlement.transfers``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from models.money import PPM, largest_remainder
from models.settlement import transfers
from models.settlement.accumulating import given_back
from models.settlement.facts import (
    Entry,
    Place,
    Refund,
    Sale,
    TransferEntry,
    effective_weights,
    party_id,
    with_place,
)
from models.settlement.points import line_points
from models.settlement.positions import Position, positions
from models.settlement.rules import Rule
from models.settlement.taxes import NO_TAXES, TaxTable, base_of
from models.settlement.transfers import Item

__all__ = ["Entry", "Place", "Refund", "Sale", "choose_rule", "settle", "settle_line", "settle_unlinked"]


@dataclass(frozen=True)
class Beside:
    """What is looked up beside the rules: tax rates, and what the points of each line are worth."""

    taxes: TaxTable
    points: Mapping[str, int]


class RuleGapError(ValueError):
    """No rule holds for a store on a day, and the rulebook has no default."""


class RuleAmbiguityError(ValueError):
    """Two equally specific rules hold for a store on a day."""


@dataclass(frozen=True)
class _Posting:
    """A fact as it is posted, and what the entries of the posting share."""

    kind: str
    sale: Sale
    base: int
    rule: Rule
    original_line_id: str | None = None
    link_state: str | None = None


def settle(
    sales: Sequence[Sale],
    refunds: Sequence[tuple[Refund, str | None]],
    rules: Sequence[Rule],
    taxes: TaxTable = NO_TAXES,
) -> tuple[list[Entry], list[TransferEntry]]:
    """Entries of the split and of all transfers, in no order. A refund names the line that it takes back, or None."""
    of_line: dict[str | None, list[Refund]] = {}
    for refund, line in refunds:
        of_line.setdefault(line, []).append(refund)
    unlinked = of_line.pop(None, [])
    entries = [entry for refund in unlinked for entry in settle_unlinked(refund, rules)]
    for sale in sales:
        entries += settle_line(sale, of_line.get(sale.line_id, []), rules)
    placed = {sale.line_id: positions(sale, of_line.get(sale.line_id, [])) for sale in sales}
    transferred: list[TransferEntry] = []
    points = line_points(sales)
    for component in sorted({rule.component for rule in rules} - {"split"}):
        of_it = [rule for rule in rules if rule.component == component]
        if of_it:
            facts = [with_place(_nobody(refund), refund) for refund in unlinked]
            transferred += _transferred(of_it, sales, placed, facts, rules, Beside(taxes, points))
    return entries, transferred


def choose_rule(rules: Iterable[Rule], sale: Sale, component: str = "split") -> Rule:
    """The most specific rule that holds. Raises RuleGapError or RuleAmbiguityError, naming the combination."""
    winners = _winners(rules, sale, component)
    where = f"{sale.combination} on {sale.economic_date}"
    if not winners:
        raise RuleGapError(f"no rule for {where}")
    if len(winners) > 1:
        names = ", ".join(sorted(rule.rule_id for rule in winners))
        raise RuleAmbiguityError(f"rules {names} are equally specific for {where}")
    return winners[0]


def _winners(rules: Iterable[Rule], sale: Sale, component: str) -> list[Rule]:
    holding = [
        rule
        for rule in rules
        if rule.component == component and rule.holds_on(sale.economic_date) and rule.covers(sale.combination)
    ]
    best = max((rule.specificity for rule in holding), default=0)
    return [rule for rule in holding if rule.specificity == best]


# ---- shared components


def settle_line(sale: Sale, refunds: Sequence[Refund], rules: Sequence[Rule]) -> list[Entry]:
    """Entries of the split of a sold line and of the refunds that name it, in order of (refunded_at, line_id).

    What exceeds the remaining amount, or is in another currency, is posted as EXCESS by the rule of its own day,
    with the line's salesperson.
    """
    posting = _Posting("SALE", sale, sale.amount, choose_rule(rules, sale))
    weights = _weights(posting)
    entries = _entries(posting, weights)
    remaining = [max(share, 0) for share in largest_remainder(sale.amount, weights)]
    for position in positions(sale, refunds):
        if sum(remaining) > 0 and position.refund.currency == sale.currency:
            reversal = _Posting(
                *("REFUND", position.as_fact(sale), -position.linked, posting.rule, sale.line_id, "LINKED")
            )
            entries += _entries(reversal, remaining)
            backs = largest_remainder(position.linked, remaining)
            remaining = [have - back for have, back in zip(remaining, backs, strict=True)]
        if position.is_excess:
            entries += _by_own_rule(_excess(sale, position), "EXCESS", rules, sale.line_id)
    return entries


def settle_unlinked(refund: Refund, rules: Sequence[Rule]) -> list[Entry]:
    """Entries of the split of a refund without a known original line: by the rule of its own day."""
    return _by_own_rule(with_place(_nobody(refund), refund), "UNLINKED", rules, None)


def _nobody(refund: Refund) -> Sale:
    """What a refund without its line knows of the sale: nothing but the order's number."""
    return Sale("", refund.order_key or "", refund.place, 0, refund.currency, refund.economic_date)


def _excess(sale: Sale, position: Position) -> Sale:
    return replace(with_place(sale, position.refund), amount=-position.excess)


def _by_own_rule(fact: Sale, link_state: str, rules: Sequence[Rule], original: str | None) -> list[Entry]:
    posting = _Posting("REFUND", fact, fact.amount, choose_rule(rules, fact), original, link_state)
    return _entries(posting, _weights(posting))


def _weights(posting: _Posting) -> list[int]:
    parts = posting.rule.parts
    return effective_weights(parts, [party_id(part.kind, posting.sale) is not None for part in parts])


def _entries(posting: _Posting, weights: Sequence[int]) -> list[Entry]:
    size, total = abs(posting.base), sum(weights)
    shares = largest_remainder(posting.base, weights)
    sale, entries = posting.sale, []
    excess = ":EXCESS" if posting.link_state == "EXCESS" else ""
    stated = _weights(posting)
    for part, rate, weight, share in zip(posting.rule.parts, stated, weights, shares, strict=True):
        party = party_id(part.kind, sale)
        if party is None:
            continue  # the weight is zero, and there is nobody to name
        floor_amount = size * weight // total
        entries.append(
            Entry(
                entry_id=f"{posting.kind}:{sale.line_id}{excess}:{part.seq}",
                posting=posting.kind,
                line_id=sale.line_id,
                original_line_id=posting.original_line_id,
                order_key=sale.order_key or None,
                store_id=sale.place.store_id,
                region=sale.place.region,
                store_type=sale.place.store_type,
                business_type=sale.place.business_type,
                currency=sale.currency,
                period=sale.economic_date.isoformat()[:7],
                rule_id=posting.rule.rule_id,
                rule_version=posting.rule.version,
                party_role=part.role,
                party_id=party,
                link_state=posting.link_state,
                salesperson_id=sale.salesperson_id,
                component_seq=part.seq,
                base_amount=posting.base,
                rate_ppm=rate * PPM // sum(stated),
                weight=weight,
                weight_total=total,
                floor_amount=floor_amount,
                rounding=abs(share) - floor_amount,
                amount=share,
                economic_date=sale.economic_date,
            )
        )
    return entries


# ---- transfers


def _transferred(
    of_it: Sequence[Rule],
    sales: Sequence[Sale],
    placed: Mapping[str, Sequence[Position]],
    unlinked: Sequence[Sale],
    rules: Sequence[Rule],
    beside: Beside,
) -> list[TransferEntry]:
    """Entries of one component's transfers over all facts."""
    items = [_item(sale, "SALE", None, None, of_it, rules, beside) for sale in sales]
    items += [_item(fact, "REFUND", "UNLINKED", None, of_it, rules, beside) for fact in unlinked]
    for sale in sales:
        for position in placed[sale.line_id]:
            if position.is_excess:
                items.append(_item(_excess(sale, position), "REFUND", "EXCESS", sale.line_id, of_it, rules, beside))
    known = sorted((item for item in items if item), key=lambda item: (item.sale.order, item.link_state or ""))
    lowered = [one for item in known if item.terms.retiers for one in _lowering(item, placed)]
    worked = [one for item in known if item.terms.level == "line" for one in [transfers.by_line(item)]]
    for group in _groups([item for item in known if item.terms.level == "order"], _order_group):
        worked += transfers.by_order(group)
    for group in _groups([item for item in known if item.terms.accumulates] + lowered, _period_group):
        worked += transfers.accumulated(sorted(group, key=lambda item: (item.sale.order, item.link_state or "")))
    for one in list(worked):
        if one.item.posting == "SALE" and not one.item.terms.retiers:
            worked += transfers.reversals(one, placed[one.item.sale.line_id])
    return [entry for one in worked for entry in transfers.entries_of(one)]


def _item(
    fact: Sale,
    posting: str,
    link_state: str | None,
    original: str | None,
    of_it: Sequence[Rule],
    rules: Sequence[Rule],
    beside: Beside,
) -> Item | None:
    winners = _winners(of_it, fact, of_it[0].component)
    who = transfers.parties(winners[0], choose_rule(rules, fact), fact) if winners else None
    if who is None:
        return None
    rule = choose_rule(of_it, fact, of_it[0].component)
    if rule.transfer and rule.transfer.speaks_amounts and rule.transfer.currency != fact.currency:
        return None  # told as unsettled
    item = Item(fact, posting, link_state, original, rule, *who, fact.amount, fact.quantity_milli, fact.amount)
    if item.terms.on_cash or item.terms.form == "points":
        item = replace(item, points=beside.points.get(fact.line_id, 0) if posting == "SALE" else 0)
    if item.terms.on_cash:
        item = replace(item, base=fact.amount - (item.points or 0))
    if not item.terms.needs_tax:
        return item
    tax = beside.taxes.of(fact)
    if tax is None:
        return None  # told as unsettled
    return replace(item, base=base_of(item.base, tax, item.terms.tax_basis), tax=tax, tax_amount=tax.of(item.base))


def _lowering(item: Item, placed: Mapping[str, Sequence[Position]]) -> list[Item]:
    """Linked refunds of a line as items that lower what its rule accumulated, in the line's own period."""
    if item.posting != "SALE":
        return []
    found = []
    for position in placed[item.sale.line_id]:
        if position.linked:

            def back(whole: int, position: Position = position) -> int:
                """What the refund takes of ``whole``, negative."""
                parts = (position.before, position.before + position.linked)
                before, after = (given_back(whole, part, item.sale.amount) for part in parts)
                return before - after

            fact = replace(position.as_fact(item.sale), happened_at=position.refund.refunded_at)
            lowered = replace(item, sale=fact, posting="REFUND", link_state="LINKED", base=back(item.base))
            lowered = replace(lowered, original_line_id=item.sale.line_id, quantity_milli=back(item.quantity_milli))
            taxed, paid = (None if whole is None else back(whole) for whole in (item.tax_amount, item.points))
            found.append(replace(lowered, line_amount=-position.linked, tax_amount=taxed, points=paid, of=item.sale))
    return found


def _groups(items: Iterable[Item], key: Callable[[Item], tuple[str, ...]]) -> list[list[Item]]:
    ordered = sorted(items, key=key)
    return [list(group) for _, group in groupby(ordered, key)]


def _order_group(item: Item) -> tuple[str, ...]:
    """Lines of one order share a bound; what is refunded by a rule of its own, and a negative line, stands alone."""
    alone = item.sale.line_id if item.posting == "REFUND" or item.base < 0 else ""
    rule = (item.rule.rule_id, item.rule.version, item.payee, item.payer)
    return (item.sale.order_key, item.sale.currency, *rule, item.posting, item.link_state or "", alone)


def _period_group(item: Item) -> tuple[str, ...]:
    period = transfers.period_of((item.of or item.sale).economic_date, item.terms.level)
    return item.rule.rule_id, item.payee, item.payer, item.sale.currency, period
