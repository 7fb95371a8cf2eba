"""Why any two are one customer or not, from the published snapshot: what a page and the command both ask."""

from dataclasses import dataclass

import polars as pl

from models.identity.explaining import Obstacle, Step, explain_way, obstacles
from models.serving import Read
from models.serving.finding import look_up


@dataclass(frozen=True)
class Found:
    """Whom a text names: one customer (None: nobody's record) and the personas meant, empty when it is all of them."""

    customer_id: str | None
    personas: frozenset[int]


@dataclass(frozen=True)
class Explanation:
    """``verdict``: ``one`` (``steps`` lead from one to the other; none when both are one persona), ``apart``
    (``obstacles``, ``reviews``), ``unlinked`` (one customer, but no link leads from one to the other), ``nobody`` (one
    of them is nobody's record; ``reviews`` say whose it could be).

    left, right: customer ids. values: what both customers' personas state. reviews: open questions between the two.
    """

    verdict: str
    left: str | None
    right: str | None
    steps: tuple[Step, ...]
    obstacles: tuple[Obstacle, ...]
    reviews: pl.DataFrame
    values: pl.DataFrame


def find(read: Read, text: str) -> list[Found]:
    """Whom a text names, see ``finding.look_up``; empty: nobody. A family's phone names several."""
    rows = look_up(read, text).whom
    return [
        Found(customer_id, frozenset(part["persona_id"].drop_nulls()))
        for (customer_id,), part in rows.group_by("customer_id", maintain_order=True)
    ]


def pair(left: list[Found], right: list[Found]) -> tuple[Found, Found]:
    """The two that are meant, of all that two texts name: of one customer when there is one, else the first of each."""
    for one in left:
        for other in right:
            if one.customer_id is not None and one.customer_id == other.customer_id:
                return one, other
    return left[0], right[0]


def explain(read: Read, left: Found, right: Found) -> Explanation:
    """Why the two are one customer, or what keeps them apart."""
    one, other = left.customer_id, right.customer_id
    if one is None or other is None:
        return _of_nobody(read, left, right)
    values = read("identity_values", customer_id=one, other_customer_id=other)
    if one != other:
        refusals = read("identity_refusals_between", customer_id=one, other_customer_id=other)
        return Explanation(
            verdict="apart",
            left=one,
            right=other,
            steps=(),
            obstacles=tuple(obstacles(refusals, values)),
            reviews=read("identity_reviews_of", customer_id=one, other_customer_id=other),
            values=values,
        )
    links = read("identity_links", customer_id=one)
    every = frozenset(values["persona_id"])
    steps = explain_way(values, links, left.personas or every, right.personas or every)
    return Explanation(
        verdict="unlinked" if steps is None else "one",
        left=one,
        right=other,
        steps=tuple(steps or ()),
        obstacles=(),
        reviews=read("identity_reviews_of", customer_id=one).head(0),
        values=values,
    )


def _of_nobody(read: Read, left: Found, right: Found) -> Explanation:
    """A record that is nobody's: its open questions, those with the other side's customer when that is somebody."""
    somebody = left.customer_id or right.customer_id
    nobody = left if left.customer_id is None else right
    reviews = read("identity_reviews_of_record", persona_id=min(nobody.personas, default=0))
    if somebody is not None:
        reviews = reviews.filter(pl.col("customer_id") == somebody)
    return Explanation(
        verdict="nobody",
        left=left.customer_id,
        right=right.customer_id,
        steps=(),
        obstacles=(),
        reviews=reviews,
        values=read("identity_values", customer_id=somebody or ""),
    )
