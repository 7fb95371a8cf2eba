"""The settlement rulebook: who gets which share of a sale, by region, store type, trade, channel and date.

Shares are exact: text with a percent sign, at most four decimals of a percent (one part in a million). One component
of each rule is the residual owner and gets what the others leave, so a rule always gives away exactly the whole.
Whether rules cover every store, and whether two compete for one, depends on the stores: ``models.settlement.checking``.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from models.documents.loading import Document
from models.money import PPM

#: How the party of a component is found: head office; the store's region; the store; the region's agent; the order's
#: salesperson.
PartyKind = Literal["hq", "region", "store", "agent", "sales"]
PARTY_KINDS: tuple[PartyKind, ...] = ("hq", "region", "store", "agent", "sales")

#: Fixed order of the keys of a rule, strongest first (settlement semantics, rule key).
RULE_KEYS = ("region", "store_type", "business_type", "channel")
CHANNELS = ("online", "offline")

#: The facts are split in a wide table with a column for each component, so their number has a bound.
MAX_COMPONENTS = 8

_SHARE = re.compile(r"(?P<percent>[0-9]{1,3}(?:\.[0-9]+)?)\s*%")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def share_ppm(text: str) -> int:
    """``"12.5%"`` → 125000 parts in a million, exactly. Raises ValueError in plain words."""
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'share "{text}" is not a percentage; write it like "12.5%"')
    ppm = Decimal(match["percent"]) * PPM / 100
    if ppm != ppm.to_integral_value():
        raise ValueError(f'share "{text}" is finer than 0.0001%; round it to four decimals of a percent')
    if ppm > PPM:
        raise ValueError(f'share "{text}" is above 100%; lower it')
    return int(ppm)


def _canonical_share(value: object) -> object:
    """One spelling for equal shares, so that they give one version. What cannot be read is refused by its rule."""
    if value is None:
        return None
    try:
        ppm = share_ppm(str(value))
    except ValueError:
        return str(value)
    return f"{(Decimal(ppm) * 100 / PPM).normalize():f}%"


class Component(Document):
    """One part of a rule. ``role`` names it in reports; ``party`` says who it is, by default what the role says."""

    role: str
    party: PartyKind | None = None
    share: Annotated[str | None, BeforeValidator(_canonical_share)] = None
    residual: bool = False

    @property
    def kind(self) -> PartyKind | None:
        """None when neither ``party`` nor the role says who the party is; the rule refuses that."""
        return self.party or next((kind for kind in PARTY_KINDS if kind == self.role), None)


class Match(Document):
    """Where a rule holds. A field left out means any."""

    region: str | None = None
    store_type: str | None = None
    business_type: str | None = None
    channel: str | None = None


class _Split(Document):
    """A named, ordered list of components; the order decides who gets the odd cent when fractions tie."""

    id: str
    components: tuple[Component, ...]

    @model_validator(mode="after")
    def _components_hold(self) -> Self:
        problems = [*_id_problems(self.id), *_count_problems(self.components)]
        for component in self.components:
            problems += _component_problems(component)
        problems += _residual_problems(self.components)
        if not problems:
            problems += _sum_problems(self.components)
        if problems:
            raise ValueError(f'rule "{self.id}": ' + "; ".join(problems))
        return self

    def rates_ppm(self) -> tuple[int, ...]:
        """Parts in a million for each component, in order; they sum to exactly one million."""
        stated = [share_ppm(component.share) if component.share else 0 for component in self.components]
        rest = PPM - sum(stated)
        return tuple(
            rest if component.residual else ppm for component, ppm in zip(self.components, stated, strict=True)
        )


class DefaultRule(_Split):
    """What holds where no rule does, on every date."""


class SettlementRule(_Split):
    """A rule, its place and its days: from ``valid_from`` up to, not including, ``valid_to`` (left out: open)."""

    when: Match = Match()
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _place_and_days_hold(self) -> Self:
        problems = []
        for key in RULE_KEYS:
            value = getattr(self.when, key)
            if value is not None and value.strip() in ("", "*"):
                problems.append(f'when.{key}: "{value}" is not a value; leave the field out to mean any')
        if self.when.channel is not None and self.when.channel not in CHANNELS:
            problems.append(f'when.channel: "{self.when.channel}" is unknown; write one of {", ".join(CHANNELS)}')
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            problems.append(
                f"valid_to: {self.valid_to} is not after valid_from {self.valid_from}; "
                "valid_to is the first day on which the rule no longer holds"
            )
        if problems:
            raise ValueError(f'rule "{self.id}": ' + "; ".join(problems))
        return self


class SettlementDocument(Document):
    """A company's settlement rules. ``default`` is explicit: without it every store must be covered by a rule."""

    name: str = Field(min_length=1)
    rules: tuple[SettlementRule, ...] = ()
    default: DefaultRule | None = None

    @field_validator("rules")
    @classmethod
    def _order_means_nothing(cls, rules: tuple[SettlementRule, ...]) -> tuple[SettlementRule, ...]:
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


def _count_problems(components: tuple[Component, ...]) -> list[str]:
    problems = []
    if not 1 <= len(components) <= MAX_COMPONENTS:
        problems.append(f"components: {len(components)} given; a rule has 1 to {MAX_COMPONENTS}")
    roles = [component.role for component in components]
    twice = sorted({role for role in roles if roles.count(role) > 1})
    if twice:
        problems.append(f"components: role {', '.join(twice)} appears twice; join the shares or name one differently")
    return problems


def _component_problems(component: Component) -> list[str]:
    where = f'component "{component.role}"'
    problems = []
    if not _NAME.fullmatch(component.role):
        problems.append(f"{where}: role must be lower-case letters, digits and _, beginning with a letter")
    if component.kind is None:
        problems.append(f"{where}: party is missing; say who it is, one of {', '.join(PARTY_KINDS)}")
    if component.residual:
        if component.share is not None:
            problems.append(f"{where}: share: the residual owner gets what the others leave; remove its share")
        if component.kind == "sales":
            problems.append(
                f"{where}: residual: an order may have no salesperson, so sales cannot own the rest; choose another"
            )
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
