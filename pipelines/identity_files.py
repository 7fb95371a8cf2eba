"""Who is who in a file: its records through the linking models of a run, then the probabilistic pass."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from models.documents.identity_files import FileMatching
from models.identity.clusters import resolve
from models.identity.ids import IDENTIFIER
from models.identity.matching import Matched, match
from models.identity.observing import observe
from models.identity.profiles import ID, SOURCE, profiles_of
from models.identity.scoring import MatchModel, train
from pipelines.linking import Linker
from pipelines.record_files import FILE, FileToResolveError

CUSTOMER = "customer_id"
_NEVER = datetime(1970, 1, 1)  # noqa: DTZ001 - frames hold naive UTC


@dataclass(frozen=True)
class Resolved:
    """records: the files' columns and ``customer_id`` (the smallest record of the customer). matched: pairs and cut.

    rule_customers: how many customers the rules alone left.
    """

    records: pl.DataFrame
    matched: Matched
    model: MatchModel
    rule_customers: int


def resolve_records(records: pl.DataFrame, config: FileMatching, scratch: Path | None = None) -> Resolved:
    """Give every record its customer. ``scratch``: a folder that keeps what dbt parsed for the next time.

    Raises FileToResolveError for a column that is not there or stands in the way, or a record's name that is empty or
    comes twice.
    """
    _check(records, config)
    profiles = profiles_of(records, config)
    model = train(profiles, config.matching)
    of_rules = _by_rules(profiles, config, scratch) if config.registry else profiles.select(ID, customer=ID)
    units = _merged(profiles, of_rules) if config.registry else profiles
    matched = match(units, config.matching, model)
    found = of_rules.join(matched.clusters, left_on="customer", right_on="node").select(
        ID, pl.col(ID).min().over("cluster").alias(CUSTOMER)
    )
    named = records.join(found, left_on=config.record, right_on=ID, how="left", maintain_order="left")
    return Resolved(named.drop(FILE), matched, model, of_rules["customer"].n_unique())


def _check(records: pl.DataFrame, config: FileMatching) -> None:
    columns = [attribute.column for attribute in config.attributes.values()]
    wanted = [config.record, *([config.source] if config.source else []), *columns]
    if absent := sorted(set(wanted) - set(records.columns)):
        raise FileToResolveError(
            f"the configuration names the column(s) {', '.join(absent)}; there are {', '.join(records.columns)}"
        )
    if CUSTOMER in records.columns:
        raise FileToResolveError(f"there is a column {CUSTOMER} already, where the result would stand; rename it")
    names = records[config.record]
    if names.has_nulls() or names.n_unique() < names.len():
        raise FileToResolveError(
            f"{config.record}: each record needs a name of its own, and {names.len() - names.drop_nulls().n_unique()} "
            "are empty or come twice; give a column that is unique"
        )


def _by_rules(profiles: pl.DataFrame, config: FileMatching, scratch: Path | None) -> pl.DataFrame:
    """unit, customer: what the rules of the configuration bring together."""
    registry = config.registry
    assert registry is not None
    numbered = profiles.with_row_index("persona_id").with_columns(pl.col("persona_id").cast(pl.Int64))
    personas = numbered.drop(ID).with_columns(
        first_seen_at=pl.lit(_NEVER, pl.Datetime("us")), last_seen_at=pl.lit(_NEVER, pl.Datetime("us"))
    )
    observations = observe(personas, pl.Series([], dtype=pl.String), registry)
    with tempfile.TemporaryDirectory(prefix="siyu-identity-") as folder:
        links = Linker(scratch or Path(folder)).link(observations, registry)
    nobody = pl.DataFrame(schema={**dict.fromkeys([*IDENTIFIER, CUSTOMER], pl.String), "seq": pl.Int64})
    found = resolve(observations, links.refused, links.edges, links.contested, nobody, registry, key="")
    return (
        numbered.select(ID, "persona_id")
        .join(found.customers.select("persona_id", customer=CUSTOMER), on="persona_id", how="left")
        .drop("persona_id")
        .with_columns(pl.col("customer").fill_null(pl.col(ID)))
    )


def _merged(profiles: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """One profile per customer: of each attribute the value stated most often, of equals the smallest."""
    stated = profiles.join(customers, on=ID).drop(ID).rename({"customer": ID})
    attributes = [name for name in stated.columns if name not in (ID, SOURCE)]
    long = stated.unpivot(index=ID, on=attributes).drop_nulls("value").group_by(ID, "variable", "value").len()
    ranked = long.sort("len", "value", descending=[True, False])
    chosen = ranked.unique([ID, "variable"], keep="first", maintain_order=True)
    wide = chosen.pivot("variable", index=ID, values="value")
    sources = [pl.col(SOURCE).min()] if SOURCE in stated.columns else []
    missing = [pl.lit(None, pl.String).alias(name) for name in attributes if name not in wide.columns]
    return stated.group_by(ID).agg(sources).join(wide, on=ID, how="left").with_columns(missing)
