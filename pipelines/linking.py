"""The linking models in a warehouse of their own: observations in, links out. No lake, no run: a file of people, or a
draft of the registry, is resolved by the very SQL of a run.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from models.documents.identity import IdentityRegistry
from models.files import write_parquet
from models.identity.registry_tables import limits_table, rules_table
from models.settings import PROJECT_ROOT
from pipelines.dbt import DbtProject, environment
from pipelines.engines import DuckDB
from pipelines.warehouse import DATABASE, ENGINE_CONFIG

TAG = "links"


@dataclass(frozen=True)
class Links:
    """refused: value_id, identifier_type, identifier of values that link nobody. edges: left_persona, right_persona,
    rule, link_key, refusal, rule_seq. contested: personas that could be one of several people."""

    refused: pl.DataFrame
    edges: pl.DataFrame
    contested: pl.Series


class Linker:
    """``folder`` is emptied by each use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._project = DbtProject(PROJECT_ROOT / "dbt_project")

    def link(self, observations: pl.DataFrame, registry: IdentityRegistry) -> Links:
        """Links of observations (OBSERVATIONS_SCHEMA). Raises DbtFailedError with the words of what failed."""
        building = self.folder / "building"
        shutil.rmtree(building, ignore_errors=True)
        for name, frame in {
            "identity_observations": observations,
            "identity_rules": rules_table(registry),
            "identity_limits": limits_table(registry),
        }.items():
            (building / "inputs" / name).mkdir(parents=True)
            write_parquet(frame, building / "inputs" / name / "rows.parquet")
        with environment({"SCRM_BUILDING": str(building), "SCRM_WAREHOUSE": str(building / DATABASE)}):
            for _ in self._project.build(TAG, self.folder / "dbt", DuckDB()):
                pass
        with duckdb.connect(str(building / DATABASE), read_only=True, config=ENGINE_CONFIG) as connection:
            return links_of(lambda table: connection.table(table).pl(lazy=True))


def links_of(scan: Callable[[str], pl.LazyFrame], *, refused_too: bool = True) -> Links:
    """What the linking models built, by a reader of tables. refused_too: not only the edges that hold."""
    values = scan("identity_values").filter(pl.col("refusal").is_not_null())
    edges = scan("identity_edges")
    return Links(
        refused=values.select("value_id", "identifier_type", "identifier").collect(),
        edges=(edges if refused_too else edges.filter(pl.col("refusal").is_null())).collect(),
        contested=scan("identity_contested").select("persona_id").collect().to_series(),
    )
