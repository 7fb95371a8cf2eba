"""dbt in three invocations: before identities, before scores, and the published tables."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from pipelines.defs.resources import Build, prepared_project

PROJECT = prepared_project()


def _build(tag: str, context: dg.AssetExecutionContext, dbt: DbtCliResource, build: Build) -> Iterator[Any]:
    invocation = dbt.cli(["build", "--exclude-resource-type", "unit_test"], context=context)
    yield from invocation.stream()
    results = invocation.get_artifact("run_results.json")["results"]
    checks = [
        {"check_name": r["unique_id"].split(".")[2], "status": r["status"], "failing_rows": r["failures"] or 0}
        for r in results
        if r["unique_id"].startswith(("test.", "unit_test."))
    ]
    path = build.workspace.warehouse.building / f"checks-{tag}.json"
    path.write_text(json.dumps(sorted(checks, key=lambda check: check["check_name"])), encoding="utf-8")


@dbt_assets(manifest=PROJECT.manifest_path, project=PROJECT, select="tag:identity", name="tables_before_identity")
def tables_before_identity(context: dg.AssetExecutionContext, dbt: DbtCliResource, build: Build) -> Iterator[Any]:
    yield from _build("identity", context, dbt, build)


@dbt_assets(manifest=PROJECT.manifest_path, project=PROJECT, select="tag:facts", name="tables_of_facts")
def tables_of_facts(context: dg.AssetExecutionContext, dbt: DbtCliResource, build: Build) -> Iterator[Any]:
    yield from _build("facts", context, dbt, build)


@dbt_assets(manifest=PROJECT.manifest_path, project=PROJECT, select="tag:published", name="tables_to_publish")
def tables_to_publish(context: dg.AssetExecutionContext, dbt: DbtCliResource, build: Build) -> Iterator[Any]:
    yield from _build("published", context, dbt, build)
