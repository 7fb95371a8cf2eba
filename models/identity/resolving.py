"""Who is who from end to end: rules, then likeness between those whom rules left apart, then ids. A run and a draft of
the registry both ask here.
"""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.clusters import LIKELY, Groups, Resolution, accepted_links, name, usable_of
from models.identity.decisions import Said
from models.identity.likely import Likely, likely_links
from models.identity.scoring import MatchModel


@dataclass(frozen=True)
class Known:
    """What is known before anybody is a customer.

    personas: the model ``personas``. observations: OBSERVATIONS_SCHEMA. Both may be what is read when it is asked.
    refused, edges, contested: what the linking models say (``group``). decided: identifier_type, identifier,
    customer_id, seq. said: people's decisions.
    """

    personas: pl.DataFrame | pl.LazyFrame
    observations: pl.DataFrame | pl.LazyFrame
    refused: pl.DataFrame
    edges: pl.DataFrame
    contested: pl.Series
    decided: pl.DataFrame
    said: Said

    @cached_property
    def usable(self) -> pl.DataFrame:
        """``usable_of``: what personas state of identifiers that are somebody's."""
        return usable_of(self.observations, self.refused)


@dataclass(frozen=True)
class WhoIsWho:
    """resolution: customers and ids. likely: what the probabilistic pass found. edges: all links, those of the pass
    too."""

    resolution: Resolution
    likely: Likely
    edges: pl.DataFrame


def who_is_who(known: Known, registry: IdentityRegistry, key: str, model: MatchModel | None = None) -> WhoIsWho:
    """Customers of all that is known. Without a model the pass learns one; key: see ``name``."""
    links = accepted_links(known.edges, known.said)
    everybody = None if registry.anonymous else known.observations.lazy().select("persona_id").collect().to_series()
    hidden = known.personas.lazy().filter(pl.col("receiver_phone").is_not_null()).select("persona_id").collect()
    groups = Groups.of(known.usable, links, known.contested, registry, everybody, hidden["persona_id"])
    grouped = groups.grouped(known.said)
    named = _with_hidden(hidden, grouped.nodes, known.usable)
    likely = likely_links(known.personas, known.usable, named, registry, model, known.said.apart, _labels(known.said))
    edges = known.edges
    if (likely.links["decision"] == "linked").any():  # also those who are somebody only because they are likely to be
        more = as_edges(likely, edges.schema, registry)
        edges = pl.concat([edges, more])
        grouped = groups.grouped(known.said, accepted_links(more))
    return WhoIsWho(name(grouped, known.decided, registry, key), likely, edges)


def _with_hidden(hidden: pl.DataFrame, nodes: pl.DataFrame, identifiers: pl.DataFrame) -> pl.DataFrame:
    """persona_id, group: the groups, and each hidden receiver (persona_id) of whom nothing else is known as its own.
    Who could be one of several people is none."""
    alone = hidden.join(nodes, on="persona_id", how="anti").join(identifiers, on="persona_id", how="anti")
    of_groups = nodes.select("persona_id", group="component")
    return pl.concat([of_groups, alone.with_columns(group=nodes.height + pl.int_range(pl.len(), dtype=pl.Int32))])


def _labels(said: Said) -> pl.DataFrame:
    ends = [pl.col(f"{side}_persona").cast(pl.String).alias(side) for side in ("left", "right")]
    return said.same.select(*ends, is_match=pl.lit(value=True))


def as_edges(likely: Likely, schema: pl.Schema, registry: IdentityRegistry) -> pl.DataFrame:
    """The links among what was found, as edges of the weakest rule: with the columns and types of the others."""
    linked = likely.links.filter(pl.col("decision") == "linked").select(
        "left_persona", "right_persona", rule=pl.lit(LIKELY), rule_seq=pl.lit(len(registry.rules) + 1)
    )
    absent = [pl.lit(None).alias(column) for column in schema if column not in linked.columns]
    return linked.with_columns(absent).select(pl.col(column).cast(dtype) for column, dtype in schema.items())
