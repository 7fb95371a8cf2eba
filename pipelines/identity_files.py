"""Who is who in a file: its records through the linking models of a run, then the probabilistic pass."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from models.documents.identity_matching import FileMatching
from models.errors import ExpectedError
from models.identity.clusters import resolve
from models.identity.ids import IDENTIFIER
from models.identity.matching import Matched, match
from models.identity.observing import observe
from models.identity.profiles import ID, SOURCE, profiles_of
from models.identity.scoring import MatchModel, train
from pipelines.linking import Linker

FILE = "_file"  # a column that every file has: its name without the ending
CUSTOMER = "customer_id"
_NEVER = datetime(1970, 1, 1)  # noqa: DTZ001 - frames hold naive UTC


class FileToResolveError(ExpectedError, ValueError):
    """A file does not hold what its configuration says; the message names file and column."""


@dataclass(frozen=True)
class Resolved:
    """records: the files' columns and ``customer_id`` (the smallest record of the customer). matched: pairs and cut.

    rule_customers: how many customers the rules alone left.
    """

    records: pl.DataFrame
    matched: Matched
    model: MatchModel
    rule_customers: int


def read_records(paths: Sequence[Path]) -> pl.DataFrame:
    """All rows as text, blanks around values cut off, with ``_file``. CSV or Parquet, by the ending.

    Raises FileToResolveError for another ending, an unreadable file, or files of different columns.
    """
    frames = [_read(path).with_columns(pl.lit(path.stem).alias(FILE)) for path in paths]
    for path, frame in zip(paths[1:], frames[1:], strict=True):
        if set(frame.columns) != set(frames[0].columns):
            raise FileToResolveError(
                f"{path.name}: its columns are not those of {paths[0].name}; give files of one form, or run them apart"
            )
    return pl.concat([frame.select(frames[0].columns) for frame in frames])


def _read(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        elif path.suffix == ".csv":
            frame = pl.read_csv(path, infer_schema=False)
        else:
            raise FileToResolveError(f"{path.name}: give a .csv or a .parquet file")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileToResolveError(f"{path.name}: cannot be read: {error}") from error
    named = frame.rename({name: name.strip() for name in frame.columns})
    return named.select(pl.all().cast(pl.String).str.strip_chars().replace("", None))


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
    wanted = [config.record, *([config.source] if config.source else []), *config.attributes.values()]
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
    personas = profiles.rename({ID: "persona_id"}).with_columns(
        first_seen_at=pl.lit(_NEVER, pl.Datetime("us")), last_seen_at=pl.lit(_NEVER, pl.Datetime("us"))
    )
    observations = observe(personas, pl.Series([], dtype=pl.String), registry)
    with tempfile.TemporaryDirectory(prefix="siyu-identity-") as folder:
        links = Linker(scratch or Path(folder)).link(observations, registry)
    nobody = pl.DataFrame(schema={**dict.fromkeys([*IDENTIFIER, CUSTOMER], pl.String), "seq": pl.Int64})
    found = resolve(observations, links.refused, links.edges, links.contested, nobody, registry, key="")
    return (
        profiles.select(ID)
        .join(found.customers.select(pl.col("persona_id").alias(ID), customer=CUSTOMER), on=ID, how="left")
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
