"""Who is in an audience: the candidates that meet its conditions."""

from datetime import date, datetime

import polars as pl

from models.audiences.conditions import expression
from models.audiences.fields import DTYPES, FIELDS
from models.documents.audience import AudienceDocument


def members(document: AudienceDocument, candidates: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The candidates that meet the conditions, in the document's order; grain: customer_id.

    ``candidates``: one row per customer with the columns of the query ``audience_candidates``; the document's
    ``fields`` suffice. ``as_of`` (naive UTC): the publication's, what ``within_days`` counts from.
    Raises KeyError when a column that the document needs is missing.
    """
    missing = sorted(document.fields - set(candidates.columns))
    if missing:
        raise KeyError(f"audience {document.name}: candidates lack {', '.join(missing)}")
    typed = candidates.with_columns(pl.col(name).cast(DTYPES[FIELDS[name].kind]) for name in sorted(document.fields))
    order = [*document.order_by, "customer_id"]
    return typed.filter(expression(document.tree, as_of)).sort(
        [field.removeprefix("-") for field in order],
        descending=[field.startswith("-") for field in order],
        nulls_last=True,
    )


def memberships(
    document: AudienceDocument, candidates: pl.DataFrame, business_date: date, as_of: datetime
) -> pl.DataFrame:
    """The audience as decided by a run, as the contract AUDIENCE_MEMBERS; grain: customer_id, in its order.

    Columns: audience, audience_version, customer_id, business_date. Conditions only: who of them may be contacted is
    decided by the live ledgers at each export.
    """
    found = members(document, candidates, as_of).sort("customer_id")
    return found.select(
        pl.lit(document.name).alias("audience"),
        pl.lit(document.version).alias("audience_version"),
        "customer_id",
        pl.lit(business_date, dtype=pl.Date).alias("business_date"),
    )
