"""The published snapshot: written and verified, then made current together with all that the run decided."""

import dagster as dg

from models.contracts.published import PUBLISHED
from pipelines import publishing
from pipelines.defs.resources import Build, fresh_daily

FROM_RUN = {"batches", "quality_checks", "estimators", "publication", "metric_glossary"}


@dg.asset(
    deps=[f"serve_{table}" for table in PUBLISHED if table not in FROM_RUN],
    group_name="publish",
    owners=["team:data"],
    kinds={"duckdb"},
    description="One file of all published tables, ordered by lookup key, verified by a full scan; not yet current.",
)
def snapshot_candidate(build: Build) -> dg.MaterializeResult:
    workspace = build.workspace
    candidate = publishing.write_candidate(
        workspace.warehouse, workspace.lake, build.plan, workspace.settings.published_dir
    )
    return dg.MaterializeResult(metadata={"bytes": candidate.bytes, "rows": sum(candidate.rows.values())})


@dg.asset(
    deps=["snapshot_candidate", "audience_members"],
    group_name="publish",
    owners=["team:data"],
    kinds={"duckdb"},
    description="The snapshot that readers see; decided outcomes are committed just before the pointer moves.",
    freshness_policy=fresh_daily(),
)
def published_snapshot(build: Build) -> dg.MaterializeResult:
    workspace, plan = build.workspace, build.plan
    settings = workspace.settings
    if not build.publish:
        publishing.decide(workspace.warehouse, workspace.lake, plan, settings.published_dir)
        return dg.MaterializeResult(metadata={"version": "decided only, not published", "run": plan.key})
    pointer = publishing.publish(
        workspace.warehouse, workspace.lake, plan, settings.published_dir, settings.keep_snapshots
    )
    return dg.MaterializeResult(metadata={"version": pointer.version, "bytes": pointer.bytes, "run": plan.key})
