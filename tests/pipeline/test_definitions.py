"""What Dagster sees: one unbroken road from the landing to the published snapshot, each stop named and owned."""

from pathlib import Path

import dagster as dg
import pytest

from models.contracts import CONTRACTS
from models.contracts.published import PUBLISHED
from models.settings import PROJECT_ROOT
from pipelines.dbt import DbtProject
from tests import dbt_runs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    from pipelines.definitions import defs

    return defs()


def ancestors(graph, key: dg.AssetKey) -> set[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    waiting = [key]
    while waiting:
        for parent in graph.get(waiting.pop()).parent_keys:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def test_the_snapshot_descends_from_every_landed_dataset(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    upstream = ancestors(graph, dg.AssetKey("published_snapshot"))
    unread = {"scores", "audience_members"}  # decided by runs, read by no run yet
    for dataset in CONTRACTS.keys() - unread:
        assert dg.AssetKey(["lake", dataset]) in upstream, dataset
    assert dg.AssetKey("persona_customers") in ancestors(graph, dg.AssetKey("customers"))
    assert dg.AssetKey("churn_scores") in ancestors(graph, dg.AssetKey("serve_churn_scores"))
    assert dg.AssetKey(["lake", "orders"]) in graph.get(dg.AssetKey("stg_files__order_lines")).parent_keys


def test_every_published_table_is_an_asset(definitions: dg.Definitions) -> None:
    keys = set(definitions.resolve_asset_graph().get_all_asset_keys())
    from pipelines.defs.publish.snapshot import FROM_RUN

    assert {dg.AssetKey(f"serve_{table}") for table in PUBLISHED.keys() - FROM_RUN} <= keys


def test_every_asset_says_what_it_is_and_belongs_to_a_group(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key.to_user_string()
        assert node.group_name and node.group_name != "default", key.to_user_string()
        assert node.owners or not node.is_materializable, key.to_user_string()


def test_the_main_job_does_not_wait_for_systems_outside(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("main")
    assert "wecom_observations" not in {node.name for node in job.nodes}
    schedules = definitions.get_repository_def().schedule_defs
    assert {schedule.name for schedule in schedules} == {"main_schedule", "sources_schedule"}


def test_the_first_run_of_a_checkout_finds_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parse from nothing leaves dbt's indexes in the manifest; a copy by dbt's own pickling has them mixed up."""
    monkeypatch.setenv("SCRM_BUILDING", str(tmp_path))
    project = DbtProject(PROJECT_ROOT / "dbt_project")
    project.manifest = dbt_runs.project().manifest
    indexes = ("ref", "source", "doc", "disabled", "function")
    assert all(getattr(project.manifest, f"{index}_lookup") is not None for index in indexes), "as after a parse"
    manifest = project.manifest_here()
    assert manifest.ref_lookup.find("customers", None, None, manifest).name == "customers"
    assert manifest.source_lookup.find("lake.orders", None, manifest).name == "orders"
    assert manifest.source_lookup.find("lake.orders", None, manifest).meta["external_location"].count(str(tmp_path))
