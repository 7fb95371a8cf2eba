"""The customer document as tables: what dbt reads to decide which value of a field survives."""

import polars as pl

from models.documents.customer import CRITERIA, CustomerDocument, FieldKind

FIELD_RULES: dict[str, pl.DataType] = {
    "field": pl.String(),
    "field_seq": pl.Int32(),
    **{f"criterion_{slot}": pl.String() for slot in range(1, CRITERIA + 1)},
}
FIELD_SOURCES: dict[str, pl.DataType] = {
    "field": pl.String(),
    "source": pl.String(),
    "trust": pl.Int64(),
    "is_verified": pl.Boolean(),
}
CLEARED_VALUES: dict[str, pl.DataType] = {"field": pl.String(), "value": pl.String()}
CUSTOMER_RULES: dict[str, pl.DataType] = {"subject": pl.String(), "rule": pl.String(), "rule_seq": pl.Int32()}
CUSTOM_FIELDS: dict[str, pl.DataType] = {
    **dict.fromkeys(("field", "choice", "kind", "zh", "en"), pl.String()),
    "field_seq": pl.Int32(),
}


def field_rules(document: CustomerDocument) -> pl.DataFrame:
    """The dbt source ``customer_field_rules``: one row per field in the order of showing; unused slots are null."""
    criteria = {rule.field: rule.criteria for rule in document.fields}
    criteria |= {field.id: field.criteria for field in document.custom}
    rows = []
    for seq, name in enumerate(document.field_ids, start=1):
        row: dict[str, object] = dict.fromkeys(FIELD_RULES) | {"field": name, "field_seq": seq}
        rows.append(row | {f"criterion_{slot}": one.value for slot, one in enumerate(criteria[name], start=1)})
    return pl.DataFrame(rows, schema=FIELD_RULES, orient="row")


def field_sources(document: CustomerDocument) -> pl.DataFrame:
    """The dbt source ``customer_field_sources``: one row per field and source that may state it; trust 1 is best."""
    own = {rule.field: rule.trust for rule in document.fields}
    verified = {(name, one.source) for one in document.verified for name in one.fields}
    rows = [
        (name, source, trust, (name, source) in verified)
        for name in document.field_ids
        for trust, source in enumerate(own.get(name) or document.trust, start=1)
    ]
    return pl.DataFrame(rows, schema=FIELD_SOURCES, orient="row")


def cleared_values(document: CustomerDocument) -> pl.DataFrame:
    """The dbt source ``customer_cleared_values``: one row per field and value, lower case."""
    rows = {
        (name, value.strip().lower())
        for one in document.clear
        for name in one.fields or document.field_ids
        for value in one.values
    }
    return pl.DataFrame(sorted(rows), schema=CLEARED_VALUES, orient="row")


def customer_rules(document: CustomerDocument) -> pl.DataFrame:
    """The dbt source ``customer_rules``: one row per subject (owner, home_store, region) and rule, in order from 1."""
    chosen = {"owner": document.owner, "home_store": document.home_store, "region": document.region}
    rows = [(subject, rule, seq) for subject, rules in chosen.items() for seq, rule in enumerate(rules, start=1)]
    return pl.DataFrame(rows, schema=CUSTOMER_RULES, orient="row")


def custom_fields(document: CustomerDocument) -> pl.DataFrame:
    """The dbt source ``custom_fields``: one row per custom field (choice is empty) and per choice, with labels."""
    places = {name: seq for seq, name in enumerate(document.field_ids, start=1)}
    rows = []
    for field in document.custom:
        rows.append((field.id, "", field.kind.value, field.label.zh, field.label.en, places[field.id]))
        for choice in field.choices:
            words = (choice.label.zh, choice.label.en)
            rows.append((field.id, choice.id, FieldKind.CHOICE.value, *words, places[field.id]))
    return pl.DataFrame(rows, schema=CUSTOM_FIELDS, orient="row")


def rule_tables(document: CustomerDocument) -> dict[str, pl.DataFrame]:
    """Every table that follows from the document alone, by the name of its dbt source."""
    return {
        "customer_field_rules": field_rules(document),
        "customer_field_sources": field_sources(document),
        "customer_cleared_values": cleared_values(document),
        "customer_rules": customer_rules(document),
        "custom_fields": custom_fields(document),
    }
