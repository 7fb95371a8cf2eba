"""dbt over a folder that a test has filled: the project is parsed once for all of them, as in a run."""

from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from dbt.adapters.duckdb.connections import DuckDBConnectionManager

from models.settings import PROJECT_ROOT
from pipelines.dbt import FAILED, DbtProject, environment
from pipelines.warehouse import DATABASE

Tables = dict[str, pl.DataFrame]


@cache
def project() -> DbtProject:
    return DbtProject(PROJECT_ROOT / "dbt_project")


def states(building: Path, *arguments: str) -> dict[str, str]:
    """Run dbt on the inputs below ``building``. Returns dbt's word for each node; raises what dbt raised."""
    return {result.node.name: str(result.status) for result in _results(building, *arguments)}


def passed(building: Path, *arguments: str) -> set[str]:
    """The same, where nothing may fail. Returns the names of what was done."""
    results = _results(building, *arguments)
    failed = {one.node.name: str(one.message) for one in results if str(one.status) in {*FAILED, "skipped"}}
    assert not failed, failed
    return {result.node.name for result in results}


def compiled(building: Path, *selection: str, kind: str = "model") -> dict[str, str]:
    """The statements of models (or of tests) by their unique id, as a whole build runs them."""
    found = [one.node for one in _results(building, "compile", "--select", *selection)]
    return {node.unique_id: node.compiled_code for node in found if node.resource_type == kind}


def tables(building: Path) -> Tables:
    """Every table of the warehouse, by its name."""
    with duckdb.connect(str(building / DATABASE), read_only=True) as connection:
        names = connection.sql(
            "select table_name from duckdb_tables() where schema_name = 'main' order by 1"
        ).fetchall()
        return {name: connection.table(f"main.{name}").pl() for (name,) in names}


def _results(building: Path, *arguments: str) -> list[Any]:
    """What dbt says of each node, without what it does at the start of each invocation."""
    with environment({"SCRM_BUILDING": str(building), "SCRM_WAREHOUSE": str(building / DATABASE)}):
        try:
            done = project().invoke(arguments, building / "dbt-target")
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if done.exception is not None:
        raise done.exception
    return [one for one in done.result if one.node.resource_type != "operation"]  # type: ignore[union-attr]
