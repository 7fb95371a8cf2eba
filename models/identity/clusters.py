"""Personas to customers: accepted links to components on integers, conflicts repaired, ids that never change hands.

A component in which two values of a ``unique`` identifier meet is built anew, link by link, the strongest rule first,
and a link that would bring the two together is refused. Everything depends on the sets given, never on their order.
"""

from dataclasses import dataclass

import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.components import components, constrained
from models.identity.ids import IDENTIFIER, name_customers

_LINK = ["rule", "link_key", "left_persona", "right_persona"]


@dataclass(frozen=True)
class Resolution:
    """Who is who.

    customers: persona_id, customer_id; sorted. identifiers: identifier_type, identifier, customer_id (whose it is in
    the first place), is_new (not yet decided so); sorted; ``persona`` is a type too. cuts: links that the repair
    refused: left_persona, right_persona, rule, link_key, refusal.
    """

    customers: pl.DataFrame
    identifiers: pl.DataFrame
    cuts: pl.DataFrame


def resolve(
    observations: pl.DataFrame,
    refused: pl.DataFrame,
    edges: pl.DataFrame,
    contested: pl.Series,
    decided: pl.DataFrame,
    registry: IdentityRegistry,
    key: str,
) -> Resolution:
    """Give every persona its customer.

    observations: OBSERVATIONS_SCHEMA. refused: identifier_type, identifier of values that are nobody's. edges:
    left_persona, right_persona, rule, link_key, rule_seq, refusal (null: accepted). contested: personas that could be
    one of several people: nobody, unless something links them (an anonymous registry). decided: identifier_type,
    identifier, customer_id, seq; earlier decisions with the batch that made them. key: the installation's secret; new
    ids are hashes under it, so that an id does not give away a phone number.
    """
    usable = observations.filter("is_identifier").join(refused, on=IDENTIFIER, how="anti")
    accepted = edges.filter(pl.col("refusal").is_null())
    linked = pl.concat([accepted["left_persona"], accepted["right_persona"]]).unique()
    somebody = observations["persona_id"]
    if registry.anonymous:
        alone = usable["persona_id"].filter(~usable["persona_id"].is_in(contested.implode()))
        somebody = pl.concat([linked, alone])
    personas = _numbered(somebody)
    links = _encoded(accepted, personas)
    labels = components(personas.height, links["left"].to_numpy(), links["right"].to_numpy())
    nodes = personas.with_columns(component=pl.Series(labels))
    nodes, cuts = _repaired(nodes, links, usable, registry)
    stated = usable.join(nodes.select("persona_id", "component"), on="persona_id")
    named = name_customers(nodes, stated, decided, registry, key)
    return Resolution(
        customers=nodes.join(named.ids, on="component").select("persona_id", "customer_id").sort("persona_id"),
        identifiers=named.identifiers,
        cuts=cuts.sort(_LINK),
    )


def _numbered(somebody: pl.Series) -> pl.DataFrame:
    """node (0 .. n-1 in order of persona_id), persona_id."""
    unique = somebody.unique().sort().rename("persona_id").to_frame()
    return unique.with_row_index("node").with_columns(pl.col("node").cast(pl.Int32))


def _encoded(edges: pl.DataFrame, personas: pl.DataFrame) -> pl.DataFrame:
    """Links with the nodes of both ends as ``left`` and ``right``; rows keep rule_seq, rule, link_key."""
    nodes = personas.select("persona_id", "node")
    return edges.join(nodes.rename({"persona_id": "left_persona", "node": "left"}), on="left_persona").join(
        nodes.rename({"persona_id": "right_persona", "node": "right"}), on="right_persona"
    )


def _repaired(
    nodes: pl.DataFrame, links: pl.DataFrame, usable: pl.DataFrame, registry: IdentityRegistry
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Components in which a unique identifier takes two values, built anew under that constraint."""
    unique = [kind.name for kind in registry.identifiers if kind.unique]
    held = (
        usable.filter(pl.col("identifier_type").is_in(unique))
        .select("persona_id", *IDENTIFIER)
        .join(nodes.select("persona_id", "node", "component"), on="persona_id")
    )
    torn = (
        held.group_by("component", "identifier_type")
        .agg(pl.col("identifier").n_unique())
        .filter(pl.col("identifier") > 1)
        .select(pl.col("component").unique())
    )
    if torn.is_empty():
        return nodes, links.head(0).select(*_LINK, refusal=pl.lit(None, pl.String))
    inside = nodes.join(torn, on="component", how="semi")
    stated: dict[int, dict[str, set[str]]] = {node: {} for node in inside["node"]}
    for node, kind, value in held.join(torn, on="component", how="semi").select("node", *IDENTIFIER).iter_rows():
        stated[node].setdefault(kind, set()).add(value)
    ordered = links.join(inside.select(left="node"), on="left", how="semi").sort("rule_seq", "link_key", *_LINK[2:])
    roots, refused = constrained(ordered.select("left", "right").iter_rows(), stated, set())
    places = pl.DataFrame(
        {"node": list(roots), "component": list(roots.values())}, schema={"node": pl.Int32, "component": pl.Int32}
    )
    mended = nodes.update(places, on="node")
    reasons = pl.DataFrame(refused, schema={"left": pl.Int32, "right": pl.Int32, "refusal": pl.String}, orient="row")
    cuts = ordered.drop("refusal").join(reasons.unique(["left", "right"]), on=["left", "right"])
    return mended, cuts.select(*_LINK, "refusal")
