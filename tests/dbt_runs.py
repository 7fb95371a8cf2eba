"""dbt over a folder that a test has filled: the project is parsed once for all of them, as in a run."""

from functools import cache
from pathlib import Path

import duckdb
import polars as pl
from dbt.adapters.duckdb.connections import DuckDBConnectionManager

from models.settings import PROJECT_ROOT
from pipelines.dbt import FAILED, DbtProject, environment

DATABASE = "warehouse.duckdb"
Tables = dict[str, pl.DataFrame]


@cache
def project() -> DbtProject:
    return DbtProject(PROJECT_ROOT / "dbt_project")


def states(building: Path, *arguments: str, database: Path | None = None) -> dict[str, str]:
    """Run dbt on the inputs below ``building``. Returns dbt's word for each node; raises what dbt raised."""
    places = {"SCRM_BUILDING": str(building), "SCRM_WAREHOUSE": str(database or building / DATABASE)}
    with environment(places):
        try:
            done = project().invoke(arguments, building / "dbt-target")
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if done.exception is not None:
        raise done.exception
    # without what dbt does at the start of each invocation
    results = [one for one in done.result if one.node.resource_type != "operation"]  # type: ignore[union-attr]
    words.update({result.node.name: str(result.message) for result in results})
    return {result.node.name: str(result.status) for result in results}


#: What dbt said of each node in the last invocations, by its name.
words: dict[str, str] = {}


def passed(building: Path, *arguments: str, database: Path | None = None) -> set[str]:
    """The same, where nothing may fail. Returns the names of what was done."""
    found = states(building, *arguments, database=database)
    failed = {name: words[name] for name, state in found.items() if state in {*FAILED, "skipped"}}
    assert not failed, failed
    return set(found)


def compiled(building: Path, selection: str) -> dict[str, str]:
    """The statements of models by their unique id, as a whole build runs them."""
    with environment({"SCRM_BUILDING": str(building), "SCRM_WAREHOUSE": str(building / DATABASE)}):
        done = project().invoke(["compile", "--select", selection], building / "dbt-target")
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    found = [result.node for result in done.result if result.node.resource_type == "model"]  # type: ignore[union-attr]
    return {node.unique_id: node.compiled_code for node in found}


def tables(building: Path, database: Path | None = None) -> Tables:
    """Every table of the warehouse."""
    with duckdb.connect(str(database or building / DATABASE), read_only=True) as connection:
        names = connection.sql("select table_name from duckdb_tables() order by 1").fetchall()
        return {name: connection.table(name).pl() for (name,) in names}
