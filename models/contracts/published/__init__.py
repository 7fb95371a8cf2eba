"""The published tables: what a snapshot promises to every reader.

Amounts are BIGINT minor units of the row's ``currency``, timestamps are naive UTC, ids are text. The same list stands
in ``docs/architecture.md`` (a test compares the two). The publisher writes each table in the order of ``ordered_by``,
so that a look-up by that key reads few row groups.
"""

from typing import Any, Protocol

from models.contracts.published.identity import IDENTITY
from models.contracts.published.reach import REACH
from models.contracts.published.reconciliation import RECONCILIATION
from models.contracts.published.settlement import SETTLEMENT
from models.contracts.published.table import (
    BIGINT,
    BOOLEAN,
    DATE,
    INTEGER,
    PRICE,
    QUANTITY,
    TEXT,
    TIMESTAMP,
    Table,
    promise,
)
from models.errors import ExpectedError


class ContractError(ExpectedError):
    """A snapshot lacks a promised table or column, or a column has another type; the message lists every difference."""


class Connection(Protocol):
    """The part of a DuckDB connection that ``check`` needs."""

    def execute(self, query: str, /) -> Any: ...


_SETTLEMENT_KEY = "period store_id region store_type party_role party_id currency"

_TABLES = (
    promise(
        "customers",
        "customer_id",
        f"{TEXT}: customer_id name phone unionid external_userid member_no email gender city country address",
        f"{TEXT}: home_store_id home_store_rule region region_rule owner_userid owner_store_id owner_rule",
        f"{BIGINT}: identifiers_count orders_count",
        f"{BOOLEAN}: is_wecom_contact has_marketing_consent",
        f"{DATE}: birth_date",
        f"{TIMESTAMP}: first_seen_at last_interaction_at first_order_at last_order_at",
    ),
    promise(
        "customer_fields",
        "customer_id field",
        f"{TEXT}: customer_id field value source record_id store_id decided_by",
        f"{TEXT}: runner_up_value runner_up_source runner_up_record_id runner_up_store_id",
        f"{INTEGER}: field_seq",
        f"{BIGINT}: statements_count",
        f"{BOOLEAN}: is_verified",
        f"{TIMESTAMP}: stated_at runner_up_at",
    ),
    promise(
        "customer_contact_points",
        "customer_id kind value",
        f"{TEXT}: customer_id kind value source store_id",
        f"{BIGINT}: records_count",
        f"{BOOLEAN}: is_primary is_verified",
        f"{TIMESTAMP}: first_seen_at last_seen_at",
    ),
    promise(
        "customer_owners",
        "customer_id valid_from",
        f"{TEXT}: customer_id userid store_id rule",
        f"{TIMESTAMP}: valid_from valid_to",
    ),
    promise("custom_fields", "field choice", f"{TEXT}: field choice kind zh en", f"{INTEGER}: field_seq"),
    promise("customer_stores", "customer_id store_id", f"{TEXT}: customer_id store_id"),
    promise(
        "customer_identifiers",
        "customer_id identifier_type identifier",
        f"{TEXT}: customer_id identifier_type identifier source",
        f"{BOOLEAN}: is_owner",
        f"{TIMESTAMP}: first_seen_at last_seen_at",
    ),
    promise(
        "customer_totals",
        "customer_id store_id currency",
        f"{TEXT}: customer_id store_id currency",
        f"{BIGINT}: orders_count paid_amount refunded_amount",
        f"{TIMESTAMP}: last_order_at",
    ),
    promise(
        "customer_consents",
        "customer_id purpose channel",
        f"{TEXT}: customer_id purpose channel state",
        f"{TIMESTAMP}: decided_at",
    ),
    *REACH,
    promise(
        "interactions",
        "customer_id occurred_at kind object_id",
        f"{TEXT}: customer_id kind actor channel store_id staff_id object_type object_id text_key arguments currency",
        f"{BIGINT}: amount",
        f"{TIMESTAMP}: occurred_at",
    ),
    promise(
        "orders",
        "order_key",
        f"{TEXT}: order_key order_id store_id customer_id salesperson_id status currency",
        f"{BIGINT}: lines_count paid_amount refunded_amount",
        f"{BOOLEAN}: is_sale",
        f"{DATE}: ordered_on",
        f"{TIMESTAMP}: ordered_at paid_at",
    ),
    promise(
        "order_lines",
        "order_key order_line_id",
        f"{TEXT}: order_line_id order_key product_id product_name currency",
        f"{QUANTITY}: quantity",
        f"{PRICE}: unit_price",
        f"{BIGINT}: discount paid_amount",
    ),
    promise(
        "refunds",
        "refund_line_id",
        f"{TEXT}: refund_line_id refund_id order_key order_line_id store_id customer_id product_id",
        f"{TEXT}: link_state reason currency",
        f"{BIGINT}: refund_amount",
        f"{DATE}: refunded_on",
        f"{TIMESTAMP}: refunded_at",
    ),
    promise(
        "stores",
        "store_id",
        f"{TEXT}: store_id name store_type business_type country region city brand legal_entity agent_id timezone",
        f"{TEXT}: currency",
        f"{BOOLEAN}: is_declared",
    ),
    promise("staff", "userid", f"{TEXT}: userid name position store_id", f"{BIGINT}: status", f"{BOOLEAN}: is_current"),
    promise(
        "daily_metrics",
        "metric_date store_id currency",
        f"{DATE}: metric_date",
        f"{TEXT}: store_id currency",
        f"{BIGINT}: orders_count lines_count paid_amount refunds_count refunded_amount",
    ),
    promise(
        "metrics",
        "metric period_kind dimension_kind dimension_id period_start currency",
        f"{TEXT}: metric period_kind",
        f"{DATE}: period_start",
        f"{TEXT}: dimension_kind dimension_id currency",
        f"{BIGINT}: value",
    ),
    promise(
        "metric_glossary",
        "place",
        f"{BIGINT}: place",
        f"{TEXT}: metric kind unit owner dimensions name_zh name_en meaning_zh meaning_en formula_zh formula_en",
        f"{TEXT}: mart condition measure plus_of minus_of over_of",
        f"{BOOLEAN}: has_currency",
        in_digest=False,  # words of this release, not the data's
    ),
    promise(
        "settlement_summary",
        "period store_id party_role party_id currency",
        f"{TEXT}: {_SETTLEMENT_KEY}",
        f"{BIGINT}: sale_amount refund_amount amount lines_count",
    ),
    promise(
        "settlement_entries",
        "line_id component_seq",
        f"{TEXT}: entry_id posting line_id original_line_id order_key store_id region store_type business_type",
        f"{TEXT}: currency period rule_id rule_version party_role party_id link_state salesperson_id",
        f"{INTEGER}: component_seq",
        f"{BIGINT}: base_amount rate_ppm weight weight_total floor_amount",
        f"{INTEGER}: rounding",
        f"{BIGINT}: amount",
        f"{DATE}: economic_date",
    ),
    *RECONCILIATION,
    promise(
        "settlement_conversions",
        "line_id entry_id",
        f"{TEXT}: entry_id line_id sold_line_id store_id currency settle_currency rate_id",
        f"{BIGINT}: rate_e8 amount settled_amount",
    ),
    promise(
        "settlement_transfers",
        "line_id component side",
        f"{TEXT}: entry_id posting line_id original_line_id order_key store_id region store_type business_type",
        f"{TEXT}: component currency period rule_id rule_version party_role party_id",
        f"{TEXT}: side form link_state salesperson_id bound tax_id",
        f"{BIGINT}: line_amount points_amount tax_ppm tax_amount",
        f"{BIGINT}: base_amount rate_ppm computed_amount bound_amount weight weight_total floor_amount",
        f"{INTEGER}: rounding",
        f"{BIGINT}: before_amount after_amount before_value after_value amount",
        f"{DATE}: economic_date",
    ),
    promise(
        "churn_scores",
        "rank",
        f"{TEXT}: customer_id artifact_id band reason_1 reason_2 reason_3 owner_userid owner_store_id",
        f"{BIGINT}: score_ppm rank effect_ppm_1 effect_ppm_2 effect_ppm_3",
    ),
    promise(
        "customer_rfm",
        "customer_id currency",
        f"{TEXT}: customer_id currency segment",
        f"{BIGINT}: recency_days frequency monetary orders_count",
        f"{INTEGER}: recency_score frequency_score monetary_score",
        f"{BOOLEAN}: is_in_window",
        f"{TIMESTAMP}: first_order_at last_order_at",
    ),
    promise(
        "customer_value",
        "customer_id store_id currency",
        f"{TEXT}: customer_id store_id currency",
        f"{BIGINT}: revenue_amount discount_amount refund_amount cost_amount fee_amount commission_amount",
        f"{BIGINT}: shipping_amount service_cost_amount contribution paid_amount covered_amount lines_count",
    ),
    promise(
        "contribution_totals",
        "period store_id dimension_kind dimension_id currency component",
        f"{TEXT}: period store_id dimension_kind dimension_id currency component",
        f"{BIGINT}: amount covered_amount covered_lines lines_count",
    ),
    promise(
        "contribution_gaps",
        "period store_id component source reason currency",
        f"{TEXT}: period store_id component source reason currency",
        f"{BIGINT}: amount rows_count",
    ),
    promise("sold_products", "product_id", f"{TEXT}: product_id product_name"),
    promise(
        "value_segments",
        "segment_seq",
        f"{TEXT}: segment name_zh name_en",
        f"{INTEGER}: segment_seq",
    ),
    promise(
        "journey_stages",
        "stage_rank",
        f"{TEXT}: stage sort name_zh name_en waits_for",
        f"{INTEGER}: stage_rank",
        f"{BIGINT}: quiet_days stays_days target_days horizon_days",
    ),
    promise(
        "journey_entries",
        "customer_id entry_no",
        f"{TEXT}: customer_id stage next_stage store_id next_store_id cause_kind",
        f"{BIGINT}: entry_no",
        f"{TIMESTAMP}: entered_at left_at",
    ),
    promise(
        "journey_stage_days",
        "metric_date store_id stage",
        f"{DATE}: metric_date",
        f"{TEXT}: store_id stage",
        f"{BIGINT}: entered_count left_count present_count",
    ),
    promise(
        "journey_transitions",
        "entry_week store_id stage next_stage days",
        f"{DATE}: entry_week",
        f"{TEXT}: store_id stage next_stage",
        f"{BIGINT}: days entries_count seconds_sum",
    ),
    promise(
        "journey_bottlenecks",
        "store_id waits_for place",
        f"{TEXT}: store_id stage next_stage waits_for",
        f"{BIGINT}: place times_count late_count target_seconds mean_seconds median_seconds p90_seconds share_ppm",
        f"{BIGINT}: excess_seconds",
    ),
    promise(
        "journey_weeks",
        "week store_id stage measure",
        f"{DATE}: week",
        f"{TEXT}: store_id stage measure",
        f"{BIGINT}: entries_count weeks_count value usual deviation",
        f"{BOOLEAN}: is_alert",
    ),
    promise(
        "cohort_retention",
        "store_id channel cohort_month months_since",
        f"{TEXT}: store_id channel",
        f"{DATE}: cohort_month",
        f"{INTEGER}: months_since",
        f"{BIGINT}: customers_count active_count orders_count",
    ),
    promise(
        "cohort_revenue",
        "store_id channel cohort_month months_since currency",
        f"{TEXT}: store_id channel currency",
        f"{DATE}: cohort_month",
        f"{INTEGER}: months_since",
        f"{BIGINT}: paid_amount refunded_amount",
    ),
    *SETTLEMENT,
    *IDENTITY,
    promise(
        "data_freshness",
        "dataset",
        f"{TEXT}: dataset",
        f"{BIGINT}: rows_count days_behind",
        f"{TIMESTAMP}: last_event_at",
    ),
    promise(
        "unknown_states",
        "dataset store_id state",
        f"{TEXT}: dataset store_id state",
        f"{BIGINT}: records_count",
    ),
    promise(
        "batches",
        "seq",
        f"{BIGINT}: seq",
        f"{TEXT}: source dataset",
        f"{BIGINT}: rows accepted quarantined skipped",
        f"{TIMESTAMP}: landed_at",
        in_digest=False,
    ),
    promise(
        "quality_checks",
        "check_name",
        f"{TEXT}: check_name",
        f"{BOOLEAN}: passed",
        f"{BIGINT}: failing_rows",
        in_digest=False,
    ),
    promise(
        "estimators",
        "estimator",
        f"{TEXT}: estimator artifact_id",
        f"{DATE}: trained_on",
        f"{TEXT}: metrics",
        in_digest=False,
    ),
    promise(
        "publication",
        "business_date",
        f"{DATE}: business_date",
        f"{TIMESTAMP}: as_of",
        f"{BIGINT}: to_seq",
        f"{TEXT}: company company_timezone company_currency",
        in_digest=False,
    ),
)

PUBLISHED: dict[str, Table] = {table.name: table for table in _TABLES}


def create_statement(table: str) -> str:
    """``CREATE TABLE`` of a published table. Raises KeyError with the known names."""
    try:
        promised = PUBLISHED[table]
    except KeyError:
        raise KeyError(f"unknown published table {table!r}; known: {', '.join(PUBLISHED)}") from None
    columns = ", ".join(f'"{name}" {kind}' for name, kind in promised.columns.items())
    return f'create table "{promised.name}" ({columns})'


def check(connection: Connection) -> None:
    """The snapshot behind the connection has every promised table and column, of the promised type.

    Raises ContractError with all differences. Further columns are allowed: a newer writer may know more.
    """
    rows = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where not internal and schema_name = 'main'"
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    broken = [difference for table in _TABLES for difference in _differences(table, found.get(table.name))]
    if broken:
        raise ContractError("the snapshot breaks the published contract: " + "; ".join(broken))


def _differences(table: Table, found: dict[str, str] | None) -> list[str]:
    if found is None:
        return [f"table {table.name} is missing"]
    return [
        f"{table.name}.{column} is {found.get(column, 'missing')}, promised {kind}"
        for column, kind in table.columns.items()
        if found.get(column) != kind
    ]
