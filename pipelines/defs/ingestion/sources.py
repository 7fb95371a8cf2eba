"""Facts from outside and from the store, landed in the lake."""

import dagster as dg

from pipelines.defs.resources import Company
from pipelines.documents import publish_documents
from pipelines.landing_store import land_store
from pipelines.sources import wecom

OWNERS = ["team:data"]


@dg.asset(
    group_name="ingestion",
    owners=OWNERS,
    kinds={"wecom"},
    description="WeCom staff, external contacts and follow-ups, page by page; the cursor is committed with the page.",
    retry_policy=dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL),
)
def wecom_observations(company: Company) -> dg.MaterializeResult:
    workspace = company.workspace
    if not workspace.settings.wecom.corp_id:
        return dg.MaterializeResult(metadata={"state": "off: no corp id in the settings"})
    report = wecom.sync(workspace.lake, workspace.settings)
    return dg.MaterializeResult(metadata=dict(report.as_dict()))


@dg.asset(
    group_name="ingestion",
    owners=OWNERS,
    kinds={"sqlite"},
    description="Rows that people wrote into the store since the last landing, by sequence number.",
)
def store_rows(company: Company) -> dg.MaterializeResult:
    commit = land_store(company.workspace.lake, company.workspace.store)
    rows = 0 if commit is None else sum(file.rows for file in commit.entry.files)
    return dg.MaterializeResult(metadata={"rows": rows})


@dg.asset(
    group_name="ingestion",
    owners=OWNERS,
    kinds={"yaml"},
    description="Rule documents of the rulebooks folder whose content changed, by version.",
)
def rule_documents(company: Company) -> dg.MaterializeResult:
    commits = publish_documents(company.workspace.lake, company.workspace.settings.rulebooks)
    return dg.MaterializeResult(metadata={"published": [commit.entry.source for commit in commits]})
