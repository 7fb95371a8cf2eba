"""Whose the records of a made-up company really are, and how good its customers are beside that."""

from dataclasses import dataclass

import duckdb
import polars as pl

from models.identity.measuring import Quality, measure
from pipelines.demo import ENDS_ON, SEED
from pipelines.sandbox.full import FullWorld
from tests.conftest import Company


@dataclass(frozen=True)
class Judged:
    """personas: persona_id, customer (its own name when it is nobody's), person_id (of most of its records), channel
    (dataset, or the platform that names the buyer). likely: left_persona, right_persona, decision, is_right (the two
    are of one person). quality: over the records, each of which counts once, as ten orders are ten facts; of_personas:
    over the personas, of which a buyer has one for each receiver."""

    personas: pl.DataFrame
    likely: pl.DataFrame
    quality: Quality
    of_personas: Quality

    def of_channel(self) -> pl.DataFrame:
        """channel, personas, found (share that is with most of its person), wrong (share that is with another one)."""
        main = _most(self.personas, "person_id", "customer").rename({"customer": "home"})
        owner = _most(self.personas, "customer", "person_id").rename({"person_id": "owner"})
        return (
            self.personas.join(main, on="person_id")
            .join(owner, on="customer")
            .group_by("channel")
            .agg(
                personas=pl.len(),
                found=(pl.col("customer") == pl.col("home")).mean(),
                wrong=(pl.col("person_id") != pl.col("owner")).mean(),
            )
            .sort("personas", descending=True)
        )


def judged(company: Company, customers: int) -> Judged:
    """The customers of a company that ``scrm sandbox fill`` filled and ``scrm run`` resolved, beside the truth."""
    full = FullWorld.generate(customers, SEED, ENDS_ON)
    promoted = company.settings.promoted_dir
    with duckdb.connect(str(promoted / "warehouse.duckdb"), read_only=True) as warehouse:
        records = warehouse.sql("select * from identity_records").pl()
    said = pl.read_parquet(promoted / "inputs" / "persona_customers" / "rows.parquet")
    likely = pl.read_parquet(promoted / "inputs" / "identity_likely" / "rows.parquet")
    truth = pl.concat([_of_records(full), _of_visitors(full, records)])
    stated = [
        name for name in records.columns if name not in ("persona_id", "record_id", "source", "store_id", "observed_at")
    ]
    known = records.filter(pl.any_horizontal(pl.col(stated).is_not_null())).join(truth, on="record_id")
    channel = known.group_by("persona_id").agg(channel=pl.coalesce("buyer_platform", "source").sort().first())
    personas = (
        _most(known, "persona_id", "person_id")
        .join(channel, on="persona_id")
        .join(said.rename({"customer_id": "customer"}), on="persona_id", how="left")
        .with_columns(pl.col("customer").fill_null(pl.col("persona_id").cast(pl.String)))
    )
    whose = personas.select("persona_id", "person_id")
    sides = likely.join(whose, left_on="left_persona", right_on="persona_id").join(
        whose, left_on="right_persona", right_on="persona_id", suffix="_right"
    )
    sides = sides.with_columns(is_right=pl.col("person_id") == pl.col("person_id_right"))
    each = known.select("persona_id", "person_id", node=pl.format("{} {}", "record_id", "persona_id")).unique()
    of_records = _quality(each.join(personas.select("persona_id", "customer"), on="persona_id"))
    return Judged(personas, sides, of_records, _quality(personas.with_columns(node="persona_id")))


def _quality(known: pl.DataFrame) -> Quality:
    return measure(known.select("node", cluster="customer"), known.select("node", truth="person_id"))


def _of_records(full: FullWorld) -> pl.DataFrame:
    """record_id, person_id of every record whose number the world knows."""
    world = full.world
    frames: dict[str, tuple[pl.DataFrame, str]] = {
        "orders": (world.orders, "order_id"),
        "refunds": (world.refunds, "refund_id"),
        "visits": (full.visits, "visit_id"),
        "customers": (world.members, "record_id"),
        "members": (full.memberships, "member_no"),
        "leads": (full.leads, "lead_id"),
        "follow_ups": (full.follow_ups, "follow_up_id"),
        "tickets": (full.tickets, "ticket_id"),
        "enrolments": (full.enrolments, "enrolment_id"),
        "points": (full.points, "entry_id"),
        "cards": (full.cards, "entry_id"),
        "coupons": (full.coupons, "coupon_code"),
        "wecom_contacts": (world.contacts, "external_userid"),
    }
    follows = world.follows.select(
        record_id=pl.format("wecom_follows:{}:{}", "userid", "external_userid"), person_id="person_id"
    )
    of_stores = {"orders", "refunds", "visits"}
    named = [
        frame.select(
            record_id=pl.format(f"{source}:{{}}:{{}}", "store_id", key)
            if source in of_stores
            else pl.format(f"{source}:{{}}", key),
            person_id="person_id",
        )
        for source, (frame, key) in frames.items()
    ]
    return pl.concat([*named, follows]).drop_nulls().unique()


def _of_visitors(full: FullWorld, records: pl.DataFrame) -> pl.DataFrame:
    """The same of users of applications: by what they are called there, or by a device that one person has."""
    own = full.identities.filter(pl.col("relation") == "own").unique(["identifier_type", "scope", "identifier"])
    openids = own.filter(pl.col("identifier_type") == "openid").select(
        openid=pl.format("{}:{}", "scope", "identifier"), by_openid="person_id"
    )
    unionids = own.filter(pl.col("identifier_type") == "unionid").select(unionid="identifier", by_unionid="person_id")
    devices = (
        full.visitors.group_by("visitor_id")
        .agg(people=pl.col("person_id").n_unique(), by_device=pl.col("person_id").first())
        .filter(pl.col("people") == 1)
        .drop("people")
    )
    users = records.filter(pl.col("source") == "app_users")
    found = users.join(openids, on="openid", how="left").join(unionids, on="unionid", how="left")
    return (
        found.join(devices, on="visitor_id", how="left")
        .select("record_id", person_id=pl.coalesce("by_openid", "by_unionid", "by_device"))
        .drop_nulls()
    )


def _most(rows: pl.DataFrame, of: str, name: str) -> pl.DataFrame:
    """of, name: the most frequent ``name`` of each, the smallest of equals."""
    counted = rows.group_by(of, name).len().sort("len", name, descending=[True, False])
    return counted.unique(of, keep="first", maintain_order=True).drop("len")
