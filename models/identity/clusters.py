"""Personas to customers: accepted links to components on integers, conflicts repaired, ids that never change hands.

A component that breaks a constraint (two values of a ``unique`` identifier meet, or two whom people said to be apart)
is built anew, link by link, the strongest rule first, and a link that would break it is refused. Everything depends on
the sets given, never on their order.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.components import NOT_THE_SAME, UNIQUE, Integers, components, constrained
from models.identity.decisions import Said
from models.identity.ids import name_customers

#: Rules that are in no registry: what people decided, and what the probabilistic pass found.
PEOPLE, LIKELY = "people", "likely"
_ENDS = ["left_persona", "right_persona"]
_CUTS = ["rule", "link_key", *_ENDS, "refusal"]


@dataclass(frozen=True)
class Grouped:
    """Who is one person, before any id.

    nodes: persona_id, component (the place of its smallest persona in this frame); sorted. stated: usable observations
    of these personas: node (their place), identifier_type, identifier, value_id, first_seen_at. held: node, constraint,
    value: what one group has one of. cuts: links that were refused: rule, link_key, left_persona, right_persona,
    refusal (``unique:<type>``, ``not_the_same:<decision>``); sorted.
    """

    nodes: pl.DataFrame
    stated: pl.DataFrame
    held: pl.DataFrame
    cuts: pl.DataFrame


@dataclass(frozen=True)
class Resolution:
    """Who is who.

    customers: persona_id, customer_id; sorted. identifiers: identifier_type, identifier, customer_id (whose it is in
    the first place), is_new (not yet decided so); sorted by type, then by the number of the value; ``persona`` is a
    type too. cuts: as Grouped.
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
    said: Said | None = None,
) -> Resolution:
    """Give every persona its customer: ``group``, then ``name``, whose parameters these are."""
    return name(group(observations, refused, edges, contested, registry, said), decided, registry, key)


def group(
    observations: pl.DataFrame,
    refused: pl.DataFrame,
    edges: pl.DataFrame,
    contested: pl.Series,
    registry: IdentityRegistry,
    said: Said | None = None,
) -> Grouped:
    """Personas that accepted links bring together, under the constraints.

    observations: OBSERVATIONS_SCHEMA. refused: value_id of values that are nobody's. edges: left_persona,
    right_persona, rule, link_key, rule_seq, refusal (null: accepted). contested: personas that could be one of several
    people: nobody, unless something links them (an anonymous registry). said: what people decided; their links are the
    strongest and no unique identifier refuses them.
    """
    usable = observations.filter(pl.col("is_identifier") & ~pl.col("value_id").is_in(refused["value_id"].implode()))
    links = _links(edges, said)
    somebody = observations["persona_id"]
    if registry.anonymous:
        alone = usable["persona_id"].unique()
        somebody = pl.concat(
            [links["left_persona"], links["right_persona"], alone.filter(~alone.is_in(contested.implode()))]
        )
    personas = somebody.unique().sort().rename("persona_id")
    places = personas.to_frame().with_columns(node=pl.int_range(pl.len(), dtype=pl.Int32))
    stated = usable.select(
        _nodes(usable["persona_id"], places), "identifier_type", "identifier", "value_id", "first_seen_at"
    )
    if stated["node"].has_nulls():
        stated = stated.filter(pl.col("node").is_not_null())  # contested
    held = _constraints(stated, places, registry, said)
    left, right = (_placed(links[end], places) for end in _ENDS)
    labels = components(personas.len(), left, right)
    labels, cuts = _repaired(labels, links.with_columns(left=pl.Series(left), right=pl.Series(right)), held)
    return Grouped(
        places.select("persona_id", component=pl.Series(labels, dtype=pl.Int32)),
        stated,
        held,
        cuts.select(_CUTS).sort(_CUTS),
    )


def name(grouped: Grouped, decided: pl.DataFrame, registry: IdentityRegistry, key: str) -> Resolution:
    """Give every group its customer id.

    decided: identifier_type, identifier, customer_id, seq; earlier decisions with the batch that made them. key: the
    installation's secret; new ids are hashes under it, so that an id does not give away a phone number.
    """
    named = name_customers(grouped.nodes, grouped.stated, decided, registry, key)
    return Resolution(named.customers, named.identifiers, grouped.cuts)


