"""The demo company: a seeded population with its truth, from which every face and file of the sandbox is served.

``World.generate`` is the interface: more subjects add frames and streams of chance, and leave these as they are.
Times are naive UTC, amounts minor units, ids text.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pipelines.sandbox import buying, catalogue, places, relations
from pipelines.sandbox import people as population
from pipelines.sandbox.chance import Chance

DEMO_CUSTOMERS, SAMPLE_CUSTOMERS = 20_000, 300
DEMO_SEED = 20_260_630
DEMO_ENDS_ON = date(2026, 6, 30)
IDENTIFIERS = ("phone", "unionid", "member_no", "external_userid")


@dataclass(frozen=True)
class World:
    """Frames, one grain each. ``truth``, ``latent`` and every ``person_id`` are hidden from the systems.

    stores (store_id), products (product_id), staff (userid), people (person_id), latent (person_id: gap_days, starts,
    leaves in days from ``starts_on``), members (record_id), contacts (external_userid), follows (userid,
    external_userid), orders (store_id, order_id), order_lines (store_id, order_id, line_no), refunds (refund_id,
    line_no), consents (identifier, purpose, channel, decided_at), truth (identifier_type, identifier → person_id).
    """

    seed: int
    starts_on: date
    ends_on: date
    stores: pl.DataFrame
    products: pl.DataFrame
    staff: pl.DataFrame
    people: pl.DataFrame
    latent: pl.DataFrame
    members: pl.DataFrame
    contacts: pl.DataFrame
    follows: pl.DataFrame
    orders: pl.DataFrame
    order_lines: pl.DataFrame
    refunds: pl.DataFrame
    consents: pl.DataFrame
    truth: pl.DataFrame

    @classmethod
    def generate(cls, customers: int, seed: int, ends_on: date, days: int = 365) -> "World":
        """The same arguments give the same world, on any machine.

        The window has ``days`` days and ends with ``ends_on``; facts that the company learned before it (records,
        follow-ups, consents) may be older. Raises ValueError for fewer than one customer or a window under 60 days.
        """
        if customers < 1 or days < 60:
            raise ValueError(f"a world needs customers and at least 60 days, got {customers} and {days}")
        first = ends_on - timedelta(days=days - 1)
        stores, products = places.stores(), catalogue.products()
        staff = population.staff(customers, seed, stores)
        people = population.people(customers, seed, ends_on, stores)
        hidden = buying.latent(people, seed, days)
        placed = relations.buyers(buying.orders(people, hidden, stores, seed, first, days), people, seed)
        lines = buying.order_lines(placed, products, seed)
        refunds = buying.refunds(placed, lines, seed, ends_on)
        ended = pl.lit(ends_on + timedelta(days=1)).cast(pl.Datetime("us"))
        members = relations.members(people, hidden, seed, first).filter(pl.col("local_registered_at") < ended)
        follows = relations.follows(people, hidden, staff, seed, first, days)
        consents = relations.consents(people, hidden, seed, first, days).filter(pl.col("local_decided_at") < ended)
        return cls(
            seed=seed,
            starts_on=first,
            ends_on=ends_on,
            stores=stores,
            products=products,
            staff=staff,
            people=people,
            latent=hidden,
            members=_utc(members, "local_registered_at", "registered_at"),
            contacts=relations.contacts(people, seed),
            follows=_utc(follows, "local_followed_at", "followed_at"),
            orders=_orders(placed, staff, seed),
            order_lines=lines,
            refunds=_utc(refunds, "local_at", "refunded_at"),
            consents=_utc(consents, "local_decided_at", "decided_at"),
            truth=truth(people),
        )


def demo() -> World:
    """The demo company: 20,000 customers, the year that ends on 2026-06-30 (business date 2026-07-01)."""
    return World.generate(DEMO_CUSTOMERS, DEMO_SEED, DEMO_ENDS_ON)


def sample() -> World:
    """300 customers of the same kind; ``data/sample`` is its output."""
    return World.generate(SAMPLE_CUSTOMERS, DEMO_SEED, DEMO_ENDS_ON)


def _orders(placed: pl.DataFrame, staff: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Adds the salesperson and the time of payment."""
    chance = Chance(seed, "sales")
    size = placed.height
    active = staff.filter(pl.col("may_follow") & pl.col("store_id").is_not_null())
    sellers = active.group_by("store_id", maintain_order=True).agg(pl.col("userid").alias("sellers"))
    served = (placed["store_type"] != "online").to_numpy() & chance.happens(size, 0.85)
    known = placed.with_columns(
        pl.Series("seat", chance.below(size, 1 << 20)),
        pl.Series("served", served),
        pl.Series("wait", 20 + chance.below(size, 400)).cast(pl.Int64),
    )
    with_staff = known.join(sellers, on="store_id", how="left", maintain_order="left").with_columns(
        pl.when("served")
        .then(pl.col("sellers").list.get(pl.col("seat") % pl.col("sellers").list.len()))
        .alias("salesperson_id"),
        pl.when(~pl.col("status").is_in(["unpaid", "cancelled"]))
        .then(pl.col("local_at") + pl.duration(seconds="wait"))
        .alias("local_paid_at"),
    )
    utc = _utc(_utc(with_staff, "local_at", "ordered_at"), "local_paid_at", "paid_at")
    return utc.select(
        "order_id",
        "store_id",
        "person_id",
        "ordered_at",
        "paid_at",
        *(f"buyer_{name}" for name in IDENTIFIERS),
        "currency",
        "status",
        "salesperson_id",
    )


def _utc(frame: pl.DataFrame, local: str, name: str) -> pl.DataFrame:
    """Civil time to naive UTC. Mainland, Hong Kong and Macau are all at +08:00 and have no summer time."""
    utc = pl.col(local).dt.replace_time_zone("Asia/Shanghai").dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return frame.with_columns(utc.alias(name)).drop(local)


def truth(people: pl.DataFrame) -> pl.DataFrame:
    """One row per identifier: person_id, identifier_type, identifier."""
    return (
        people.unpivot(on=IDENTIFIERS, index="person_id", variable_name="identifier_type", value_name="identifier")
        .drop_nulls("identifier")
        .sort("person_id", "identifier_type")
    )
