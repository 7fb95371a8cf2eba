"""Who is who: personas, links, refusals, reviews, events, rules (docs/identity.md)."""

from models.contracts.published.table import BIGINT, BOOLEAN, DATE, INTEGER, TEXT, TIMESTAMP, Table, promise

IDENTITY: tuple[Table, ...] = (
    promise(
        "identity_personas",
        "customer_id persona_id identifier_type",
        f"{TEXT}: customer_id identifier_type identifier source refusal",
        f"{BIGINT}: persona_id records_count",
        f"{BOOLEAN}: is_identifier",
        f"{TIMESTAMP}: first_seen_at last_seen_at",
    ),
    promise("identity_orders", "order_key persona_id", f"{TEXT}: order_key", f"{BIGINT}: persona_id"),
    promise(
        "identity_links",
        "customer_id left_persona right_persona rule",
        f"{TEXT}: customer_id rule evidence",
        f"{BIGINT}: left_persona right_persona weight_ppm",
        f"{TIMESTAMP}: seen_at",
    ),
    promise(
        "identity_refusals",
        "customer_id other_customer_id this_persona that_persona rule refusal",
        f"{TEXT}: customer_id other_customer_id rule refusal",
        f"{BIGINT}: this_persona that_persona links_count",
        f"{TIMESTAMP}: seen_at",
    ),
    promise(
        "identity_reviews",
        "place",
        f"{TEXT}: kind customer_id other_customer_id record_id evidence currency",
        f"{BIGINT}: place persona_id probability_ppm weight_ppm records_count amount value",
        f"{TIMESTAMP}: seen_at",
    ),
    promise(
        "identity_events",
        "customer_id decided_on event_id",
        f"{TEXT}: event_id kind customer_id previous_id cause",
        f"{DATE}: decided_on",
        in_digest=False,  # what earlier runs decided, so it depends on which runs there were
    ),
    promise(
        "identity_rules",
        "rule_seq",
        f"{TEXT}: rule types guards",
        f"{INTEGER}: rule_seq",
        f"{BOOLEAN}: is_certain",
    ),
)
