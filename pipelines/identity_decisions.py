"""What people decided, as a run or a draft finds it in a warehouse folder."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from models.contracts import contract
from models.identity.decisions import RECORD
from pipelines.warehouse import ENGINE_CONFIG, attach

DATASET = "identity_decisions"


@dataclass(frozen=True)
class Decisions:
    """ledger: the columns of the contract. records: record_id, persona_id, observed_at of records that are anchors."""

    ledger: pl.DataFrame
    records: pl.DataFrame


def decisions_in(folder: Path) -> Decisions:
    """Every decision among the inputs of a warehouse folder, and the personas of the records that they name.

    ``identity_records`` must be built.
    """
    paths = sorted((folder / "inputs" / DATASET).glob("*.parquet"))
    ledger = pl.read_parquet(paths, columns=list(contract(DATASET).dtypes))
    named = pl.concat(
        ledger.filter(pl.col(f"{side}_type") == RECORD)[f"{side}_identifier"] for side in ("left", "right")
    ).unique()
    with duckdb.connect(config=ENGINE_CONFIG) as connection:
        attach(connection, folder, "built")
        records: pl.DataFrame = connection.sql(
            "select record_id, persona_id, observed_at from built.identity_records"
            " where record_id in (select unnest($named))",
            params={"named": named.to_list()},
        ).pl()
    return Decisions(ledger, records)
