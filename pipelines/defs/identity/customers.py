"""Who is who: links to customers, between the second and the third dbt invocation."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.clusters import Resolution
from models.identity.decisions import Said, said, touched, without_effect
from models.identity.gate import conflicts_of, figures
from models.identity.history import Before, events_of, likely_causes
from models.identity.resolving import Known, who_is_who
from pipelines.defs.identity import gate, likely
from pipelines.defs.resources import Build
from pipelines.documents import published
from pipelines.identity_decisions import decisions_in
from pipelines.linking import links_of

OUTCOMES = {
    "persona_customers": "Persona → customer id; the oldest id among what one person is known by survives.",
    "identity_owners": "Identifier → the customer whose it is in the first place.",
    "identity_cuts": "Links that were cut because they brought two values of a unique identifier together.",
    "identity_said": "Links that people's decisions make: two personas and the number of the decision.",
    "identity_likely": "Pairs that the probabilistic pass compared and found likely: linked, for people, kept apart.",
    "identity_events": "Customers that became one or fell apart: all that earlier runs decided, and those of this run.",
}


@dg.multi_asset(
    name="identity_outcome",
    group_name="identity",
    specs=[
        dg.AssetSpec(
            name,
            deps=[
                "personas",
                "identity_observations",
                "identity_values",
                "identity_edges",
                "identity_contested",
                "identity_records",
                ["lake", "customer_ids"],
                ["lake", "identity_events"],
                ["lake", "identity_decisions"],
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
    decided = warehouse.read_input("customer_ids").join(batches, left_on="_batch", right_on="batch").drop("_batch")
    observations = warehouse.scan_input("identity_observations")
    people = decisions_in(warehouse.building)
    heard = said(people.ledger, observations, people.records, registry)
    model, reason = likely.kept_model(build, registry)
    with warehouse.scanning() as scan:
        links = links_of(scan, refused_too=False)
        known = Known(scan("personas"), observations, links.refused, links.edges, links.contested, decided, heard)
        answer = who_is_who(known, registry, build.workspace.id_key, model)
    found, pairs = answer.resolution, answer.likely
    new = found.identifiers.lazy().filter("is_new").drop("is_new")
    warehouse.decide("customer_ids", new.with_columns(decided_on=pl.lit(plan.business_date)).collect())
    told = warehouse.read_input("identity_events").join(batches, left_on="_batch", right_on="batch")
    causes = pl.concat([touched(people.ledger, observations, people.records, registry), likely_causes(pairs.links)])
    before = Before(decided, told)
    events = events_of(before, found, observations, causes, plan.key, plan.business_date)
    warehouse.decide("identity_events", events)
    more_told: dict[str, dict[str, Any]] = {
        "identity_likely": likely.likely_metadata(pairs, likely.keep_model(build, pairs, reason)),
        "identity_said": {"without_effect": ", ".join(without_effect(people.ledger, heard))},
    }
    for table, frame in (
        ("persona_customers", found.customers),
        ("identity_owners", found.identifiers.drop("is_new")),
        ("identity_cuts", found.cuts),
        ("identity_said", heard.same),
        ("identity_likely", pairs.links),
        ("identity_events", events),
    ):
        warehouse.write_input(table, frame)
        yield dg.MaterializeResult(asset_key=table, metadata={"rows": frame.height, **more_told.get(table, {})})
    conflicts = _conflicts(registry, known.usable, found, heard)
    accepted = links.edges.height
    cut_share = found.cuts.height / accepted if accepted else 0.0
    yield from gate.judged(
        build, figures(found.customers, found.identifiers, conflicts, cut_share, before, registry.gate)
    )


def _conflicts(registry: IdentityRegistry, usable: pl.DataFrame, found: Resolution, heard: Said) -> int:
    """Customers with two values of a unique identifier, without a person's word."""
    unique = [kind.name for kind in registry.identifiers if kind.unique]
    numbers = usable.select("persona_id", "identifier_type", identifier="value_id")
    return conflicts_of(numbers, found.customers, heard.same, unique).height
