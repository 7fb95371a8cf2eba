"""Ids of customers: a component keeps the oldest id that is its own; a new one is a keyed hash of an identifier."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count

import duckdb
import numpy as np
import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.history import PERSONA, kept_ids
from models.identity.observing import value_ids

IDENTIFIER = ["identifier_type", "identifier"]


@dataclass(frozen=True)
class Named:
    """customers: persona_id, customer_id; sorted. identifiers: identifier_type, identifier, customer_id, is_new;
    values in the order of their numbers, then personas."""

    customers: pl.DataFrame
    identifiers: pl.DataFrame


@dataclass(frozen=True)
class _Decided:
    """What was decided, customers by their place in the order of their ids: what follows is done on numbers.

    names: the ids. values: value_id, decided_identifier; personas: persona_id; both with each decision on it: decided
    (the customer), seq, is_latest, is_first (of those on it). age: customer, age: the batch in which it was first heard
    of.
    """

    names: pl.Series
    values: pl.DataFrame
    personas: pl.DataFrame
    age: pl.DataFrame


def name_customers(
    nodes: pl.DataFrame, stated: pl.DataFrame, decided: pl.DataFrame, registry: IdentityRegistry, key: str
) -> Named:
    """nodes: persona_id, component (a row of nodes); sorted. stated: node (a row of nodes), identifier_type,
    identifier, value_id, first_seen_at.

    decided: identifier_type, identifier, customer_id, seq. An identifier that several customers state (a family's
    phone) counts for the one with most personas that do, then for the one that was there first.
    """
    known = _encoded(decided)
    claims = _claims(nodes, stated, registry)
    was = claims.select("value_id").join(_now(known.values), on="value_id", how="left", maintain_order="left")
    # a number may be another value's of long ago: the text decides
    is_same = was["decided_identifier"] == claims["identifier"]
    claims = claims.with_columns(was.select(decided=pl.when(is_same).then("decided")).to_series())
    personas = nodes.join(_now(known.personas), on="persona_id", how="left", maintain_order="left")
    kept = _kept(claims, nodes, known)
    has_id = np.zeros(nodes.height, dtype=bool)
    has_id[kept["component"].to_numpy()] = True
    new = _new_ids(claims, personas, stated, has_id, known.names, key)
    names = pl.concat([known.names.gather(kept["decided"]), new["customer_id"]], rechunk=True)
    before = pl.concat([kept["decided"], pl.repeat(None, new.height, dtype=pl.UInt32, eager=True)])
    place_of = np.zeros(nodes.height, dtype=np.uint32)  # where the id of a component stands among names
    place_of[kept["component"].to_numpy()] = np.arange(kept.height)
    place_of[new["component"].to_numpy()] = np.arange(kept.height, names.len())
    persona = pl.col("persona_id").cast(pl.String)
    owners = [
        _owners(claims).select("component", "decided", *IDENTIFIER),
        personas.select("component", "decided", identifier_type=pl.lit(PERSONA, _types(registry)), identifier=persona),
    ]
    places = [pl.Series(place_of[frame["component"].to_numpy()]) for frame in owners]
    identifiers = pl.concat(
        frame.select(
            pl.col("identifier_type").cast(pl.String),
            "identifier",
            customer_id=names.gather(place),
            is_new=(pl.col("decided") != before.gather(place)).fill_null(value=True),
        )
        for frame, place in zip(owners, places, strict=True)
    )
    return Named(nodes.select("persona_id", customer_id=names.gather(places[1])), identifiers)


def _types(registry: IdentityRegistry) -> pl.Enum:
    return pl.Enum([*(kind.name for kind in registry.identifiers), PERSONA])


def _claims(nodes: pl.DataFrame, stated: pl.DataFrame, registry: IdentityRegistry) -> pl.DataFrame:
    """What components are known by: component, value_id, identifier_type (in the order of priority), identifier, weight
    (personas), first_seen_at, is_shared (another component states it too). Sorted by value_id; of one value first whose
    it is in the first place."""
    rows = (
        stated.select("value_id", "first_seen_at", component=nodes["component"].gather(stated["node"]))
        .with_row_index("row")
        .sort("value_id")  # numbers that stand in order are grouped in half the time, and stay in order
    )
    told = [pl.len().cast(pl.Int64).alias("weight"), pl.col("first_seen_at").min(), pl.col("row").first()]
    # nearly every value is stated by one component only, and one column is grouped in half the time of two
    of_each = [pl.col("component").min(), *told, pl.col("component").max().alias("last")]
    values = rows.group_by("value_id", maintain_order=True).agg(of_each)
    is_shared = pl.col("component") != pl.col("last")
    shared = rows.join(values.filter(is_shared), on="value_id", how="semi").group_by("component", "value_id").agg(told)
    in_turn = shared.sort(["value_id", "weight", "first_seen_at", "component"], descending=[False, True, False, False])
    columns = ["component", "value_id", "weight", "first_seen_at", "row"]
    claims = (
        values.filter(~is_shared)
        .select(*columns, is_shared=pl.lit(value=False))
        .merge_sorted(in_turn.select(*columns, is_shared=pl.lit(value=True)), key="value_id")
    )
    # from many pieces, as a filter leaves them, text is gathered in ten times the time
    told_of = stated.select(pl.col("identifier_type").cast(_types(registry)), "identifier").rechunk()
    return claims.drop("row").with_columns(told_of[column].gather(claims["row"]) for column in IDENTIFIER)


def _encoded(decided: pl.DataFrame) -> _Decided:
    names = decided["customer_id"].unique().sort()
    customers = decided["customer_id"].cast(pl.Enum(names)).to_physical().cast(pl.UInt32).alias("decided")
    is_persona = decided["identifier_type"] == PERSONA
    # what an older release called a persona is no number
    personas = decided.select(pl.col("identifier").cast(pl.Int64, strict=False).alias("persona_id"), "seq", customers)
    values = decided.filter(~is_persona)
    known = values.select(
        value_ids(values), "seq", customers.filter(~is_persona), pl.col("identifier").alias("decided_identifier")
    )
    return _Decided(
        names,
        _in_turn(known, "value_id"),
        _in_turn(personas.filter(is_persona & personas["persona_id"].is_not_null()), "persona_id"),
        pl.DataFrame([customers.rename("customer"), decided["seq"]]).group_by("customer").agg(age=pl.col("seq").min()),
    )


def _in_turn(said: pl.DataFrame, number: str) -> pl.DataFrame:
    """With is_latest and is_first of the decisions on each number; most are decided once."""
    again, seq = pl.col(number).is_duplicated(), pl.col("seq")
    once = said.filter(~again).with_columns(is_latest=pl.lit(value=True), is_first=pl.lit(value=True))
    several = said.filter(again).with_columns(
        is_latest=seq == seq.max().over(number), is_first=seq == seq.min().over(number)
    )
    return pl.concat([once, several])


def _now(said: pl.DataFrame) -> pl.DataFrame:
    """What was decided last."""
    return said.filter("is_latest").drop("seq", "is_latest", "is_first")


def _kept(claims: pl.DataFrame, nodes: pl.DataFrame, known: _Decided) -> pl.DataFrame:
    """component, decided (a customer) for components that hold identifiers which were decided before."""
    told = [pl.col("component"), pl.col("decided").alias("customer"), pl.col("seq", "is_latest", "is_first")]
    of_values = (
        known.values.join(claims.select("component", "value_id", "identifier", "is_shared"), on="value_id")
        .filter(pl.col("identifier") == pl.col("decided_identifier"))
        .select(*told, alone=~pl.col("is_shared"))
    )
    of_personas = known.personas.join(nodes, on="persona_id").select(*told, alone=pl.lit(value=True))
    return kept_ids(pl.concat([of_values, of_personas]), known.age).rename({"customer": "decided"})


def _new_ids(
    claims: pl.DataFrame, personas: pl.DataFrame, stated: pl.DataFrame, has_id: np.ndarray, taken: pl.Series, key: str
) -> pl.DataFrame:
    """component, customer_id for components without an id: a keyed hash of the strongest, oldest identifier that is
    theirs alone, else of their first persona.

    has_id: of each component, whether it keeps one; changed.
    """
    strongest = _strongest(claims.filter(~pl.col("is_shared") & pl.Series(~has_id[claims["component"].to_numpy()])))
    has_id[strongest["component"].to_numpy()] = True
    rest = personas.select("persona_id", "component", node=pl.int_range(pl.len(), dtype=pl.Int32)).filter(
        pl.Series(~has_id[personas["component"].to_numpy()])
    )
    seen = stated.join(rest, on="node", how="semi").group_by("node").agg(pl.col("first_seen_at").min())
    first = (
        rest.join(seen, on="node", how="left")
        .sort("first_seen_at", "persona_id", nulls_last=True)
        .unique("component", keep="first", maintain_order=True)
    )
    seeds = pl.concat([strongest, first.select("component", seed=_persona_seed())])
    return _unused_ids(seeds, taken, key)


def _unused_ids(seeds: pl.DataFrame, taken: pl.Series, key: str) -> pl.DataFrame:
    """component, customer_id: keyed hashes of component, seed, none of them taken.

    A seed whose hash is taken belonged to a customer that fell apart: it gets the hash of the seed with a mark, and
    with one mark more each time that it happens again.
    """
    found, waiting = [], seeds
    with duckdb.connect() as connection:
        connection.register("taken", taken.rename("customer_id").to_frame().to_arrow())
        for marks in count():
            connection.register("waiting", waiting.to_arrow())
            hashed: pl.DataFrame = connection.sql(
                """
                with hashed as (
                    select
                        component,
                        seed,
                        'C' || substr(sha256($key || ':' || seed || $mark), 1, 15) as customer_id
                    from waiting
                )

                select hashed.*, taken.customer_id is not null as is_taken
                from hashed
                left join taken on hashed.customer_id = taken.customer_id
                """,
                params={"key": key, "mark": "#split" * marks},
            ).pl()
            found.append(hashed.filter(~pl.col("is_taken")).select("component", "customer_id"))
            waiting = hashed.filter("is_taken").select("component", "seed")
            if waiting.is_empty():
                break
    return pl.concat(found)


def _strongest(claims: pl.DataFrame) -> pl.DataFrame:
    """component, seed: of each component its strongest identifier, of those the oldest, of those the first in text."""
    # strength and age as one number; nothing is seen later than what says no time
    age = pl.col("first_seen_at").fill_null(datetime(2200, 1, 1)).dt.epoch("us")  # noqa: DTZ001 - frames hold naive UTC
    strength = pl.col("identifier_type").to_physical().cast(pl.Int64)
    place = claims.select(strength * 2**54 + age).to_series().to_numpy()
    component = claims["component"].to_numpy()
    best = np.full(component.max(initial=0) + 1, np.iinfo(np.int64).max)
    np.minimum.at(best, component, place)
    equal = claims.filter(pl.Series(place == best[component]))
    several = pl.col("component").is_duplicated()
    seeds = equal.select("component", seed=_seed())
    return pl.concat([seeds.filter(~several), seeds.filter(several).group_by("component").agg(pl.col("seed").min())])


def _seed() -> pl.Expr:
    return pl.concat_str(pl.col("identifier_type").cast(pl.String), pl.lit(":"), "identifier")


def _persona_seed() -> pl.Expr:
    return pl.concat_str(pl.lit(f"{PERSONA}:"), pl.col("persona_id").cast(pl.String))


def _owners(claims: pl.DataFrame) -> pl.DataFrame:
    """Of each value the component whose it is in the first place."""
    value = pl.col("value_id")
    return claims.filter(value.ne_missing(value.shift()))
