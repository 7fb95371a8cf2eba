"""The exact evaluator of one order line and its refunds: the twin of the dbt models, in plain integers.

It answers worked examples at once and is compared with the SQL row for row. Semantics: percentage split by largest
remainder, each line by the rule of its own day; a refund reverses by largest remainder over what remains to each party.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from models.money import largest_remainder
from models.settlement.rules import Part, Rule


class RuleGapError(ValueError):
    """No rule holds for a store on a day, and the rulebook has no default."""


class RuleAmbiguityError(ValueError):
    """Two equally specific rules hold for a store on a day."""


@dataclass(frozen=True)
class Place:
    """What of a store decides its rule and its parties."""

    store_id: str
    region: str
    store_type: str
    business_type: str

    @property
    def channel(self) -> str:
        return "online" if self.store_type == "online" else "offline"

    @property
    def combination(self) -> tuple[str, str, str, str]:
        return self.region, self.store_type, self.business_type, self.channel


@dataclass(frozen=True)
class Sale:
    """A sold order line. ``amount`` in minor units; ``economic_date`` in the store's civil time."""

    line_id: str
    order_key: str
    place: Place
    amount: int
    currency: str
    economic_date: date
    salesperson_id: str | None = None


@dataclass(frozen=True)
class Refund:
    """A refund line. ``amount`` is positive, in minor units; ``place`` is the store that refunded."""

    line_id: str
    order_key: str | None
    place: Place
    amount: int
    currency: str
    economic_date: date
    refunded_at: datetime


@dataclass(frozen=True)
class Entry:
    """One row of ``settlement_entries``: what one party gets of one line.

    ``amount`` = sign of ``base_amount`` × (``floor_amount`` + ``rounding``), ``floor_amount`` = floor of
    |``base_amount``| × ``weight`` ÷ ``weight_total``. The weights of a linked refund are the remaining amounts.
    """

    entry_id: str
    posting: str
    line_id: str
    original_line_id: str | None
    order_key: str | None
    store_id: str
    region: str
    store_type: str
    business_type: str
    currency: str
    period: str
    rule_id: str
    rule_version: str
    party_role: str
    party_id: str
    link_state: str | None
    salesperson_id: str | None
    component_seq: int
    base_amount: int
    rate_ppm: int
    weight: int
    weight_total: int
    floor_amount: int
    rounding: int
    amount: int
    economic_date: date


@dataclass(frozen=True)
class _Posting:
    """What the entries of one posting share."""

    kind: str
    line_id: str
    place: Place
    base: int
    currency: str
    economic_date: date
    rule: Rule
    original_line_id: str | None = None
    order_key: str | None = None
    link_state: str | None = None
    salesperson_id: str | None = None


def choose_rule(rules: Iterable[Rule], place: Place, day: date) -> Rule:
    """The most specific rule that holds. Raises RuleGapError or RuleAmbiguityError, naming the combination."""
    holding = [rule for rule in rules if rule.holds_on(day) and rule.covers(place.combination)]
    if not holding:
        raise RuleGapError(f"no rule for {place.combination} on {day}")
    best = max(rule.specificity for rule in holding)
    winners = [rule for rule in holding if rule.specificity == best]
    if len(winners) > 1:
        names = ", ".join(sorted(rule.rule_id for rule in winners))
        raise RuleAmbiguityError(f"rules {names} are equally specific for {place.combination} on {day}")
    return winners[0]


def settle_line(sale: Sale, refunds: Sequence[Refund], rules: Sequence[Rule]) -> list[Entry]:
    """Entries of a sold line and of the refunds that name it, in order of (refunded_at, line_id).

    What exceeds the remaining amount, or is in another currency, is posted as EXCESS by the rule of its own day,
    with the line's salesperson.
    """
    rule = choose_rule(rules, sale.place, sale.economic_date)
    posting = _Posting(
        kind="SALE",
        line_id=sale.line_id,
        place=sale.place,
        base=sale.amount,
        currency=sale.currency,
        economic_date=sale.economic_date,
        rule=rule,
        order_key=sale.order_key,
        salesperson_id=sale.salesperson_id,
    )
    weights = effective_rates(rule.parts, sale.salesperson_id is not None)
    entries = _entries(posting, weights)
    remaining = [max(share, 0) for share in largest_remainder(sale.amount, weights)]
    for refund in sorted(refunds, key=lambda each: (each.refunded_at, each.line_id)):
        left = sum(remaining) if refund.currency == sale.currency else 0
        linked = min(refund.amount, left)
        if left > 0:
            entries += _entries(_reversal(refund, sale, rule, linked), remaining)
            given_back = largest_remainder(linked, remaining)
            remaining = [have - back for have, back in zip(remaining, given_back, strict=True)]
        if refund.amount > linked or left == 0:
            entries += _by_own_rule(refund, refund.amount - linked, "EXCESS", rules, sale)
    return entries


