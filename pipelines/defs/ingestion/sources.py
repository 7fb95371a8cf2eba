"""Facts from outside and from the store, landed in the lake."""

from datetime import UTC, datetime

import dagster as dg

from pipelines import inbox
from pipelines.defs.resources import Company
from pipelines.documents import publish_documents
from pipelines.landing_store import land_store
from pipelines.rulebooks import land_published

OWNERS = ["team:data"]


@dg.asset(
    group_name="ingestion",
    owners=OWNERS,
    kinds={"file"},
    description="Files that people put into the drop folder, each imported once and then moved away.",
)
def inbox_files(company: Company) -> dg.MaterializeResult:
    taken = inbox.take_all(company.workspace, datetime.now(UTC))
    refused = [one for one in taken if one.state == "failed"]
    if refused:  # after the others have landed: a run that failed tells somebody
        names = ", ".join(f"{one.dataset}/{one.file}" for one in refused)
        raise inbox.InboxError(f"{len(refused)} file(s) were moved to inbox/failed, each with a note: {names}")
    return dg.MaterializeResult(metadata={"files": len(taken), "rows": sum(one.accepted for one in taken)})


@dg.asset(
    group_name="ingestion",
    owners=OWNERS,
    kinds={"sqlite"},
    description="Rows that people wrote into the store since the last landing, by sequence number.",
)
def store_rows(company: Company) -> dg.MaterializeResult:
    commits = land_store(company.workspace.lake, company.workspace.store)
    rows = sum(file.rows for commit in commits for file in commit.entry.files)
    return dg.MaterializeResult(metadata={"rows": rows})


@dg.asset(
    group_name="ingestion",
    owners=OWNERS,
    kinds={"yaml"},
    description="Versions of the settlement rulebook that people published, and documents of the folder that changed.",
)
def rule_documents(company: Company) -> dg.MaterializeResult:
    workspace = company.workspace
    commits = land_published(workspace.lake, workspace.store)
    commits += publish_documents(workspace.lake, workspace.settings.rulebooks)
    return dg.MaterializeResult(metadata={"published": [commit.entry.source for commit in commits]})
