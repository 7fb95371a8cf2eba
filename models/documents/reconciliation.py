"""The reconciliation document: how long a payment may be missing on the bill, and how near two rows must lie."""

import polars as pl
from pydantic import Field

from models.documents.loading import Document

RULES_SCHEMA: dict[str, pl.DataType] = {
    "missing_after_days": pl.Int64(),
    "same_time_seconds": pl.Int64(),
    "fee_tolerance": pl.Int64(),
    "orphans_after_days": pl.Int64(),
    "rule_version": pl.String(),
}


class ReconciliationDocument(Document):
    """What ``data/rulebooks/reconciliation.yaml`` says. Days are days of bills (Beijing); ``fee_tolerance`` is in minor
    units of the row's currency."""

    missing_after_days: int = Field(default=3, ge=0, le=60)
    same_time_minutes: int = Field(default=10, ge=0, le=24 * 60)
    fee_tolerance: int = Field(default=0, ge=0, le=100_000)
    orphans_after_days: int = Field(default=30, ge=0, le=3650)


def rules_table(document: ReconciliationDocument) -> pl.DataFrame:
    """The input ``reconciliation_rules`` of dbt, one row."""
    row = {
        "missing_after_days": document.missing_after_days,
        "same_time_seconds": document.same_time_minutes * 60,
        "fee_tolerance": document.fee_tolerance,
        "orphans_after_days": document.orphans_after_days,
        "rule_version": document.version,
    }
    return pl.DataFrame([row], schema=RULES_SCHEMA)
