"""Small lakes by hand: the input folders of a run, written without the lake, and rows with sensible defaults.

Every row function returns a dict of a landed contract's columns; what a test does not name gets a plain value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from models.contracts import BATCH_COLUMN, CONTRACTS, RAW_COLUMN, ROW_COLUMN, contract
from models.customers.rule_tables import (
    CLEARED_VALUES,
    CUSTOM_FIELDS,
    CUSTOMER_RULES,
    FIELD_RULES,
    FIELD_SOURCES,
    rule_tables,
)
from models.documents.customer import CustomerDocument
from models.documents.engagement import RULES_SCHEMA as ENGAGEMENT_SCHEMA
from models.documents.engagement import EngagementDocument
from models.documents.engagement import rules_table as engagement_table
from models.documents.identity import IdentityRegistry
from models.documents.journey import JourneyDocument
from models.documents.payouts import MINIMUMS_SCHEMA
from models.documents.reconciliation import RULES_SCHEMA as RECONCILIATION_SCHEMA
from models.documents.reconciliation import ReconciliationDocument
from models.documents.reconciliation import rules_table as reconciliation_table
from models.documents.value import (
    BOXES_SCHEMA,
    COMPONENTS_SCHEMA,
    SCALES_SCHEMA,
    SEGMENTS_SCHEMA,
    ValueDocument,
    value_tables,
)
from models.documents.value import (
    RULES_SCHEMA as VALUE_SCHEMA,
)
from models.identity.observing import OBSERVATIONS_SCHEMA, observe
from models.identity.registry_tables import LIMITS_SCHEMA, RULES_SCHEMA, limits_table, rules_table
from models.interactions import KINDS_SCHEMA, kinds_table
from models.journeys import tables as journeys
from models.settings import PROJECT_ROOT
from models.settlement.rule_tables import SETTLEMENT_RULES_SCHEMA, SLICES_SCHEMA, TRANSFER_RULES_SCHEMA
from models.settlement.taxes import TAX_RATES_SCHEMA, TAXPAYERS_SCHEMA
from models.settlement.versions import VERSIONS_SCHEMA
from pipelines.custom_values import CUSTOM_VALUES, custom_values

Row = dict[str, Any]

REGISTRY = IdentityRegistry.load(PROJECT_ROOT / "data" / "rulebooks" / "identity.yaml")
CUSTOMER = CustomerDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "customer.yaml")
VALUE = ValueDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "value.yaml")
JOURNEY = JourneyDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "journey.yaml")
ENGAGEMENT = EngagementDocument.load(PROJECT_ROOT / "data" / "rulebooks" / "engagement.yaml")

#: Types of the inputs that a run writes itself (docs/architecture.md, "Inputs of dbt").
RUN_INPUTS: dict[str, dict[str, pl.DataType]] = {
    "run": {
        "business_date": pl.Date(),
        "as_of": pl.Datetime("us"),
        "to_seq": pl.Int64(),
        "company_timezone": pl.String(),
        "company_currency": pl.String(),
    },
    "lake_batches": {"batch": pl.String(), "source": pl.String(), "seq": pl.Int64(), "landed_at": pl.Datetime("us")},
    "settlement_rules": SETTLEMENT_RULES_SCHEMA,
    "settlement_transfer_rules": TRANSFER_RULES_SCHEMA,
    "settlement_slices": SLICES_SCHEMA,
    "settlement_versions": VERSIONS_SCHEMA,
    "settlement_tax_rates": TAX_RATES_SCHEMA,
    "settlement_taxpayers": TAXPAYERS_SCHEMA,
    "settlement_minimums": MINIMUMS_SCHEMA,
    "churn_cutoffs": {
        "as_of": pl.Datetime("us"),
        "active_since": pl.Datetime("us"),
        "label_until": pl.Datetime("us"),
        "cutoff_date": pl.Date(),
        "is_labelled": pl.Boolean(),
        "is_scoring": pl.Boolean(),
    },
    "value_rules": VALUE_SCHEMA,
    "value_scales": SCALES_SCHEMA,
    "value_boxes": BOXES_SCHEMA,
    "value_segments": SEGMENTS_SCHEMA,
    "value_components": COMPONENTS_SCHEMA,
    "journey_stages": journeys.STAGES_SCHEMA,
    "journey_rules": journeys.RULES_SCHEMA,
    "journey_limits": journeys.LIMITS_SCHEMA,
    "identity_rules": RULES_SCHEMA,
    "identity_limits": LIMITS_SCHEMA,
    "interaction_kinds": KINDS_SCHEMA,
    "customer_field_rules": FIELD_RULES,
    "customer_field_sources": FIELD_SOURCES,
    "customer_cleared_values": CLEARED_VALUES,
    "customer_rules": CUSTOMER_RULES,
    "custom_fields": CUSTOM_FIELDS,
    "custom_values": CUSTOM_VALUES,
    "identity_observations": OBSERVATIONS_SCHEMA,
    "persona_customers": {"persona_id": pl.Int64(), "customer_id": pl.String()},
    "identity_owners": {"identifier_type": pl.String(), "identifier": pl.String(), "customer_id": pl.String()},
    "identity_cuts": {
        "rule": pl.String(),
        **dict.fromkeys(("link_key", "left_persona", "right_persona"), pl.Int64()),
        "refusal": pl.String(),
    },
    "identity_said": {
        **dict.fromkeys(("left_persona", "right_persona"), pl.Int64()),
        "decision_id": pl.String(),
    },
    "identity_likely": {
        **dict.fromkeys(("left_persona", "right_persona"), pl.Int64()),
        **dict.fromkeys(("probability", "weight"), pl.Float64()),
        **dict.fromkeys(("decision", "evidence", "model_id"), pl.String()),
    },
    "engagement_rules": ENGAGEMENT_SCHEMA,
    "reconciliation_rules": RECONCILIATION_SCHEMA,
    "rule_tags": {
        **dict.fromkeys(("customer_id", "tag_id", "name_zh", "name_en", "group_zh", "group_en", "reason"), pl.String()),
        "period": pl.Int64(),
        **dict.fromkeys(("since", "until"), pl.Date()),
    },
    "churn_scores": {
        **dict.fromkeys(("customer_id", "artifact_id", "band", "reason_1", "reason_2", "reason_3"), pl.String()),
        **dict.fromkeys(("score_ppm", "rank", "effect_ppm_1", "effect_ppm_2", "effect_ppm_3"), pl.Int64()),
    },
}


def at(text: str) -> datetime:
    """``2025-03-01`` or ``2025-03-01 10:00[:00]``, naive UTC."""
    return datetime.fromisoformat(text)


@dataclass
class HandMadeLake:
    """Batches in sequence, and what the Python steps decided. ``write`` makes ``<building>/inputs``."""

    business_date: date
    timezone: str = "Asia/Shanghai"
    currency: str = "CNY"
    batches: list[Mapping[str, Sequence[Row]]] = field(default_factory=list)
    landed_at: Sequence[datetime] = ()  # of each batch; without: the start of the business date
    people: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)  # customer → (type, identifier)
    cutoff_dates: Sequence[date] = ()
    active_days: int = 180
    horizon_days: int = 60
    rules: Sequence[Row] = ()
    scores: Sequence[Row] = ()
    customer: CustomerDocument = CUSTOMER
    value: ValueDocument = VALUE

    @property
    def as_of(self) -> datetime:
        return self.start_of(self.business_date)

    def start_of(self, day: date) -> datetime:
        """The first moment of a civil day, naive UTC."""
        local = datetime.combine(day, time.min, tzinfo=ZoneInfo(self.timezone))
        return local.astimezone(UTC).replace(tzinfo=None)

    def write(self, building: Path, *, reverse_rows: bool = False) -> Path:
        """Write all input folders anew; ``reverse_rows`` turns every file round without changing what it says."""
        inputs = building / "inputs"
        for name, dataset in CONTRACTS.items():
            _write(dataset.empty(), inputs / name / "_contract.parquet")
        for name, dtypes in RUN_INPUTS.items():
            _write(pl.DataFrame(schema=dtypes), inputs / name / "_contract.parquet")
        for seq, batch in enumerate(self.batches, start=1):
            for name, rows in batch.items():
                frame = landed(name, rows, batch=f"batch-{seq}")
                _write(frame.reverse() if reverse_rows else frame, inputs / name / f"{seq:012d}-0.parquet")
        for name, frame in rule_tables(self.customer).items():
            _write(frame, inputs / name / "rows.parquet")
        _write(custom_values(inputs, self.customer, self.timezone), inputs / "custom_values" / "rows.parquet")
        for name, rows in self._run_rows().items():
            _write(pl.DataFrame(rows, schema=RUN_INPUTS[name], orient="row"), inputs / name / f"{name}.parquet")
        return inputs

    def decide(self, building: Path, personas: pl.DataFrame) -> None:
        """What the Python steps around the links would write: who is who is given by ``people`` and not resolved."""
        inputs = building / "inputs"
        stated = observe(personas, pl.Series([], dtype=pl.String), REGISTRY)
        owners = pl.DataFrame(self._run_rows()["identity_owners"], schema=RUN_INPUTS["identity_owners"], orient="row")
        found = (
            stated.join(owners, on=["identifier_type", "identifier"])
            .group_by("persona_id")
            .agg(pl.col("customer_id").min())
        )
        _write(stated, inputs / "identity_observations" / "rows.parquet")
        _write(found, inputs / "persona_customers" / "rows.parquet")

    def _run_rows(self) -> dict[str, Sequence[Row]]:
        return {
            "run": [
                {
                    "business_date": self.business_date,
                    "as_of": self.as_of,
                    "to_seq": len(self.batches),
                    "company_timezone": self.timezone,
                    "company_currency": self.currency,
                }
            ],
            "lake_batches": [
                {"batch": f"batch-{seq}", "source": "file", "seq": seq, "landed_at": moment}
                for seq, moment in enumerate(self.landed_at or [self.as_of] * len(self.batches), start=1)
            ],
            "journey_stages": journeys.stages_table(JOURNEY).to_dicts(),
            "journey_rules": journeys.rules_table(JOURNEY).to_dicts(),
            "journey_limits": journeys.limits_table(JOURNEY).to_dicts(),
            "identity_rules": rules_table(REGISTRY).to_dicts(),
            "identity_limits": limits_table(REGISTRY).to_dicts(),
            "engagement_rules": engagement_table(ENGAGEMENT, self.as_of).to_dicts(),
            "reconciliation_rules": reconciliation_table(ReconciliationDocument()).to_dicts(),
            "interaction_kinds": kinds_table().to_dicts(),
            "identity_owners": [
                {"identifier_type": kind, "identifier": value, "customer_id": customer}
                for customer, identifiers in self.people.items()
                for kind, value in identifiers
            ],
            "churn_cutoffs": [self._cutoff(day) for day in (*self.cutoff_dates, self.business_date)],
            "settlement_rules": self.rules,
            "settlement_versions": [
                {"rule_version": name} for name in sorted({row["rule_version"] for row in self.rules})
            ],
            **{
                name: frame.to_dicts()
                for name, frame in value_tables(self.value, self.as_of, ZoneInfo(self.timezone)).items()
            },
            "churn_scores": self.scores,
        }

    def _cutoff(self, day: date) -> Row:
        as_of = self.start_of(day)
        label_until = as_of + timedelta(days=self.horizon_days)
        return {
            "as_of": as_of,
            "active_since": as_of - timedelta(days=self.active_days),
            "label_until": label_until,
            "cutoff_date": day,
            "is_labelled": label_until <= self.as_of,
            "is_scoring": day == self.business_date,
        }


def landed(dataset: str, rows: Sequence[Row], *, batch: str) -> pl.DataFrame:
    """Rows as the lake holds them, with the contract's types. ``_raw``: the source's row, when a test gives it.

    Raises KeyError on a column that it does not know.
    """
    known = contract(dataset)
    if unknown := {name for row in rows for name in row} - {*known.by_name, RAW_COLUMN}:
        raise KeyError(f"{dataset} has no column(s) {', '.join(sorted(unknown))}")
    frame = pl.DataFrame(
        [{name: row.get(name) for name in known.dtypes} for row in rows], schema=known.dtypes, orient="row"
    )
    return known.conform(
        frame.with_columns(
            pl.int_range(1, len(rows) + 1, dtype=pl.Int64).alias(ROW_COLUMN),
            pl.Series(RAW_COLUMN, [row.get(RAW_COLUMN, "{}") for row in rows], dtype=pl.String),
            pl.lit(batch).alias(BATCH_COLUMN),
        )
    )


def order_line(order_id: str, when: str, *, store_id: str = "S1", product_id: str = "P1", **more: Any) -> Row:
    """One piece at 10.00 CNY, paid when ordered."""
    row = {
        "order_id": order_id,
        "store_id": store_id,
        "product_id": product_id,
        "currency": "CNY",
        "ordered_at": at(when),
    }
    return {**row, "quantity": Decimal(1), "unit_price": Decimal(10), **more}


def refund_line(refund_id: str, when: str, *, amount: int | None = 1000, **more: Any) -> Row:
    return {"refund_id": refund_id, "refunded_at": at(when), "refund_amount": amount, "currency": "CNY", **more}


def store(store_id: str, **more: Any) -> Row:
    return {"store_id": store_id, "name": f"Store {store_id}", "store_type": "direct", "region": "east", **more}


def customer_record(record_id: str, when: str = "2024-01-01", **more: Any) -> Row:
    return {"record_id": record_id, "registered_at": at(when), **more}


def consent(phone: str, state: str, when: str, *, purpose: str = "marketing", channel: str = "sms") -> Row:
    row = {"identifier_type": "phone", "identifier": phone, "purpose": purpose, "channel": channel}
    return {**row, "state": state, "decided_at": at(when)}


def contact(external_userid: str, *, sync_id: str = "pass-1", **more: Any) -> Row:
    return {"corp_id": "corp", "sync_id": sync_id, "external_userid": external_userid, **more}


def follow(userid: str, external_userid: str, when: str, *, sync_id: str = "pass-1", **more: Any) -> Row:
    row = {"corp_id": "corp", "sync_id": sync_id, "userid": userid, "external_userid": external_userid}
    return {**row, "followed_at": at(when), **more}


def follow_phone(userid: str, external_userid: str, phone: str, *, sync_id: str = "pass-1") -> Row:
    row = {"corp_id": "corp", "sync_id": sync_id, "userid": userid, "external_userid": external_userid}
    return {**row, "phone": phone}


def staff(userid: str, store_id: str, *, sync_id: str = "pass-1", **more: Any) -> Row:
    return {"corp_id": "corp", "sync_id": sync_id, "userid": userid, "department_name": store_id, "status": 1, **more}


def completed_pass(sync_id: str) -> list[Row]:
    """The rows that close a full pass: of staff and of follow-ups."""
    return [{"corp_id": "corp", "sync_id": sync_id, "object": name} for name in ("staff", "follows")]


def _write(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)