def settle_unlinked(refund: Refund, rules: Sequence[Rule]) -> list[Entry]:
    """Entries of a refund without a known original line: split by the rule of its own day."""
    return _by_own_rule(refund, refund.amount, "UNLINKED", rules, None)


def effective_rates(parts: Sequence[Part], has_salesperson: bool) -> list[int]:
    """Rates of a posting: without a salesperson the sales shares go to the residual owner."""
    if has_salesperson:
        return [part.rate_ppm for part in parts]
    freed = sum(part.rate_ppm for part in parts if part.kind == "sales")
    return [0 if part.kind == "sales" else part.rate_ppm + (freed if part.is_residual else 0) for part in parts]


def _reversal(refund: Refund, sale: Sale, rule: Rule, linked: int) -> _Posting:
    return _Posting(
        kind="REFUND",
        line_id=refund.line_id,
        place=sale.place,
        base=-linked,
        currency=refund.currency,
        economic_date=refund.economic_date,
        rule=rule,
        original_line_id=sale.line_id,
        order_key=refund.order_key,
        link_state="LINKED",
        salesperson_id=sale.salesperson_id,
    )


def _by_own_rule(refund: Refund, amount: int, link_state: str, rules: Sequence[Rule], sale: Sale | None) -> list[Entry]:
    rule = choose_rule(rules, refund.place, refund.economic_date)
    salesperson_id = sale.salesperson_id if sale else None
    posting = _Posting(
        kind="REFUND",
        line_id=refund.line_id,
        place=refund.place,
        base=-amount,
        currency=refund.currency,
        economic_date=refund.economic_date,
        rule=rule,
        original_line_id=sale.line_id if sale else None,
        order_key=refund.order_key,
        link_state=link_state,
        salesperson_id=salesperson_id,
    )
    return _entries(posting, effective_rates(rule.parts, salesperson_id is not None))


def _entries(posting: _Posting, weights: Sequence[int]) -> list[Entry]:
    size, total = abs(posting.base), sum(weights)
    shares = largest_remainder(posting.base, weights)
    rates = effective_rates(posting.rule.parts, posting.salesperson_id is not None)
    entries = []
    for part, rate_ppm, weight, share in zip(posting.rule.parts, rates, weights, shares, strict=True):
        party_id = _party_id(part, posting)
        if party_id is None:
            continue  # no salesperson: the weight is zero, and there is nobody to name
        floor_amount = size * weight // total
        entries.append(
            Entry(
                entry_id=_entry_id(posting, part.seq),
                posting=posting.kind,
                line_id=posting.line_id,
                original_line_id=posting.original_line_id,
                order_key=posting.order_key,
                store_id=posting.place.store_id,
                region=posting.place.region,
                store_type=posting.place.store_type,
                business_type=posting.place.business_type,
                currency=posting.currency,
                period=posting.economic_date.isoformat()[:7],
                rule_id=posting.rule.rule_id,
                rule_version=posting.rule.version,
                party_role=part.role,
                party_id=party_id,
                link_state=posting.link_state,
                salesperson_id=posting.salesperson_id,
                component_seq=part.seq,
                base_amount=posting.base,
                rate_ppm=rate_ppm,
                weight=weight,
                weight_total=total,
                floor_amount=floor_amount,
                rounding=abs(share) - floor_amount,
                amount=share,
                economic_date=posting.economic_date,
            )
        )
    return entries


def _party_id(part: Part, posting: _Posting) -> str | None:
    """Who the party is. There is no list of agents yet: an agent is named by its region."""
    match part.kind:
        case "hq":
            return "hq"
        case "region":
            return posting.place.region
        case "store":
            return posting.place.store_id
        case "agent":
            return f"agent:{posting.place.region}"
        case "sales":
            return posting.salesperson_id


def _entry_id(posting: _Posting, seq: int) -> str:
    excess = ":EXCESS" if posting.link_state == "EXCESS" else ""
    return f"{posting.kind}:{posting.line_id}{excess}:{seq}"
