"""Identifiers to customers: links by exact equality, components on integers, ids that never change hands.

Method: connected components by ``scipy.sparse.csgraph`` over an identifier dictionary; a record links all the
identifiers it carries. Ids are append-only: the oldest id among a component's identifiers survives.
"""

import re

import duckdb
import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.documents.identity import IdentityRegistry

IDENTIFIER = ["identifier_type", "identifier"]


def resolve(observations: pl.DataFrame, decided: pl.DataFrame, registry: IdentityRegistry, key: str) -> pl.DataFrame:
    """Give every identifier its customer.

    observations: record_id, identifier_type, identifier, observed_at; a row per record and identifier.
    decided: identifier_type, identifier, customer_id, seq; earlier decisions with the batch that made them.
    key: the installation's secret; new ids are hashes under it, so that an id does not give away a phone number.
    Returns identifier_type, identifier, customer_id, is_new (the mapping is not yet decided), sorted.
    The result depends on the sets given, never on their order.
    """
    usable = _without_blocked(observations, registry)
    nodes = _nodes(usable, registry)
    links = _links(usable, nodes, _hubs(usable, registry))
    nodes = nodes.with_columns(component=pl.Series(_components(nodes.height, links)))
    current = decided.sort("seq").unique(IDENTIFIER, keep="last", maintain_order=True)
    kept = _kept_ids(nodes, current, decided)
    ids = kept.vstack(_new_ids(nodes, kept, decided, key))
    return (
        nodes.join(ids, on="component", how="left")
        .join(current.select(*IDENTIFIER, decided_id="customer_id"), on=IDENTIFIER, how="left")
        .select(*IDENTIFIER, "customer_id", is_new=pl.col("decided_id").ne_missing(pl.col("customer_id")))
        .sort(IDENTIFIER)
    )


def _without_blocked(observations: pl.DataFrame, registry: IdentityRegistry) -> pl.DataFrame:
    known = pl.col("identifier_type").is_in([kind.name for kind in registry.identifiers])
    refused = pl.lit(value=False)
    for kind in registry.identifiers:
        value = pl.col("identifier")
        bad = value.str.to_lowercase().is_in(list(kind.blocked))
        for pattern in kind.blocked_patterns:
            bad = bad | _matches(observations, kind.name, pattern)
        refused = refused | (pl.col("identifier_type").eq(kind.name) & bad)
    return observations.filter(known & ~refused & (pl.col("identifier") != ""))


def _matches(observations: pl.DataFrame, kind: str, pattern: str) -> pl.Expr:
    """Values of one type that match. Patterns may use back references, which only Python has: each value once."""
    values = observations.filter(pl.col("identifier_type") == kind)["identifier"].unique()
    compiled = re.compile(pattern)
    return pl.col("identifier").is_in([value for value in values if compiled.search(value)])


def _nodes(usable: pl.DataFrame, registry: IdentityRegistry) -> pl.DataFrame:
    """One row per identifier: node (0..n-1, in order), identifier_type, identifier, priority, first_seen_at."""
    priority = {kind.name: rank for rank, kind in enumerate(registry.identifiers)}
    return (
        usable.group_by(IDENTIFIER)
        .agg(first_seen_at=pl.col("observed_at").min())
        .sort(IDENTIFIER)
        .with_columns(priority=pl.col("identifier_type").replace_strict(priority, return_dtype=pl.Int32))
        .with_row_index("node")
    )


def _hubs(usable: pl.DataFrame, registry: IdentityRegistry) -> pl.DataFrame:
    """Identifiers (identifier_type, identifier) that meet too many different unique values to link anybody."""
    unique = [kind.name for kind in registry.identifiers if kind.unique]
    caps = {kind.name: kind.hub_cap for kind in registry.identifiers if kind.hub_cap is not None}
    partners = usable.filter(pl.col("identifier_type").is_in(unique)).select(
        "record_id", partner_type="identifier_type", partner="identifier"
    )
    return (
        usable.filter(pl.col("identifier_type").is_in(list(caps)))
        .join(partners, on="record_id")
        .group_by(*IDENTIFIER, "partner_type")
        .agg(pl.col("partner").n_unique())
        .filter(pl.col("partner") > pl.col("identifier_type").replace_strict(caps, return_dtype=pl.Int64))
        .select(IDENTIFIER)
        .unique()
    )


def _links(usable: pl.DataFrame, nodes: pl.DataFrame, hubs: pl.DataFrame) -> pl.DataFrame:
    """Pairs of nodes that stand on one record: each with the record's lowest node (a star does as well)."""
    placed = usable.join(hubs, on=IDENTIFIER, how="anti").join(nodes.select("node", *IDENTIFIER), on=IDENTIFIER)
    return (
        placed.select("node", centre=pl.col("node").min().over("record_id"))
        .filter(pl.col("node") != pl.col("centre"))
        .unique()
    )


def _components(count: int, links: pl.DataFrame) -> "np.ndarray":
    graph = coo_array(
        (np.ones(links.height, dtype=np.int8), (links["node"].to_numpy(), links["centre"].to_numpy())),
        shape=(count, count),
    )
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _kept_ids(nodes: pl.DataFrame, current: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """component, customer_id for components that hold decided identifiers: the oldest id wins.

    When a component fell apart, its id stays with the part that holds most of its identifiers.
    """
    age = decided.group_by("customer_id").agg(pl.col("seq").min())
    claims = (
        nodes.join(current.select(*IDENTIFIER, "customer_id"), on=IDENTIFIER)
        .group_by("component", "customer_id")
        .agg(weight=pl.len(), first=pl.col("node").min())
        .join(age, on="customer_id")
    )
    owners = claims.sort(["customer_id", "weight", "first"], descending=[False, True, False]).unique(
        "customer_id", keep="first", maintain_order=True
    )
    return (
        owners.sort(["seq", "customer_id"])
        .unique("component", keep="first", maintain_order=True)
        .select("component", "customer_id")
    )


def _new_ids(nodes: pl.DataFrame, kept: pl.DataFrame, decided: pl.DataFrame, key: str) -> pl.DataFrame:
    """component, customer_id for components without an id: a keyed hash of the strongest, oldest identifier."""
    seeds = (
        nodes.join(kept, on="component", how="anti")
        .sort(["priority", "first_seen_at", "identifier"], nulls_last=True)
        .unique("component", keep="first", maintain_order=True)
        .select("component", seed=pl.concat_str("identifier_type", pl.lit(":"), "identifier"))
    )
    taken = decided.select("customer_id").unique()
    with duckdb.connect() as connection:
        connection.register("seeds", seeds.to_arrow())
        connection.register("taken", taken.to_arrow())
        # A seed whose hash is taken belonged to a customer that fell apart: it gets the hash of the seed with a mark.
        found: pl.DataFrame = connection.sql(
            """
            with hashed as (
                select
                    component,
                    'C' || substr(sha256($key || ':' || seed), 1, 15) as plain,
                    'C' || substr(sha256($key || ':' || seed || '#split'), 1, 15) as marked
                from seeds
            )
            select
                component,
                case when plain in (select customer_id from taken) then marked else plain end as customer_id
            from hashed
            """,
            params={"key": key},
        ).pl()
        return found
