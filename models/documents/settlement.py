"""The settlement rulebook: who gets what of a sale, and what the parties pay each other for it.

Rules of one component compete; on each sale the most specific one wins. ``split`` gives away exactly the whole of its
amount: its shares are exact (at most one part in a million) and one part, the residual owner, gets what the
others leave. Every other component is paid by somebody, so its legs sum to zero. Whether rules cover every store, and
whether two compete for one, depends on the stores: ``models.settlement.checking``.
"""

import hashlib
import json
import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from models.documents.loading import Document
from models.documents.settlement_forms import (
    CURRENCY,
    Bound,
    Fixed,
    Package,
    PointsFunder,
    Rate,
    SettleIn,
    Tiers,
    canonical_share,
    share_ppm,
)
from models.money import PPM

#: How a party is found: head office; the store's region; the store; the store's agent, or the
#: region's where it states none; the order's salesperson; the platform of the sales channel.
PartyKind = Literal["hq", "region", "store", "agent", "sales", "platform"]
PARTY_KINDS: tuple[PartyKind, ...] = get_args(PartyKind)
#: Parties that a fact may not have; a rule cannot rely on them to take the rest.
MAY_BE_MISSING: tuple[PartyKind, ...] = ("sales",)

#: What one party of a sale pays to another.
Transferred = Literal["commission", "service_fee", "rebate", "agent", "platform_fee", "tax"]
TRANSFERRED: tuple[Transferred, ...] = get_args(Transferred)
MAX_FUNDERS = 4

#: Levels of a place, finest first, then the other keys of a rule.
PLACE_KEYS = ("city", "region", "country")
RULE_KEYS = (*PLACE_KEYS, "store_type", "business_type", "channel", "agent")
CHANNELS = ("online", "offline")

#: The facts are split in a wide table with a column for each component, so their number has a bound.
MAX_COMPONENTS = 8

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Component(Document):
    """One part of a rule. ``role`` names it in reports; ``party`` says who it is, by default what the role says.

    ``weight``: instead of shares, all parts of a rule may state whole weights (1 : 1 : 1), which thirds need.
    """

    role: str
    party: PartyKind | None = None
    share: Annotated[str | None, BeforeValidator(canonical_share)] = None
    weight: int | None = Field(default=None, ge=1, le=PPM)
    residual: bool = False

    @property
    def kind(self) -> PartyKind | None:
        """None when neither ``party`` nor the role says who the party is; the rule refuses that."""
        return self.party or next((kind for kind in PARTY_KINDS if kind == self.role), None)


