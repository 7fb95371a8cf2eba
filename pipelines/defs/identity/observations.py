"""What records state of people, brought to its canonical form: before the links are made."""

import dagster as dg

from models.documents.identity import IdentityRegistry
from models.identity.decisions import unheard
from models.identity.observing import observe
from pipelines.defs.resources import Build
from pipelines.documents import published
from pipelines.identity_decisions import decisions_in


@dg.asset(
    deps=["personas", "company_phones", "identity_records", "rule_documents", ["lake", "identity_decisions"]],
    group_name="identity",
    owners=["team:data"],
    kinds={"python", "polars"},
    description="Every value that records state of a person, in its canonical form; what is nobody's is marked.",
)
def identity_observations(build: Build) -> dg.MaterializeResult:
    warehouse, plan = build.workspace.warehouse, build.plan
    registry = published(build.workspace.lake, "identity", IdentityRegistry, plan.to_seq)
    with warehouse.scanning() as scan:
        found = observe(scan("personas"), warehouse.read("company_phones")["phone"], registry)
    people = decisions_in(warehouse.building)
    elsewhere = unheard(people.ledger, found, people.records, registry)
    if elsewhere.height:
        found = found.join(elsewhere, on=elsewhere.columns, how="anti")
    warehouse.write_input("identity_observations", found)
    return dg.MaterializeResult(
        metadata={
            "observations": found.height,
            "refused": int(found["refusal"].is_not_null().sum()),
            "not_heard": elsewhere.height,  # values that people said to be another person's
        }
    )
