"""Why any two are one customer or not, from the published snapshot: what a page and the command both ask."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from models.identifiers import phone_e164
from models.identity.explaining import Obstacle, Step, explain_way, obstacles

Read = Callable[..., pl.DataFrame]  # ``read(query_id, **parameters)``: one snapshot, one viewer

_ORDERS = "orders:"  # what stands before the key of an order in the name of its record
_TYPED = re.compile(r"([a-z][a-z_]*):(.+)", re.DOTALL)


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
    """Whom a customer id, ``TYPE:VALUE``, a value, an order number or an order key names; empty: nobody.

    A family's phone names several. A phone may be written without its country code; ``order:`` and ``record:orders:``
    may stand before an order.
    """
    text = text.strip()
    typed = _TYPED.fullmatch(text)
    if typed is not None and (found := _grouped(named(read, typed[2].strip(), typed[1]))):
        return found
    return _grouped(named(read, text, None))


def named(read: Read, text: str, kind: str | None) -> pl.DataFrame:
    """Who is named by a value of a type, or of any: customer_id, persona_id, identifier_type (``customer``, ``order``,
    or a type of the registry). A customer's id names all its personas: then persona_id is null."""
    if kind is None and read("identity_find_customer", customer_id=text).height:
        return _whole(text)
    if kind in (None, "order", "orders") or (kind == "record" and text.startswith(_ORDERS)):
        orders = read("identity_find_order", text=text.removeprefix(_ORDERS))
        if orders.height or kind is not None:
            return orders.with_columns(identifier_type=pl.lit("order"))
    phone = phone_e164(text) if kind == "phone" or (kind is None and ":" not in text) else None
    if phone is not None:
        phones = read("identity_find", text=phone, identifier_type="phone")
        if phones.height:
            return phones
    found = read("identity_find", text=text, identifier_type=kind)
    now = active(read, text) if found.is_empty() and kind is None else None
    return found if now is None else _whole(now)


def _whole(customer_id: str) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "persona_id": pl.Int64, "identifier_type": pl.String}
    return pl.DataFrame([(customer_id, None, "customer")], schema=schema, orient="row")


def active(read: Read, customer_id: str) -> str | None:
    """The customer that an id stands for now: itself, or what it was merged into, however often; None: no customer."""
    seen: set[str] = set()
    while customer_id not in seen:
        seen.add(customer_id)
        if read("identity_find_customer", customer_id=customer_id).height:
            return customer_id
        merged = read("identity_events", customer_id=customer_id).filter(
            pl.col("kind").eq("merge") & pl.col("previous_id").eq(customer_id)
        )
        if merged.height:
            customer_id = merged["customer_id"][0]  # the newest stands first
    return None


def _grouped(rows: pl.DataFrame) -> list[Found]:
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
