"""A rulebook as tables: what dbt reads, and what the pure evaluator walks."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from models.documents.settlement import RULE_KEYS, DefaultRule, PartyKind, SettlementDocument, SettlementRule

ANY = "*"

#: Specificity of the default: below a rule without any key, which has 0.
DEFAULT_SPECIFICITY = -1

SETTLEMENT_RULES_SCHEMA: dict[str, pl.DataType] = {
    "rule_id": pl.String(),
    "rule_version": pl.String(),
    "region": pl.String(),
    "store_type": pl.String(),
    "business_type": pl.String(),
    "channel": pl.String(),
    "specificity": pl.Int32(),
    "component_seq": pl.Int32(),
    "party_role": pl.String(),
    "party_kind": pl.String(),
    "rate_ppm": pl.Int64(),
    "is_residual": pl.Boolean(),
    "valid_from": pl.Date(),
    "valid_to": pl.Date(),
}


@dataclass(frozen=True)
class Part:
    """One component: ``seq`` from 1 breaks ties; ``rate_ppm`` of the residual owner is what the others leave."""

    seq: int
    role: str
    kind: PartyKind
    rate_ppm: int
    is_residual: bool


@dataclass(frozen=True)
class Rule:
    """A rule ready to be matched. A key is a value or ``*``; None dates are open; ``valid_to`` is exclusive."""

    rule_id: str
    version: str
    region: str
    store_type: str
    business_type: str
    channel: str
    specificity: int
    parts: tuple[Part, ...]
    valid_from: date | None = None
    valid_to: date | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.region, self.store_type, self.business_type, self.channel

    def holds_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)

    def covers(self, combination: tuple[str, str, str, str]) -> bool:
        return all(wanted in (ANY, value) for wanted, value in zip(self.key, combination, strict=True))


def rules_of(document: SettlementDocument) -> tuple[Rule, ...]:
    """The rules of a document by id, the default last."""
    rules = [_rule(rule, document.version) for rule in document.rules]
    return (*rules, _default(document.default, document.version)) if document.default else tuple(rules)


def compile_rules(document: SettlementDocument) -> pl.DataFrame:
    """The dbt source ``settlement_rules``: one row per rule and component, by (rule_id, component_seq).

    Columns: SETTLEMENT_RULES_SCHEMA. ``rate_ppm`` sums to one million in each rule; ``specificity`` counts the keys
    that are not ``*`` (the default: -1); ``rule_version`` is the version of the document; null dates are open.
    """
    rows = [
        (
            *(rule.rule_id, rule.version, *rule.key, rule.specificity),
            *(part.seq, part.role, part.kind, part.rate_ppm, part.is_residual),
            *(rule.valid_from, rule.valid_to),
        )
        for rule in rules_of(document)
        for part in rule.parts
    ]
    return pl.DataFrame(rows, schema=SETTLEMENT_RULES_SCHEMA, orient="row").sort("rule_id", "component_seq")


def _rule(rule: SettlementRule, version: str) -> Rule:
    region, store_type, business_type, channel = (getattr(rule.when, key) or ANY for key in RULE_KEYS)
    return Rule(
        rule_id=rule.id,
        version=version,
        region=region,
        store_type=store_type,
        business_type=business_type,
        channel=channel,
        specificity=sum(value != ANY for value in (region, store_type, business_type, channel)),
        parts=_parts(rule),
        valid_from=rule.valid_from,
        valid_to=rule.valid_to,
    )


def _default(rule: DefaultRule, version: str) -> Rule:
    return Rule(rule.id, version, ANY, ANY, ANY, ANY, DEFAULT_SPECIFICITY, _parts(rule))


def _parts(rule: SettlementRule | DefaultRule) -> tuple[Part, ...]:
    parts = []
    for seq, (component, rate_ppm) in enumerate(zip(rule.components, rule.rates_ppm(), strict=True), start=1):
        if component.kind is None:  # refused when the document was loaded
            raise ValueError(f'rule "{rule.id}": component "{component.role}" has no party')
        parts.append(Part(seq, component.role, component.kind, rate_ppm, component.residual))
    return tuple(parts)
