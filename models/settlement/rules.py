"""A rulebook as plain rules: what the pure evaluator walks, and what ``rule_tables`` writes down for dbt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from models.documents.settlement import (
    PLACE_KEYS,
    RULE_KEYS,
    DefaultRule,
    PointsRule,
    SettlementDocument,
    SettlementRule,
    TransferRule,
)
from models.documents.settlement_forms import MILLI, share_ppm
from models.money import to_minor
from models.settlement.accumulating import Package, Slice, Tiers, offsets_of

ANY = "*"

#: Specificity of the default: below a rule without any key, which has 0.
DEFAULT_SPECIFICITY = -1


@dataclass(frozen=True)
class Part:
    """One part of a shared rule: ``seq`` from 1 breaks ties; the residual owner also gets what nobody is there for.

    ``weight``: parts in a million, the residual owner's the rest of them, or whatever weights the rule states.
    """

    seq: int
    role: str
    kind: str
    weight: int
    is_residual: bool


@dataclass(frozen=True)
class Transfer:
    """How much ``payee`` gets from ``payer`` (None: the residual owner). Amounts are minor units of ``currency``.

    ``form`` is rate, fixed, tiers, package, tax (the tax of the line) or points (what its points are worth, from
    ``points_from`` to ``points_to`` in a million); ``tax_basis`` is incl, excl or None; ``on_cash``: points do not
    count; ``level`` says where cap and floor hold: line, order, or a period (of which the cap limits the sum).
    """

    role: str
    payee: str
    payer: str | None
    form: str
    level: str
    currency: str
    rate_ppm: int = 0
    fixed_amount: int = 0
    fixed_per: str = "line"
    tiers: Tiers | None = None
    package: Package | None = None
    cap: int | None = None
    floor: int | None = None
    retiers: bool = False
    tax_basis: str | None = None
    on_cash: bool = False
    points_from: int = 0
    points_to: int = 0

    @property
    def speaks_amounts(self) -> bool:
        """Whether it says amounts, which hold for facts in its currency only."""
        return self.form not in ("rate", "tax", "points") or self.cap is not None or self.floor is not None

    @property
    def needs_tax(self) -> bool:
        """Whether it settles nothing without a rate of the tax table."""
        return self.form == "tax" or self.tax_basis is not None

    @property
    def accumulates(self) -> bool:
        return self.level not in ("line", "order")


@dataclass(frozen=True)
class Rule:
    """A rule ready to be matched. A key is a value or ``*``; None dates are open; ``valid_to`` is exclusive.

    ``parts`` of the split, else ``transfer``. ``settle_in``: the currency that a split is settled in; None: its own.
    """

    rule_id: str
    version: str
    component: str
    key: tuple[str, ...]
    specificity: int
    parts: tuple[Part, ...] = ()
    transfer: Transfer | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    settle_in: str | None = None
    rate_day: str = "txn_date"

    def holds_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)

    def covers(self, combination: Sequence[str]) -> bool:
        return all(wanted in (ANY, value) for wanted, value in zip(self.key, combination, strict=True))


def rules_of(document: SettlementDocument) -> tuple[Rule, ...]:
    """The rules of a document by id, the default of the split last."""
    rules = [
        one
        for rule in document.rules
        for one in (
            [_shared(rule, document)]
            if isinstance(rule, SettlementRule)
            else [_transfer(rule, document.version)]
            if isinstance(rule, TransferRule)
            else _funding(rule, document.version)
        )
    ]
    return (*rules, _default(document.default, document)) if document.default else tuple(rules)


def specificity(key: Sequence[str]) -> int:
    """How specific a key is: the number of things it names (a place is one), then how fine its place is.

    Four for each, so that the level of the place (city 3, region 2, country 1) only decides between equal numbers.
    """
    place, others = key[: len(PLACE_KEYS)], key[len(PLACE_KEYS) :]
    level = next((len(PLACE_KEYS) - index for index, value in enumerate(place) if value != ANY), 0)
    return 4 * ((level > 0) + sum(value != ANY for value in others)) + level


def _key(rule: SettlementRule | TransferRule | PointsRule) -> tuple[str, ...]:
    return tuple(getattr(rule.when, key) or ANY for key in RULE_KEYS)


def _shared(rule: SettlementRule, document: SettlementDocument) -> Rule:
    key, settle = _key(rule), rule.settle_in or document.settle_in
    return Rule(
        rule_id=rule.id,
        version=document.version,
        component=rule.component,
        key=key,
        specificity=specificity(key),
        parts=_parts(rule),
        valid_from=rule.valid_from,
        valid_to=rule.valid_to,
        settle_in=settle.currency if settle else None,
        rate_day=settle.rate_day if settle else "txn_date",
    )


def _default(rule: DefaultRule, document: SettlementDocument) -> Rule:
    key = tuple(ANY for _ in RULE_KEYS)
    settle = rule.settle_in or document.settle_in
    return Rule(
        rule_id=rule.id,
        version=document.version,
        component="split",
        key=key,
        specificity=DEFAULT_SPECIFICITY,
        parts=_parts(rule),
        settle_in=settle.currency if settle else None,
        rate_day=settle.rate_day if settle else "txn_date",
    )


def _parts(rule: SettlementRule | DefaultRule) -> tuple[Part, ...]:
    parts = []
    for seq, (component, weight) in enumerate(zip(rule.components, rule.weights(), strict=True), start=1):
        if component.kind is None:  # refused when the document was loaded
            raise ValueError(f'rule "{rule.id}": component "{component.role}" has no party')
        parts.append(Part(seq, component.role, component.kind, weight, component.residual))
    return tuple(parts)


def _transfer(rule: TransferRule, version: str) -> Rule:
    key = _key(rule)
    return Rule(
        rule_id=rule.id,
        version=version,
        component=rule.component,
        key=key,
        specificity=specificity(key),
        transfer=_terms(rule),
        valid_from=rule.valid_from,
        valid_to=rule.valid_to,
    )


def _terms(rule: TransferRule) -> Transfer:
    def minor(amount: Decimal) -> int:
        return to_minor(amount, rule.currency)

    form = next((name for name in ("rate", "fixed", "tiers", "package") if getattr(rule, name)), "tax")
    return Transfer(
        role=rule.role or rule.component,
        payee=rule.party,
        payer=rule.payer,
        form=form,
        level=_level(rule),
        currency=rule.currency,
        rate_ppm=share_ppm(rule.rate) if rule.rate else 0,
        fixed_amount=minor(rule.fixed.amount) if rule.fixed else 0,
        fixed_per=rule.fixed.per if rule.fixed else "line",
        tiers=_tiers(rule) if rule.tiers else None,
        package=Package(
            int((rule.package.size * MILLI).to_integral_value(ROUND_HALF_UP)),
            minor(rule.package.price),
            rule.package.rounding,
        )
        if rule.package
        else None,
        cap=minor(rule.cap.amount) if rule.cap else None,
        floor=minor(rule.floor.amount) if rule.floor else None,
        retiers=rule.retiers,
        tax_basis=rule.tax,
        on_cash=rule.base == "cash",
    )


def numbered(component: str) -> bool:
    """Whether it is a further funder's part of a component, which has no rules of its own."""
    return component[-1].isdigit()


