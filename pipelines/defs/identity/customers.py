"""Who is who: links to customers, between the second and the third dbt invocation."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.clusters import resolve
from models.identity.gate import conflicts_of, figures
from models.identity.ids import IDENTIFIER
from pipelines.defs.identity import gate
from pipelines.defs.resources import Build
from pipelines.documents import published
from pipelines.linking import links_of

OUTCOMES = {
    "persona_customers": "Persona → customer id; the oldest id among what one person is known by survives.",
    "identity_owners": "Identifier → the customer whose it is in the first place.",
    "identity_cuts": "Links that were cut because they brought two values of a unique identifier together.",
}


@dg.multi_asset(
    name="identity_outcome",
    group_name="identity",
    specs=[
        dg.AssetSpec(
            name,
            deps=[
                "identity_observations",
                "identity_values",
                "identity_edges",
                "identity_contested",
                ["lake", "customer_ids"],
                ["lake", "lake_batches"],
            ],
            description=words,
            owners=["team:data"],
            kinds={"python", "polars"},
        )
        for name, words in OUTCOMES.items()
    ],
    check_specs=gate.SPECS,
)
def identity_outcome(build: Build) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    warehouse, plan = build.workspace.warehouse, build.plan
    registry = published(build.workspace.lake, "identity", IdentityRegistry, plan.to_seq)
    batches = warehouse.read_input("lake_batches").select("batch", "seq")
    decided = warehouse.read_input("customer_ids").join(batches, left_on="_batch", right_on="batch")
    observations = warehouse.read_input("identity_observations")
    links = links_of(warehouse.read)
    found = resolve(
        observations, links.refused, links.edges, links.contested, decided, registry, build.workspace.id_key
    )
    new = found.identifiers.filter("is_new").drop("is_new").with_columns(decided_on=pl.lit(plan.business_date))
    warehouse.decide("customer_ids", new)
    for name, frame in (
        ("persona_customers", found.customers),
        ("identity_owners", found.identifiers.drop("is_new")),
        ("identity_cuts", found.cuts),
    ):
        warehouse.write_input(name, frame)
        yield dg.MaterializeResult(asset_key=name, metadata={"rows": frame.height})
    usable = observations.filter("is_identifier").join(links.refused, on=IDENTIFIER, how="anti")
    unique = [kind.name for kind in registry.identifiers if kind.unique]
    of_people = links.edges.clear()
    conflicts = conflicts_of(usable, found.customers, of_people, unique).height
    accepted = links.edges["refusal"].null_count()
    cut_share = found.cuts.height / accepted if accepted else 0.0
    yield from gate.judged(
        build, figures(found.customers, found.identifiers, conflicts, cut_share, decided, registry.gate)
    )
