"""The registry as tables: what dbt reads to link records."""

import polars as pl

from models.documents.identity import RULE_GUARDS, RULE_TYPES, GuardKind, IdentityRegistry

RULES_SCHEMA: dict[str, pl.DataType] = {
    "rule": pl.String(),
    "rule_seq": pl.Int32(),
    "types_count": pl.Int32(),
    "most": pl.Int64(),
    "apart_days": pl.Int64(),
    "clear_days": pl.Int64(),
    "is_certain": pl.Boolean(),
    **{f"type_{slot}": pl.String() for slot in range(1, RULE_TYPES + 1)},
    **{
        f"{name}_{slot}": dtype
        for slot in range(1, RULE_GUARDS + 1)
        for name, dtype in (
            ("guard_type", pl.String()),
            ("guard_place", pl.Int32()),
            ("guard_kind", pl.String()),
            ("tolerance", pl.Int64()),
        )
    },
}
LIMITS_SCHEMA: dict[str, pl.DataType] = {
    "identifier_type": pl.String(),
    "of_type": pl.String(),
    "most": pl.Int64(),
    "within_days": pl.Int64(),
}


def rules_table(registry: IdentityRegistry) -> pl.DataFrame:
    """The dbt source ``identity_rules``: one row per rule, columns RULES_SCHEMA; unused slots are null.

    ``rule_seq`` counts from 1, the strongest first. ``guard_place``: which of the registry's guarded types it is, from
    1. ``apart_days`` is the tolerance of the guard ``apart``.
    """
    places = {name: place for place, name in enumerate(registry.guarded_types, start=1)}
    rows = []
    for seq, rule in enumerate(registry.rules, start=1):
        row: dict[str, object] = dict.fromkeys(RULES_SCHEMA)
        row |= {"rule": rule.name, "rule_seq": seq, "types_count": len(rule.same), "most": rule.most}
        row["is_certain"] = rule.certain
        row |= {f"type_{slot}": name for slot, name in enumerate(rule.same, start=1)}
        guards = [guard for guard in rule.guards if guard.kind is not GuardKind.APART]
        for slot, guard in enumerate(guards, start=1):
            row |= {f"guard_type_{slot}": guard.type, f"guard_kind_{slot}": guard.kind.value}
            row |= {f"tolerance_{slot}": guard.tolerance, f"guard_place_{slot}": places[str(guard.type)]}
        row["clear_days"] = rule.clear_days
        row["apart_days"] = next((g.tolerance for g in rule.guards if g.kind is GuardKind.APART), None)
        rows.append(row)
    return pl.DataFrame(rows, schema=RULES_SCHEMA, orient="row")


def limits_table(registry: IdentityRegistry) -> pl.DataFrame:
    """The dbt source ``identity_limits``: one row per type and limited type, columns LIMITS_SCHEMA."""
    rows = [
        (kind.name, limit.of, limit.most, limit.within_days) for kind in registry.identifiers for limit in kind.limits
    ]
    return pl.DataFrame(rows, schema=LIMITS_SCHEMA, orient="row")