def _links(edges: pl.DataFrame, said: Said | None) -> pl.DataFrame:
    """Accepted links and those of people, which are of rule_seq 0."""
    columns = [*_ENDS, "rule", "link_key", "rule_seq"]
    accepted = edges.lazy().filter(pl.col("refusal").is_null()).select(columns).collect()
    if said is None or said.same.is_empty():
        return accepted
    ends = said.same.select(*(pl.col(end).cast(pl.Int64) for end in _ENDS))
    of_people = ends.with_columns(
        rule=pl.lit(PEOPLE), link_key=pl.lit(None, pl.Int64), rule_seq=pl.lit(0, accepted.schema["rule_seq"])
    )
    return pl.concat([accepted, of_people.select(columns)])


def _constraints(
    stated: pl.DataFrame, places: pl.DataFrame, registry: IdentityRegistry, said: Said | None
) -> pl.DataFrame:
    """node, constraint, value: the values of unique identifiers, and the sides of decisions."""
    unique = [kind.name for kind in registry.identifiers if kind.unique]
    held = stated.filter(pl.col("identifier_type").is_in(unique)).select(
        "node", constraint=pl.lit(UNIQUE) + pl.col("identifier_type"), value="value_id"
    )
    if said is None or said.apart.is_empty():
        return held
    sides = said.apart.join(places, on="persona_id").select(
        "node",
        constraint=pl.lit(NOT_THE_SAME) + pl.col("decision_id"),
        value=pl.when(pl.col("side") == "left").then(0).otherwise(1).cast(pl.Int64),
    )
    return pl.concat([held, sides])


def _placed(personas: pl.Series, places: pl.DataFrame) -> Integers:
    """The node of each persona. Raises KeyError when one is not there."""
    wanted = _nodes(personas, places)
    if wanted.has_nulls():
        raise KeyError(f"persona {personas.filter(wanted.is_null())[0]} is in no group")
    return wanted.to_numpy()


def _nodes(personas: pl.Series, places: pl.DataFrame) -> pl.Series:
    """The node of each persona, in their order; null: it is not there."""
    return personas.to_frame("persona_id").join(places, on="persona_id", how="left", maintain_order="left")["node"]


def _repaired(labels: Integers, links: pl.DataFrame, held: pl.DataFrame) -> tuple[Integers, pl.DataFrame]:
    """Components that break a constraint, built anew link by link; the links that were refused, with ``refusal``.

    links: left, right (nodes), left_persona, right_persona, rule, link_key, rule_seq. held: node, constraint, value.
    """
    of_held = held.with_columns(component=pl.Series(labels[held["node"].to_numpy()], dtype=pl.Int32))
    broken = (
        of_held.group_by("component", "constraint")
        .agg(least=pl.col("value").min(), greatest=pl.col("value").max())
        .filter(pl.col("least") < pl.col("greatest"))["component"]
        .unique()
    )
    if broken.is_empty():
        return labels, links.head(0).with_columns(refusal=pl.lit(None, pl.String))
    is_broken = np.zeros(labels.size, dtype=bool)
    is_broken[broken.to_numpy()] = True
    values: dict[int, dict[str, set[int]]] = {node: {} for node in np.flatnonzero(is_broken[labels]).tolist()}
    inside = of_held.filter(pl.col("component").is_in(broken.implode()))
    for node, constraint, value in inside.select("node", "constraint", "value").iter_rows():
        values[node].setdefault(constraint, set()).add(value)
    # What people said comes last and no unique identifier refuses it: they spoke of whole customers. First, it would
    # join two records, and cut off the card of one of them because the other has a card, too.
    said = pl.col("rule") == PEOPLE
    inside_broken = links.filter(pl.Series(is_broken[labels[links["left"].to_numpy()]])).with_columns(is_said=said)
    ordered = inside_broken.sort("is_said", "rule_seq", *_ENDS, "link_key")
    link = ["left", "right", "is_said"]
    roots, refused = constrained(ordered.select(link).iter_rows(), values)
    mended = labels.copy()
    mended[np.fromiter(roots.keys(), np.int32)] = np.fromiter(roots.values(), np.int32)
    schema = {"left": pl.Int32, "right": pl.Int32, "is_said": pl.Boolean, "refusal": pl.String}
    reasons = pl.DataFrame(refused, schema=schema, orient="row")
    cuts = ordered.join(reasons.unique(link, keep="first", maintain_order=True), on=link)
    # what people said may have brought the two together after all, by another way
    is_apart = mended[cuts["left"].to_numpy()] != mended[cuts["right"].to_numpy()]
    return mended, cuts.filter(pl.Series(is_apart))
