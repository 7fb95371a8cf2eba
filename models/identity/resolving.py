"""Who is who from end to end: rules, then likeness between those whom rules left apart, then ids. A run and a draft of
the registry both ask here.
"""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.clusters import LIKELY, Resolution, group, name
from models.identity.decisions import Said
from models.identity.ids import IDENTIFIER
from models.identity.likely import Likely, likely_links
from models.identity.scoring import MatchModel


@dataclass(frozen=True)
class Known:
    """What is known before anybody is a customer.

    personas: the model ``personas``. observations: OBSERVATIONS_SCHEMA. refused, edges, contested: what the linking
    models say (``group``). decided: identifier_type, identifier, customer_id, seq. said: people's decisions.
    """

    personas: pl.DataFrame
    observations: pl.DataFrame
    refused: pl.DataFrame
    edges: pl.DataFrame
    contested: pl.Series
    decided: pl.DataFrame
    said: Said

    @cached_property
    def usable(self) -> pl.DataFrame:
        """persona_id, identifier_type, identifier: what personas state of identifiers that are somebody's."""
        stated = self.observations.filter("is_identifier").join(self.refused, on="value_id", how="anti")
        return stated.select("persona_id", *IDENTIFIER)


@dataclass(frozen=True)
class WhoIsWho:
    """resolution: customers and ids. likely: what the probabilistic pass found. edges: all links, those of the pass
    too."""

    resolution: Resolution
    likely: Likely
    edges: pl.DataFrame


def who_is_who(known: Known, registry: IdentityRegistry, key: str, model: MatchModel | None = None) -> WhoIsWho:
    """Customers of all that is known. Without a model the pass learns one; key: see ``name``."""
    grouped = group(known.observations, known.refused, known.edges, known.contested, registry, known.said)
    groups = _with_hidden(known.personas, grouped.nodes, known.usable)
    likely = likely_links(known.personas, known.usable, groups, registry, model, known.said.apart, _labels(known.said))
    edges = known.edges
    if (likely.links["decision"] == "linked").any():  # also those who are somebody only because they are likely to be
        edges = pl.concat([edges, as_edges(likely, edges.schema, registry)])
        grouped = group(known.observations, known.refused, edges, known.contested, registry, known.said)
    return WhoIsWho(name(grouped, known.decided, registry, key), likely, edges)


def _with_hidden(personas: pl.DataFrame, nodes: pl.DataFrame, identifiers: pl.DataFrame) -> pl.DataFrame:
    """persona_id, group: the groups, and each hidden receiver of whom nothing else is known as its own. Who could
    be one of several people is none."""
    hidden = (
        personas.filter(pl.col("receiver_phone").is_not_null())
        .join(nodes, on="persona_id", how="anti")
        .join(identifiers, on="persona_id", how="anti")
    )
    alone = hidden.select("persona_id", group=pl.lit("alone:") + pl.col("persona_id").cast(pl.String))
    return pl.concat([nodes.select("persona_id", group=pl.col("component").cast(pl.String)), alone])


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
