"""Every query by id: one module per subject. Nothing else in the project asks the snapshot."""

from models.serving.queries import (
    audiences,
    customer_record,
    customers,
    identity,
    identity_reviews,
    journey,
    metrics,
    overview,
    quality,
    reach,
    reconciliation,
    risk,
    settlement,
    statements,
    timeline,
    value,
)
from models.serving.query import Query

#: Subject -> its queries. Roles allow subjects (``models.serving.roles``).
SUBJECTS: dict[str, tuple[Query, ...]] = {
    "overview": overview.QUERIES,
    "customers": (
        *customers.QUERIES,
        *customer_record.QUERIES,
        *timeline.QUERIES,
        *value.QUERIES_OF_CUSTOMERS,
        *journey.OF_CUSTOMER,
        *reach.OF_CUSTOMER,
    ),
    "metrics": metrics.QUERIES,
    "journey": journey.QUERIES,
    "identity": (*identity.QUERIES, *identity_reviews.QUERIES),
    "settlement": (*settlement.QUERIES, *statements.QUERIES),
    "reconciliation": reconciliation.QUERIES,
    "value": value.QUERIES,
    "reach": reach.QUERIES,
    "risk": risk.QUERIES,
    "quality": quality.QUERIES,
    "audiences": audiences.QUERIES,
}

QUERIES: dict[str, Query] = {query.id: query for queries in SUBJECTS.values() for query in queries}

SUBJECT_OF: dict[str, str] = {query.id: subject for subject, queries in SUBJECTS.items() for query in queries}
