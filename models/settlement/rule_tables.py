"""A rulebook as the tables that dbt reads: shared rules by their parts, transfer rules, and slices of tiers."""

from collections.abc import Iterable, Sequence

import polars as pl

from models.documents.settlement import RULE_KEYS, SettlementDocument
from models.settlement.rules import Rule, rules_of

_HEAD: dict[str, pl.DataType] = {
    "rule_id": pl.String(),
    "rule_version": pl.String(),
    "component": pl.String(),
    **{key: pl.String() for key in RULE_KEYS},
    "specificity": pl.Int32(),
}
_DAYS: dict[str, pl.DataType] = {"valid_from": pl.Date(), "valid_to": pl.Date()}
SETTLEMENT_RULES_SCHEMA: dict[str, pl.DataType] = {
    **_HEAD,
    "component_seq": pl.Int32(),
    "party_role": pl.String(),
    "party_kind": pl.String(),
    "weight": pl.Int64(),
    "is_residual": pl.Boolean(),
    "settle_currency": pl.String(),
    "rate_day": pl.String(),
    **_DAYS,
}
TRANSFER_RULES_SCHEMA: dict[str, pl.DataType] = {
    **_HEAD,
    "party_role": pl.String(),
    "party_kind": pl.String(),
    "payer_kind": pl.String(),
    "form": pl.String(),
    "level": pl.String(),
    "fixed_per": pl.String(),
    "package_rounding": pl.String(),
    "tax_basis": pl.String(),
    "currency": pl.String(),
    "rate_ppm": pl.Int64(),
    "fixed_amount": pl.Int64(),
    "package_size_milli": pl.Int64(),
    "package_price": pl.Int64(),
    "points_from": pl.Int64(),
    "points_to": pl.Int64(),
    "cap_amount": pl.Int64(),
    "floor_amount": pl.Int64(),
    "speaks_amounts": pl.Boolean(),
    "retiers": pl.Boolean(),
    "needs_tax": pl.Boolean(),
    "on_cash": pl.Boolean(),
    **_DAYS,
}
SLICES_SCHEMA: dict[str, pl.DataType] = {
    "rule_id": pl.String(),
    "rule_version": pl.String(),
    "slice_seq": pl.Int32(),
    "starts_at": pl.Int64(),
    "ends_before": pl.Int64(),
    "offset_e6": pl.Int64(),
    "rate_ppm": pl.Int64(),
}


def compile_rules(document: SettlementDocument) -> dict[str, pl.DataFrame]:
    """The dbt sources of a rulebook, by name, each sorted by its key.

    ``settlement_rules`` (SETTLEMENT_RULES_SCHEMA): one row per rule of a shared component and part; ``weight`` is parts
    in a million, or what the rule states. ``settlement_transfer_rules`` (TRANSFER_RULES_SCHEMA): one row per transfer
    rule (of points, per funder); null ``payer_kind`` is the residual owner; amounts are minor units of ``currency``.
    ``settlement_slices``
    (SLICES_SCHEMA): one row per slice of a rule with tiers, from ``starts_at`` to before ``ends_before`` (null: open)
    in whole minor units, whatever the rulebook says of the boundary. Null dates are open.
    """
    rules = rules_of(document)
    return {
        "settlement_rules": _frame(_parts(rules), SETTLEMENT_RULES_SCHEMA, "rule_id", "component_seq"),
        "settlement_transfer_rules": _frame(_transfers(rules), TRANSFER_RULES_SCHEMA, "rule_id", "component"),
        "settlement_slices": _frame(_slices(rules), SLICES_SCHEMA, "rule_id", "slice_seq"),
    }


def _frame(rows: Iterable[tuple[object, ...]], schema: dict[str, pl.DataType], *key: str) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row").sort(key)


def _head(rule: Rule) -> tuple[object, ...]:
    return (rule.rule_id, rule.version, rule.component, *rule.key, rule.specificity)


def _parts(rules: Sequence[Rule]) -> Iterable[tuple[object, ...]]:
    for rule in rules:
        for part in rule.parts:
            of_part = (part.seq, part.role, part.kind, part.weight, part.is_residual)
            yield (*_head(rule), *of_part, rule.settle_in, rule.rate_day, rule.valid_from, rule.valid_to)


def _transfers(rules: Sequence[Rule]) -> Iterable[tuple[object, ...]]:
    for rule in rules:
        terms = rule.transfer
        if terms is None:
            continue
        package = terms.package
        yield (
            *_head(rule),
            *(terms.role, terms.payee, terms.payer, terms.form, terms.level, terms.fixed_per),
            *(
                package.rounding if package else None,
                terms.tax_basis,
                terms.currency,
                terms.rate_ppm,
                terms.fixed_amount,
            ),
            *((package.size_milli, package.price) if package else (None, None)),
            *(terms.points_from, terms.points_to),
            *(
                terms.cap,
                terms.floor,
                terms.speaks_amounts,
                terms.retiers,
                terms.needs_tax,
                terms.on_cash,
                rule.valid_from,
                rule.valid_to,
            ),
        )


def _slices(rules: Sequence[Rule]) -> Iterable[tuple[object, ...]]:
    """Amounts are whole minor units, so "above a limit" is "from one unit above it"."""
    for rule in rules:
        if rule.transfer is None or rule.transfer.tiers is None:
            continue
        tiers = rule.transfer.tiers
        starts = [0, *(one.start + (0 if tiers.inclusive else 1) for one in tiers.slices[1:])]
        for seq, (one, start, end) in enumerate(zip(tiers.slices, starts, [*starts[1:], None], strict=True), start=1):
            yield rule.rule_id, rule.version, seq, start, end, one.offset, one.rate_ppm