def _funding(rule: PointsRule, version: str) -> list[Rule]:
    """A transfer for each funder: ``points_funding``, ``points_funding_2``, ....

    Shares are cut from one running sum, so that the parts of the funders sum to what the points are worth.
    """
    key, rules, start = _key(rule), [], 0
    for number, funder in enumerate(rule.funders, start=1):
        end = start + share_ppm(funder.share)
        terms = Transfer(
            role="points",
            payee=f"account:{rule.account}",
            payer=funder.party,
            form="points",
            level="line",
            currency="",
            points_from=start,
            points_to=end,
        )
        component = rule.component if number == 1 else f"{rule.component}_{number}"
        rules.append(
            Rule(
                rule_id=rule.id,
                version=version,
                component=component,
                key=key,
                specificity=specificity(key),
                transfer=terms,
                valid_from=rule.valid_from,
                valid_to=rule.valid_to,
            )
        )
        start = end
    return rules


def _level(rule: TransferRule) -> str:
    """Where a rule works: on a line, on an order, or on what was accumulated in a period."""
    gathered = rule.tiers or rule.package
    if gathered:
        return gathered.period
    bound = rule.cap or rule.floor
    if bound:
        return bound.per
    return "order" if rule.fixed and rule.fixed.per == "order" else "line"


def _tiers(rule: TransferRule) -> Tiers:
    assert rule.tiers is not None
    starts = [to_minor(each.start, rule.currency) for each in rule.tiers.slices]
    rates = [share_ppm(each.rate) for each in rule.tiers.slices]
    offsets = offsets_of(starts, rates) if rule.tiers.mode == "graduated" else [0] * len(starts)
    return Tiers(tuple(map(Slice, starts, offsets, rates)), inclusive=rule.tiers.boundary == "gte")
