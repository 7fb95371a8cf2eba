"""Who is in each audience, as decided by this run; who may be contacted is asked of the live ledgers at each export."""

import dagster as dg
import polars as pl

from models.audiences.members import memberships
from models.serving import Viewer, run
from pipelines import publishing
from pipelines.defs.resources import Build
from pipelines.documents import published_audiences


@dg.asset(
    deps=["snapshot_candidate"],
    group_name="audiences",
    owners=["team:data"],
    kinds={"polars"},
    description="Members of every published audience at this run.",
)
def audience_members(build: Build) -> dg.MaterializeResult:
    workspace, plan = build.workspace, build.plan
    documents = published_audiences(workspace.lake, plan.to_seq)
    with publishing.opened_candidate(workspace.settings.published_dir, plan) as snapshot:
        candidates = run(snapshot, "audience_candidates", Viewer.owner_of_the_company())
    found = [memberships(document, candidates, plan.business_date, plan.as_of) for document in documents]
    if found:
        workspace.warehouse.decide("audience_members", pl.concat(found))
    sizes = {document.name: frame.height for document, frame in zip(documents, found, strict=True)}
    return dg.MaterializeResult(metadata=sizes)