class Match(Document):
    """Where a rule holds. A field left out means any."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    store_type: str | None = None
    business_type: str | None = None
    channel: str | None = None
    agent: str | None = None


class _Split(Document):
    """A named, ordered list of components; the order decides who gets the odd cent when fractions tie.

    ``settle_in`` left out: what the rulebook says.
    """

    id: str
    components: tuple[Component, ...]
    settle_in: SettleIn | None = None

    @model_validator(mode="after")
    def _components_hold(self) -> Self:
        problems = [*_id_problems(self.id), *_count_problems(self.components)]
        weighted = any(component.weight is not None for component in self.components)
        for component in self.components:
            problems += _component_problems(component, weighted=weighted)
        problems += _residual_problems(self.components)
        if not problems:
            problems += _sum_problems(self.components)
        if problems:
            raise ValueError(f'rule "{self.id}": ' + "; ".join(problems))
        return self

    def weights(self) -> tuple[int, ...]:
        """The weight of each component, in order: parts in a million that sum to exactly one million, or as stated."""
        if self.components[0].weight is not None:
            return tuple(component.weight or 0 for component in self.components)
        stated = [share_ppm(component.share) if component.share else 0 for component in self.components]
        rest = PPM - sum(stated)
        return tuple(
            rest if component.residual else ppm for component, ppm in zip(self.components, stated, strict=True)
        )


class DefaultRule(_Split):
    """The split that holds where no rule does, on every date."""


class _Placed(Document):
    """Where a rule holds and on which days: from ``valid_from`` up to, not including, ``valid_to`` (left out: open)."""

    id: str
    when: Match = Match()
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _place_and_days_hold(self) -> Self:
        problems = _match_problems(self.when)
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            problems.append(
                f"valid_to: {self.valid_to} is not after valid_from {self.valid_from}; "
                "valid_to is the first day on which the rule no longer holds"
            )
        if problems:
            raise ValueError(f'rule "{self.id}": ' + "; ".join(problems))
        return self


class SettlementRule(_Split, _Placed):
    """Shares of the whole of a sale."""

    component: Literal["split"] = "split"


class TransferRule(_Placed):
    """What ``party`` gets from ``payer`` (left out: the residual owner of the split) on each sale.

    One of ``rate``, ``fixed``, ``tiers`` and ``package`` says how much. ``currency`` is that of the amounts written in
    the rule. ``on_refund``: give back in proportion (``original``) or lower what was accumulated (``retier``); left
    out: rebates ``retier``, others ``original``. ``tax``: reckon with the amount without its tax (``excl``) or with it
    (``incl``, which differs where prices exclude it); left out: as it was paid. ``base: cash``: what points paid does
    not count. A rule of the component ``tax`` says no form: it gives the tax of each line.
    """

    component: Transferred
    party: str
    payer: str | None = None
    role: str | None = None
    rate: Rate | None = None
    fixed: Fixed | None = None
    tiers: Tiers | None = None
    package: Package | None = None
    cap: Bound | None = None
    floor: Bound | None = None
    currency: str = Field(default="CNY", pattern=CURRENCY)
    on_refund: Literal["original", "retier"] | None = None
    base: Literal["gross", "cash"] = "gross"
    tax: Literal["incl", "excl"] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        problems = [*_id_problems(self.id), *_party_problems(self.party, "party")]
        if self.payer is not None:
            problems += _party_problems(self.payer, "payer")
            if self.payer in MAY_BE_MISSING:
                problems.append(f"payer: {self.payer} may be missing on a fact; choose another")
            if self.payer == self.party:
                problems.append(f"payer: {self.payer} would pay itself; name another")
        problems += _form_problems(self)
        if problems:
            raise ValueError(f'rule "{self.id}": ' + "; ".join(problems))
        return self

    @property
    def retiers(self) -> bool:
        """Whether a refund lowers what was accumulated; only what accumulates can."""
        if self.tiers is None and self.package is None:
            return False
        return (self.on_refund or ("retier" if self.component == "rebate" else "original")) == "retier"


class PointsRule(_Placed):
    """Who pays for the points that a sale was paid with: the funders give, ``account`` gets what they are worth."""

    component: Literal["points_funding"]
    funders: tuple[PointsFunder, ...] = Field(min_length=1, max_length=MAX_FUNDERS)
    account: str = Field(default="points", min_length=1)

    @model_validator(mode="after")
    def _funders_pay_all(self) -> Self:
        named = [funder.party for funder in self.funders]
        total = sum(share_ppm(funder.share) for funder in self.funders)
        problems = [*_id_problems(self.id)]
        if len(set(named)) < len(named):
            problems.append("funders: a party is there twice; join its shares")
        if total != PPM:
            problems.append(f"funders: the shares sum to {(Decimal(total) * 100 / PPM).normalize():f}%; make them 100%")
        if problems:
            raise ValueError(f'rule "{self.id}": ' + "; ".join(problems))
        return self


def _kind_of_rule(value: Any) -> str:
    component = value.get("component", "split") if isinstance(value, dict) else getattr(value, "component", "split")
    if component == "points_funding":
        return "points"
    return "transfer" if component in TRANSFERRED else "shared"


AnyRule = Annotated[
    Annotated[SettlementRule, Tag("shared")]
    | Annotated[TransferRule, Tag("transfer")]
    | Annotated[PointsRule, Tag("points")],
    Discriminator(_kind_of_rule),
]


class SettlementDocument(Document):
    """A company's settlement rules. ``default`` is explicit: without it every store must be covered by a rule.

    ``none``: components that need not be everywhere. ``settle_in`` left out: each sale in its own currency.
    """

    name: str = Field(min_length=1)
    rules: tuple[AnyRule, ...] = ()
    default: DefaultRule | None = None
    settle_in: SettleIn | None = None
    none: tuple[Transferred | Literal["points_funding"], ...] = ()

    @property
    def version(self) -> str:
        """The hash of what is written: a field that a later release adds does not change it."""
        written = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        body = json.dumps(written, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(body.encode()).hexdigest()[:16]

    @property
    def splits(self) -> tuple[SettlementRule, ...]:
        return tuple(rule for rule in self.rules if isinstance(rule, SettlementRule))

    @property
    def transfers(self) -> tuple[TransferRule, ...]:
        return tuple(rule for rule in self.rules if isinstance(rule, TransferRule))

    @field_validator("rules")
    @classmethod
    def _order_means_nothing(cls, rules: tuple[AnyRule, ...]) -> tuple[AnyRule, ...]:
        return tuple(sorted(rules, key=lambda rule: rule.id))

    @model_validator(mode="after")
    def _ids_are_unique_and_something_is_ruled(self) -> Self:
        ids = [rule.id for rule in self.rules] + ([self.default.id] if self.default else [])
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"id: {', '.join(twice)} names more than one rule; give each rule its own id")
        if not ids:
            raise ValueError("rules: the rulebook is empty; add a rule or a default")
        return self


def _id_problems(name: str) -> list[str]:
    return [] if name.strip() else ["id: blank; give the rule a name"]


def _match_problems(when: Match) -> list[str]:
    problems = []
    for key in RULE_KEYS:
        value = getattr(when, key)
        if value is not None and value.strip() in ("", "*"):
            problems.append(f'when.{key}: "{value}" is not a value; leave the field out to mean any')
    if when.channel is not None and when.channel not in CHANNELS:
        problems.append(f'when.channel: "{when.channel}" is unknown; write one of {", ".join(CHANNELS)}')
    return problems


def _party_problems(party: str, field: str) -> list[str]:
    if party in PARTY_KINDS or (party.startswith("account:") and party.removeprefix("account:").strip()):
        return []
    return [f'{field}: "{party}" is unknown; write one of {", ".join(PARTY_KINDS)}, or account:<its number>']


def _form_problems(rule: TransferRule) -> list[str]:
    forms = [name for name in ("rate", "fixed", "tiers", "package") if getattr(rule, name) is not None]
    if rule.component == "tax":
        return _tax_problems(rule, forms)
    problems = (
        []
        if len(forms) == 1
        else [f"{len(forms)} of rate, fixed, tiers, package are given ({', '.join(forms) or 'none'}); give exactly one"]
    )
    if rule.floor is not None and rule.floor.per not in ("line", "order"):
        problems.append("floor: a floor holds per line or per order; write one of the two")
    return problems + _bound_problems(rule)


def _tax_problems(rule: TransferRule, forms: list[str]) -> list[str]:
    """The tax table says how much a tax is."""
    given = [*forms, *(name for name in ("cap", "floor", "on_refund", "tax") if getattr(rule, name) is not None)]
    return [f"{', '.join(given)}: the tax table says how much a tax is; remove it"] if given else []


def _bound_problems(rule: TransferRule) -> list[str]:
    """Cap, floor and form work at one level: the line, the order, or a period."""
    problems = []
    gathered = rule.tiers or rule.package
    if rule.cap is not None and rule.floor is not None and rule.cap.per != rule.floor.per:
        problems.append(f"floor: per {rule.floor.per}, but the cap is per {rule.cap.per}; make them the same")
    if gathered is not None and rule.floor is not None:
        problems.append("floor: tiers and packages have none; remove it")
    if gathered is not None and rule.cap is not None and rule.cap.per != gathered.period:
        problems.append(f"cap: per {rule.cap.per}, but it accumulates per {gathered.period}; make them the same")
    if rule.fixed is not None and rule.fixed.per == "order" and (rule.cap or rule.floor):
        problems.append("cap, floor: an amount per order needs none; write the amount that you mean")
    if rule.on_refund == "retier" and gathered is None:
        problems.append("on_refund: retier needs tiers or a package; remove it")
    return problems


def _count_problems(components: tuple[Component, ...]) -> list[str]:
    problems = []
    if not 1 <= len(components) <= MAX_COMPONENTS:
        problems.append(f"components: {len(components)} given; a rule has 1 to {MAX_COMPONENTS}")
    roles = [component.role for component in components]
    twice = sorted({role for role in roles if roles.count(role) > 1})
    if twice:
        problems.append(f"components: role {', '.join(twice)} appears twice; join the shares or name one differently")
    return problems


def _component_problems(component: Component, *, weighted: bool) -> list[str]:
    where = f'component "{component.role}"'
    problems = []
    if not _NAME.fullmatch(component.role):
        problems.append(f"{where}: role must be lower-case letters, digits and _, beginning with a letter")
    if component.kind is None:
        problems.append(f"{where}: party is missing; say who it is, one of {', '.join(PARTY_KINDS)}")
    if weighted and (component.weight is None or component.share is not None):
        problems.append(f"{where}: other parts state a weight; state one here too, and no share")
    if component.residual:
        if component.share is not None and not weighted:
            problems.append(f"{where}: share: the residual owner gets what the others leave; remove its share")
        if component.kind == "sales":
            problems.append(
                f"{where}: residual: an order may have no salesperson, so sales cannot own the rest; choose another"
            )
    elif weighted:
        pass
    elif component.share is None:
        problems.append(f'{where}: share is missing; write one like "12.5%", or mark the component residual: true')
    else:
        try:
            share_ppm(component.share)
        except ValueError as error:
            problems.append(f"{where}: {error}")
    return problems


def _residual_problems(components: tuple[Component, ...]) -> list[str]:
    owners = [component.role for component in components if component.residual]
    if len(owners) == 1:
        return []
    found = f"{len(owners)} are ({', '.join(owners)})" if owners else "none is"
    return [f"components: {found} marked residual: true; mark exactly one, it gets what the others leave"]


def _sum_problems(components: tuple[Component, ...]) -> list[str]:
    total = sum(share_ppm(component.share) for component in components if component.share)
    if total <= PPM:
        return []
    return [f"components: the shares sum to {(Decimal(total) * 100 / PPM).normalize():f}%; lower them to 100% or less"]
