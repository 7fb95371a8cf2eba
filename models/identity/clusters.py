"""Personas to customers: accepted links to components on integers, conflicts repaired, ids that never change hands.

A component that breaks a constraint (two values of a ``unique`` identifier meet, or two whom people said to be apart)
is built anew, link by link, the strongest rule first, and a link that would break it is refused. Everything depends on
the sets given, never on their order.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from models.documents.identity import IdentityRegistry
from models.identity.components import NOT_THE_SAME, UNIQUE, Booleans, Integers, components, constrained
from models.identity.decisions import Said
from models.identity.ids import name_customers

#: Rules that are in no registry: what people decided, and what the probabilistic pass found.
PEOPLE, LIKELY = "people", "likely"
_ENDS = ["left_persona", "right_persona"]
_CUTS = ["rule", "link_key", *_ENDS, "refusal"]


@dataclass(frozen=True)
class Grouped:
    """Who is one person, before any id.

    nodes: persona_id, component (the place of its smallest persona in this frame); sorted. told: usable observations:
    identifier_type, identifier, value_id, first_seen_at, place; node_of: of each place the node, -1 for none. cuts:
    links that were refused: rule, link_key, left_persona, right_persona, refusal (``unique:<type>``,
    ``not_the_same:<decision>``); sorted.
    """

    nodes: pl.DataFrame
    told: pl.DataFrame
    node_of: Integers
    cuts: pl.DataFrame

    @property
    def stated(self) -> pl.DataFrame:
        """What these personas state: node, identifier_type, identifier, value_id, first_seen_at; made when asked."""
        return _stated(self.told, self.node_of)


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
    everybody = None if registry.anonymous else observations["persona_id"]
    links = accepted_links(edges, said)
    return Groups.of(usable_of(observations, refused), links, contested, registry, everybody).grouped(said)


def usable_of(observations: pl.DataFrame | pl.LazyFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """What personas state of identifiers that are somebody's: persona_id, identifier_type (a category), identifier,
    value_id, first_seen_at. Parameters as of ``group``."""
    is_refused = pl.col("value_id").is_in(refused["value_id"].implode())
    told = observations.lazy().filter(pl.col("is_identifier") & ~is_refused)
    kind = pl.col("identifier_type").cast(pl.Categorical)
    return told.select("persona_id", kind, "identifier", "value_id", "first_seen_at").collect()


def accepted_links(edges: pl.DataFrame, said: Said | None = None) -> pl.DataFrame:
    """left_persona, right_persona, rule, link_key, rule_seq of links that hold and of those of people, which are of
    rule_seq 0. Parameters as of ``group``."""
    columns = [*_ENDS, "rule", "link_key", "rule_seq"]
    accepted = edges.select(columns)
    if edges["refusal"].null_count() < edges.height:
        accepted = edges.lazy().filter(pl.col("refusal").is_null()).select(columns).collect()
    if said is None or said.same.is_empty():
        return accepted
    ends = said.same.select(*(pl.col(end).cast(pl.Int64) for end in _ENDS))
    of_people = ends.with_columns(
        rule=pl.lit(PEOPLE, accepted.schema["rule"]),
        link_key=pl.lit(None, pl.Int64),
        rule_seq=pl.lit(0, accepted.schema["rule_seq"]),
    )
    return pl.concat([accepted, of_people.select(columns)])


@dataclass(frozen=True)
class Groups:
    """Personas in order, each with its place, so that they can be grouped again with more links and without a join.

    personas: all that are stated or linked, and others; sorted. stated: columns of ``usable_of`` but persona_id, and
    place, that of the persona. links: ``accepted_links``, and left, right, the places of the ends. alone: of each
    persona whether it is somebody without a link.
    """

    personas: pl.Series
    stated: pl.DataFrame
    links: pl.DataFrame
    alone: Booleans
    registry: IdentityRegistry

    @classmethod
    def of(
        cls,
        usable: pl.DataFrame,
        links: pl.DataFrame,
        contested: pl.Series,
        registry: IdentityRegistry,
        everybody: pl.Series | None = None,
        others: pl.Series | None = None,
    ) -> "Groups":
        """everybody: who is somebody without an identifier. others: who is nobody, unless a later link names him.
        Raises KeyError when a link names somebody who is not of everybody."""
        told = [usable["persona_id"], *(links[end] for end in _ENDS)]
        more = [ids for ids in (everybody, others) if ids is not None]
        every = pl.concat([*told, *more])
        personas = every.unique().sort().rename("persona_id")
        if everybody is not None and personas.len() > pl.concat(more).n_unique():
            stranger = personas.filter(~personas.is_in(everybody.implode()))[0]
            raise KeyError(f"persona {stranger} is in no group")
        # one sort finds the places of all: joins of so many cost three times as much
        places = every.rank("dense").cast(pl.Int32) - 1
        ends = np.cumsum([0, *(ids.len() for ids in told)])
        of_stated, left, right = (places[int(a) : int(b)] for a, b in pairwise(ends))
        alone = np.full(personas.len(), everybody is not None)
        alone[of_stated.to_numpy()] = True
        if everybody is None:
            alone[personas.is_in(contested.implode()).to_numpy()] = False
        stated = usable.drop("persona_id").with_columns(of_stated.alias("place"))
        return cls(personas, stated, links.with_columns(left.alias("left"), right.alias("right")), alone, registry)

    def grouped(self, said: Said | None = None, more: pl.DataFrame | None = None) -> Grouped:
        """more: other links, ``accepted_links`` of personas that are there; raises KeyError when one is not."""
        links = self.links
        if more is not None:
            placed = more.with_columns(
                left=self._places(more["left_persona"]), right=self._places(more["right_persona"])
            )
            links = pl.concat([links, placed.select(pl.col(name).cast(of) for name, of in links.schema.items())])
        ends = [links[side].to_numpy() for side in ("left", "right")]
        is_there = self.alone.copy()
        for end in ends:
            is_there[end] = True
        node_of = np.where(is_there, np.cumsum(is_there, dtype=np.int32) - np.int32(1), np.int32(-1))
        nodes = self.personas.filter(pl.Series(is_there)).to_frame()
        held = _constraints(self.stated, node_of, nodes, self.registry, said)
        left, right = (node_of[end] for end in ends)
        labels = components(nodes.height, left, right)
        labels, cuts = _repaired(labels, links.with_columns(left=pl.Series(left), right=pl.Series(right)), held)
        return Grouped(
            nodes.with_columns(component=pl.Series(labels, dtype=pl.Int32)),
            self.stated,
            node_of,
            cuts.select(*(pl.col(name).cast(pl.String) if name == "rule" else name for name in _CUTS)).sort(_CUTS),
        )

    def _places(self, personas: pl.Series) -> pl.Series:
        places = pl.Series(np.searchsorted(self.personas.to_numpy(), personas.to_numpy()), dtype=pl.Int32)
        is_there = places < self.personas.len()
        found = self.personas.gather(places.filter(is_there))
        if not is_there.all() or (found != personas).any():
            raise KeyError("a link names a persona that is in no group")
        return places


def name(grouped: Grouped, decided: pl.DataFrame, registry: IdentityRegistry, key: str) -> Resolution:
    """Give every group its customer id.

    decided: identifier_type, identifier, customer_id, seq; earlier decisions with the batch that made them. key: the
    installation's secret; new ids are hashes under it, so that an id does not give away a phone number.
    """
    named = name_customers(grouped.nodes, grouped.stated, decided, registry, key)
    return Resolution(named.customers, named.identifiers, grouped.cuts)


def _stated(told: pl.DataFrame, node_of: Integers) -> pl.DataFrame:
    """told with node in the place of place, without who is nobody (contested)."""
    nodes = pl.Series("node", node_of[told["place"].to_numpy()])
    stated = told.drop("place").with_columns(nodes)
    return stated if node_of.min(initial=0) >= 0 else stated.filter(pl.col("node") >= 0)


def _constraints(
    told: pl.DataFrame, node_of: Integers, nodes: pl.DataFrame, registry: IdentityRegistry, said: Said | None
) -> pl.DataFrame:
    """node, constraint, value: the values of unique identifiers, and the sides of decisions; what one group has one
    of."""
    unique = [kind.name for kind in registry.identifiers if kind.unique]
    of_unique = told.lazy().filter(pl.col("identifier_type").is_in(unique))
    bound = of_unique.select("identifier_type", "value_id", "place").collect()
    held = _stated(bound, node_of).select(
        "node", constraint=pl.lit(UNIQUE) + pl.col("identifier_type").cast(pl.String), value="value_id"
    )
    if said is None or said.apart.is_empty():
        return held
    places = nodes.with_columns(node=pl.int_range(pl.len(), dtype=pl.Int32))
    sides = said.apart.join(places, on="persona_id").select(
        "node",
        constraint=pl.lit(NOT_THE_SAME) + pl.col("decision_id"),
        value=pl.when(pl.col("side") == "left").then(0).otherwise(1).cast(pl.Int64),
    )
    return pl.concat([held, sides])


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
    said = pl.col("rule_seq") == 0
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
