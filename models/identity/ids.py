"""Ids of customers: a component keeps the oldest id that is its own; a new one is a keyed hash of an identifier."""

from dataclasses import dataclass

import duckdb
import polars as pl

from models.documents.identity import IdentityRegistry

IDENTIFIER = ["identifier_type", "identifier"]
PERSONA = "persona"


@dataclass(frozen=True)
class Named:
    """ids: component, customer_id. identifiers: identifier_type, identifier, customer_id, is_new; sorted."""

    ids: pl.DataFrame
    identifiers: pl.DataFrame


def name_customers(
    nodes: pl.DataFrame, stated: pl.DataFrame, decided: pl.DataFrame, registry: IdentityRegistry, key: str
) -> Named:
    """nodes: persona_id, component. stated: persona_id, component, identifier_type, identifier, first_seen_at.

    decided: identifier_type, identifier, customer_id, seq. An identifier that several customers state (a family's
    phone) counts for the one with most personas that do, then for the one that was there first.
    """
    claims = _claims(nodes, stated, registry)
    current = decided.sort("seq").unique(IDENTIFIER, keep="last", maintain_order=True)
    kept = _kept_ids(claims, current, decided)
    ids = kept.vstack(_new_ids(claims, kept, decided, key))
    owners = (
        claims.sort(
            [*IDENTIFIER, "weight", "first_seen_at", "component"], descending=[False, False, True, False, False]
        )
        .unique(IDENTIFIER, keep="first", maintain_order=True)
        .join(ids, on="component")
        .join(current.select(*IDENTIFIER, decided_id="customer_id"), on=IDENTIFIER, how="left")
        .select(*IDENTIFIER, "customer_id", is_new=pl.col("decided_id").ne_missing(pl.col("customer_id")))
        .sort(IDENTIFIER)
    )
    return Named(ids, owners)


def _claims(nodes: pl.DataFrame, stated: pl.DataFrame, registry: IdentityRegistry) -> pl.DataFrame:
    """What components are known by: component, identifier_type, identifier, weight (personas), priority, seed,
    first_seen_at, is_shared (another component states it too). Personas are a type of their own."""
    priority = {kind.name: rank for rank, kind in enumerate(registry.identifiers)}
    linking = (
        stated.group_by("component", *IDENTIFIER)
        .agg(weight=pl.len().cast(pl.Int64), first_seen_at=pl.col("first_seen_at").min())
        .with_columns(priority=pl.col("identifier_type").replace_strict(priority, return_dtype=pl.Int32))
    )
    first_seen = stated.group_by("persona_id").agg(pl.col("first_seen_at").min())
    personas = nodes.join(first_seen, on="persona_id", how="left").select(
        "component",
        identifier_type=pl.lit(PERSONA),
        identifier="persona_id",
        weight=pl.lit(1, pl.Int64),
        first_seen_at="first_seen_at",
        priority=pl.lit(len(priority), pl.Int32),
    )
    return pl.concat([linking.select(personas.columns), personas]).with_columns(
        seed=pl.concat_str("identifier_type", pl.lit(":"), "identifier"),
        is_shared=pl.col("component").n_unique().over(IDENTIFIER) > 1,
    )


def _kept_ids(claims: pl.DataFrame, current: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """component, customer_id for components that hold decided identifiers: the oldest id wins.

    When a customer fell apart, its id stays with the part that holds most of what it was known by.
    """
    age = decided.group_by("customer_id").agg(pl.col("seq").min())
    held = (
        claims.join(current.select(*IDENTIFIER, "customer_id"), on=IDENTIFIER)
        .group_by("component", "customer_id")
        .agg(weight=pl.len(), first=pl.col("seed").min())
        .join(age, on="customer_id")
    )
    owners = held.sort(["customer_id", "weight", "first"], descending=[False, True, False]).unique(
        "customer_id", keep="first", maintain_order=True
    )
    return (
        owners.sort(["seq", "customer_id"])
        .unique("component", keep="first", maintain_order=True)
        .select("component", "customer_id")
    )


def _new_ids(claims: pl.DataFrame, kept: pl.DataFrame, decided: pl.DataFrame, key: str) -> pl.DataFrame:
    """component, customer_id for components without an id: a keyed hash of the strongest, oldest identifier that is
    theirs alone."""
    seeds = (
        claims.join(kept, on="component", how="anti")
        .filter(~pl.col("is_shared"))
        .sort(["priority", "first_seen_at", "identifier"], nulls_last=True)
        .unique("component", keep="first", maintain_order=True)
        .select("component", "seed")
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
