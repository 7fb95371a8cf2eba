"""dbt in four invocations: what records state, links between them, facts, and the published tables."""

import json
from collections.abc import Iterator

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from models.settings import Settings
from pipelines import increments
from pipelines.dbt import Node
from pipelines.defs.resources import Build, prepared_project

PROJECT = prepared_project(Settings().engine)  # its assets are the same on either engine
MANIFEST = json.loads(PROJECT.manifest_path.read_text(encoding="utf-8"))
TRANSLATOR = DagsterDbtTranslator()

Event = dg.MaterializeResult | dg.AssetCheckResult


def _build(tag: str, context: dg.AssetExecutionContext, build: Build, *, graph: bool = False) -> Iterator[Event]:
    """Build a tag; its tests become asset checks. They and the grains are kept for the published quality table."""
    checks = {key.name: key for key in context.selected_asset_check_keys}
    found = []
    building = build.workspace.warehouse.building
    project = prepared_project(build.workspace.settings.engine)
    before = increments.database_before(build.workspace.warehouse)
    for node in project.build(tag, building / "dbt", build.engine, before=before, graph=graph):
        if node.kind == "model" and node.passed:
            model = MANIFEST["nodes"][node.unique_id]
            if model["config"]["materialized"] == "ephemeral":  # a part of another statement, no asset of its own
                continue
            metadata: dict[str, float | str] = {"seconds": node.seconds}
            if grain := model["config"]["meta"].get("grain"):  # held while the model was built
                name = f"grain_{node.name}_{'__'.join(grain)}"
                found.append({"check_name": name, "status": "pass", "failing_rows": 0})
                metadata["grain"] = ", ".join(grain)
            yield dg.MaterializeResult(asset_key=TRANSLATOR.get_asset_key(model), metadata=metadata)
        elif node.kind == "test":
            found.append({"check_name": node.name, "status": node.status, "failing_rows": node.failures})
            if node.name in checks:
                yield _check(checks[node.name], node)
    path = building / f"checks-{tag}.json"
    path.write_text(json.dumps(sorted(found, key=lambda check: str(check["check_name"]))), encoding="utf-8")


def _check(key: dg.AssetCheckKey, node: Node) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=node.passed, asset_key=key.asset_key, check_name=key.name, metadata={"failing rows": node.failures}
    )


@dbt_assets(manifest=MANIFEST, select="tag:identity", name="tables_before_identity")
def tables_before_identity(context: dg.AssetExecutionContext, build: Build) -> Iterator[Event]:
    yield from _build("identity", context, build)


@dbt_assets(manifest=MANIFEST, select="tag:links", name="tables_of_links")
def tables_of_links(context: dg.AssetExecutionContext, build: Build) -> Iterator[Event]:
    yield from _build("links", context, build)


@dbt_assets(manifest=MANIFEST, select="tag:facts", name="tables_of_facts")
def tables_of_facts(context: dg.AssetExecutionContext, build: Build) -> Iterator[Event]:
    yield from _build("facts", context, build)


@dbt_assets(manifest=MANIFEST, select="tag:published", name="tables_to_publish")
def tables_to_publish(context: dg.AssetExecutionContext, build: Build) -> Iterator[Event]:
    yield from _build("published", context, build, graph=True)  # `scrm why` reads it
    build.engine.close()  # the folder is about to be promoted, and the memory is of use
