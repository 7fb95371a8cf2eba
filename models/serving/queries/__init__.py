"""Every query by id: one module per subject. Nothing else in the project asks the snapshot."""

from models.serving.queries import audiences, customers, overview, quality, risk, settlement
from models.serving.query import Query

QUERIES: dict[str, Query] = {
    query.id: query
    for query in (
        *overview.QUERIES,
        *customers.QUERIES,
        *settlement.QUERIES,
        *risk.QUERIES,
        *quality.QUERIES,
        *audiences.QUERIES,
    )
}
