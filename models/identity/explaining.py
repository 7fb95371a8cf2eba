"""Why are two one customer, or not: the way of links between them, or what keeps them apart. Pure, on frames.

A page and the command ask the snapshot (``models.serving.queries.identity``) and give the answers to these functions;
values come masked when the viewer may not see them.
"""

import heapq
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

BASE_RATE = "base_rate"  # among the evidence of a likely link: how rarely two at random are one
LIKELY, PEOPLE = "likely", "people"  # links that no rule of the registry made
_WEAKEST = 1000  # a link without a place among the rules


@dataclass(frozen=True)
class Evidence:
    """What one comparison of the probabilistic pass says: ``weight`` is log2 of the odds it gives."""

    attribute: str
    label: str
    weight: float


@dataclass(frozen=True)
class Side:
    """A persona in a few words: the dataset that stated it first, its name and its strongest value, as shown."""

    persona_id: int
    source: str | None
    name: str | None
    identifier_type: str | None
    identifier: str | None


@dataclass(frozen=True)
class Step:
    """One link of the way. ``types``: what both sides state alike; ``shared``: (type, value) of them, as shown.

    ``weight`` and ``evidence`` belong to likely links; ``also``: further rules that link the same two, and their types.
    """

    left: Side
    right: Side
    rule: str
    types: tuple[str, ...]
    shared: tuple[tuple[str, str], ...]
    also: tuple[tuple[str, tuple[str, ...]], ...]
    weight: float | None
    evidence: tuple[Evidence, ...]
    seen_at: datetime | None


@dataclass(frozen=True)
class Obstacle:
    """What keeps two apart: the rule that would have linked, why it did not, and what both state of the reason's type.

    ``refusal`` is the reason as the linking models write it, ``kind`` its first part (guard, unique, torn,
    not_the_same), ``type`` its second: a type, ``apart``, or the number of a decision.
    """

    rule: str
    kind: str
    type: str | None
    refusal: str
    links_count: int
    here: tuple[str, ...]
    there: tuple[str, ...]
    seen_at: datetime | None


def way(links: pl.DataFrame, start: Collection[int], end: Collection[int]) -> list[dict[str, Any]] | None:
    """The shortest way from a persona of ``start`` to one of ``end``, over the strongest rules; None: there is none.

    links: left_persona, right_persona, rule, rule_seq, types, and further columns, which the rows given back keep. An
    empty list: one persona is both. Of two links between the same personas the stronger is taken, the others' rules,
    with their types, are in ``also``; the ends are put in the order of the way.
    """
    neighbours = _neighbours(links)
    goal = set(end)
    waiting: list[tuple[int, int, int]] = [(0, 0, persona) for persona in sorted(set(start))]
    came_from: dict[int, tuple[int, dict[str, Any]] | None] = dict.fromkeys((persona for *_, persona in waiting))
    best: dict[int, tuple[int, int]] = dict.fromkeys(came_from, (0, 0))
    while waiting:
        hops, weakness, persona = heapq.heappop(waiting)
        if persona in goal:
            return _walked(came_from, persona)
        if (hops, weakness) > best[persona]:
            continue
        for other, link in neighbours[persona].items():
            cost = (hops + 1, weakness + _strength(link))
            if other not in best or cost < best[other]:
                best[other] = cost
                came_from[other] = (persona, link)
                heapq.heappush(waiting, (*cost, other))
    return None


def _neighbours(links: pl.DataFrame) -> dict[int, dict[int, dict[str, Any]]]:
    found: dict[int, dict[int, dict[str, Any]]] = defaultdict(dict)
    for link in links.iter_rows(named=True):
        left, right = link["left_persona"], link["right_persona"]
        known = found[left].get(right)
        if known is None:
            taken = {**link, "also": []}
        elif _strength(link) < _strength(known):
            taken = {**link, "also": [_said(known), *known["also"]]}
        else:
            taken = {**known, "also": [*known["also"], _said(link)]}
        found[left][right] = found[right][left] = taken
    return found


