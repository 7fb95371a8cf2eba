"""Who is who: identifiers to customers, between the first and the second dbt invocation."""

import dagster as dg
import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.clusters import resolve
from pipelines.defs.resources import Build
from pipelines.documents import published


@dg.asset(
    deps=["identity_observations", ["lake", "customer_ids"], ["lake", "lake_batches"]],
    group_name="identity",
    owners=["team:data"],
    kinds={"python", "polars"},
    description="Identifier → customer id; the oldest id among the identifiers of one person survives.",
)
def identity_clusters(build: Build) -> dg.MaterializeResult:
    warehouse, plan = build.workspace.warehouse, build.plan
    registry = published(build.workspace.lake, "identity", IdentityRegistry, plan.to_seq)
    batches = warehouse.read_input("lake_batches").select("batch", "seq")
    decided = warehouse.read_input("customer_ids").join(batches, left_on="_batch", right_on="batch")
    clusters = resolve(warehouse.read("identity_observations"), decided, registry, build.workspace.id_key)
    warehouse.write_input("identity_clusters", clusters)
    new = clusters.filter("is_new").select(
        "identifier_type", "identifier", "customer_id", decided_on=pl.lit(plan.business_date)
    )
    warehouse.decide("customer_ids", new)
    return dg.MaterializeResult(
        metadata={"identifiers": clusters.height, "customers": clusters["customer_id"].n_unique(), "new": new.height}
    )