def _said(link: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    return link["rule"], tuple((link["types"] or "").split())


def _strength(link: Mapping[str, Any]) -> int:
    """A place among the rules, the smallest is the strongest; what people decided is stronger than any rule."""
    if link["rule"] == PEOPLE:
        return 0
    return _WEAKEST if link["rule_seq"] is None else int(link["rule_seq"])


def _walked(came_from: Mapping[int, tuple[int, dict[str, Any]] | None], last: int) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    here = last
    while (before := came_from[here]) is not None:
        persona, link = before
        steps.append({**link, "left_persona": persona, "right_persona": here})
        here = persona
    return steps[::-1]


def explain_way(
    values: pl.DataFrame, links: pl.DataFrame, start: Collection[int], end: Collection[int]
) -> list[Step] | None:
    """The way between personas of one customer, step by step; None: no links lead from one to the other.

    values: persona_id, identifier_type, identifier, source (a row for each value that a persona states). links:
    left_persona, right_persona, rule, rule_seq, types (between spaces), weight_ppm, evidence (JSON), seen_at.
    """
    found = way(links, start, end)
    if found is None:
        return None
    stated = Stated(values)
    return [stated.step(link) for link in found]


class Stated:
    """What personas state, by persona; made of ``values`` as ``explain_way`` reads them."""

    def __init__(self, values: pl.DataFrame) -> None:
        self._values: dict[int, dict[str, str]] = defaultdict(dict)
        self._sources: dict[int, str] = {}
        for persona, kind, value, source in values.select(
            "persona_id", "identifier_type", "identifier", "source"
        ).iter_rows():
            self._values[persona][kind] = value
            self._sources[persona] = source

    def side(self, persona: int) -> Side:
        stated = self._values[persona]
        strongest = next((kind for kind in _STRONGEST if kind in stated), None)
        return Side(
            persona_id=persona,
            source=self._sources.get(persona),
            name=stated.get("name"),
            identifier_type=strongest,
            identifier=None if strongest is None else stated[strongest],
        )

    def step(self, link: Mapping[str, Any]) -> Step:
        """A link, as a row of ``links`` (with ``also`` when ``way`` found it), in words and values."""
        rule, types = _said(link)
        left, right = self._values[link["left_persona"]], self._values[link["right_persona"]]
        weight = link["weight_ppm"]
        return Step(
            left=self.side(link["left_persona"]),
            right=self.side(link["right_persona"]),
            rule=rule,
            types=types,
            shared=tuple((shown, left[shown]) for shown in shown_as(types) if shown in left and shown in right),
            also=tuple(link.get("also", ())),
            weight=None if weight is None else weight / 1_000_000,
            evidence=evidence_of(link["evidence"]),
            seen_at=link["seen_at"],
        )


#: How a name sounds says nothing to a reader: the name as it was written stands for it.
_WRITTEN = {"name_sound": "name", "surname_reading": "name"}


def shown_as(types: Iterable[str]) -> list[str]:
    """Types under which values are shown, each once."""
    return list(dict.fromkeys(_WRITTEN.get(kind, kind) for kind in types))


#: By which value a persona is called in a few words, when it states several.
_STRONGEST = (
    *("member_no", "phone", "unionid", "external_userid", "openid", "taobao_open_uid", "yz_open_id", "record"),
    *("visitor_id", "phone_mask"),
)


@dataclass(frozen=True)
class Node:
    """Personas that state the same values under one dataset: one of them, how many they are, and their records."""

    side: Side
    personas_count: int
    records_count: int


@dataclass(frozen=True)
class Graph:
    """A customer small enough to draw: ``edges`` are (node, node, rule, types) of the strongest links that suffice."""

    nodes: dict[int, Node]
    edges: tuple[tuple[int, int, str, tuple[str, ...]], ...]


def graph(values: pl.DataFrame, links: pl.DataFrame) -> Graph:
    """One customer's personas, those that say the same drawn as one, and a tree of the strongest links between them.

    values: persona_id, identifier_type, identifier, source, value_no, records_count; links as for ``explain_way``.
    """
    said = (
        values.sort("identifier_type", "value_no")
        .group_by("persona_id", maintain_order=True)
        .agg(pl.col("source", "records_count").first(), said=pl.col("value_no").cast(pl.String).str.join(" "))
        .sort("persona_id")
    )
    pools = said.with_columns(node=pl.col("persona_id").first().over("source", "said"))
    stated = Stated(values)
    nodes = {
        node: Node(stated.side(node), personas, records)
        for node, personas, records in pools.group_by("node", maintain_order=True)
        .agg(personas=pl.len(), records=pl.col("records_count").sum())
        .iter_rows()
    }
    return Graph(nodes, tuple(_tree(links, dict(pools.select("persona_id", "node").iter_rows()))))


def _tree(links: pl.DataFrame, node_of: Mapping[int, int]) -> Iterator[tuple[int, int, str, tuple[str, ...]]]:
    """The strongest links that hold the nodes together, by Kruskal's way."""
    root = {node: node for node in node_of.values()}

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for link in sorted(links.iter_rows(named=True), key=_strength):
        left, right = node_of.get(link["left_persona"]), node_of.get(link["right_persona"])
        if left is not None and right is not None and find(left) != find(right):
            root[find(left)] = find(right)
            yield left, right, *_said(link)


def evidence_of(text: str | None) -> tuple[Evidence, ...]:
    """The comparisons of a likely link: where two at random begin, then what says the most, for or against."""
    if text is None:
        return ()
    found = [Evidence(one["attribute"], one["label"], float(one["weight"])) for one in json.loads(text)]
    return tuple(sorted(found, key=lambda one: (one.attribute != BASE_RATE, -abs(one.weight), one.attribute)))


def obstacles(refusals: pl.DataFrame, values: pl.DataFrame) -> list[Obstacle]:
    """What keeps a customer from others, a row of ``refusals`` each, with what both sides state of it.

    refusals: customer_id, other_customer_id, this_persona, that_persona, rule, refusal, links_count, seen_at. values:
    of both customers: customer_id, persona_id, identifier_type, identifier. A guard compares what is known of a person,
    so where the persona itself states nothing, what its customer's others state stands in.
    """
    return [_obstacle(row, values) for row in refusals.iter_rows(named=True)]


def _obstacle(row: Mapping[str, Any], values: pl.DataFrame) -> Obstacle:
    kind, _, subject = row["refusal"].partition(":")
    shown = _WRITTEN.get(subject, subject)
    return Obstacle(
        rule=row["rule"],
        kind=kind,
        type=shown or None,
        refusal=row["refusal"],
        links_count=row["links_count"],
        here=_stated_of(values, row["this_persona"], row["customer_id"], shown),
        there=_stated_of(values, row["that_persona"], row["other_customer_id"], shown),
        seen_at=row["seen_at"],
    )


def _stated_of(values: pl.DataFrame, persona: int, customer_id: str | None, kind: str) -> tuple[str, ...]:
    of_type = values.filter(pl.col("identifier_type") == kind)
    own = of_type.filter(pl.col("persona_id") == persona)
    if own.is_empty() and customer_id is not None:
        own = of_type.filter(pl.col("customer_id") == customer_id)
    return tuple(_distinct(own["identifier"]))


def _distinct(values: pl.Series) -> Iterator[str]:
    yield from values.drop_nulls().unique(maintain_order=True)
