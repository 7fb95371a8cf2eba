"""What platforms and couriers know of an order: the platform's name for the buyer, the receiver, masks, and when what
happened to the parcel."""

import numpy as np
import polars as pl

from pipelines.sandbox.browsing import BEIJING_SECONDS
from pipelines.sandbox.chance import Chance, Ints
from pipelines.sandbox.channels import ACCOUNTS, masked_name, masked_phone
from pipelines.sandbox.company import Company
from pipelines.sandbox.households import Settled
from pipelines.sandbox.shopping import MASKING, Shopping
from pipelines.sandbox.switches import Traits

#: The column of ``accounts`` that names the buyer, by the account of the shop.
BUYER_OF = {scope: name for name, (_, scope) in ACCOUNTS.items() if scope is not None}


def deliver(
    company: Company, settled: Settled, accounts: pl.DataFrame, shopped: Shopping, traits: Traits, seed: int
) -> pl.DataFrame:
    """One row per order sent to an address: order_id, store_id, platform, account_id, person_id (buyer), buyer_id (the
    platform's name for the buyer in this account), receiver_person_id (another one for a gift), receiver_name,
    receiver_phone, province, city, district, detail, the name, phone and address as a platform that masks shows them
    (masked_*; null elsewhere), shipped_at, received_at, modified_at (naive UTC; the last change of the order)."""
    chance = Chance(seed, "deliveries")
    sent = shopped.orders.filter(pl.col("platform") != "pos")
    person, day = sent["person"].to_numpy(), sent["day"].to_numpy()
    gift = chance.happens(len(person), traits.gift)
    receiver = np.where(gift, chance.below(len(person), settled.people.height), person)
    # A receiver without a phone of his own is reached under the buyer's.
    phone = pl.select(pl.coalesce(settled.phone_at(receiver, day), settled.phone_at(person, day))).to_series()
    hides = pl.col("platform").is_in(list(MASKING))
    names = pl.concat(
        [
            sent.select(
                "order_id", "store_id", "platform", "account_id", "person_id", "status", "ordered_at", "paid_at"
            ),
            settled.addresses.select("province", "city", "district", "detail")[receiver],
            accounts.select(BUYER_OF.values())[person],
        ],
        how="horizontal",
    ).with_columns(
        pl.coalesce(pl.when(pl.col("account_id") == scope).then(name) for scope, name in BUYER_OF.items()).alias(
            "buyer_id"
        ),
        settled.people["person_id"].gather(receiver).alias("receiver_person_id"),
        phone.alias("receiver_phone"),
        _receiver_names(settled, receiver, traits, chance).alias("receiver_name"),
    )
    return (
        _parcels(company, names, chance)
        .drop(*BUYER_OF.values(), "status", "ordered_at", "paid_at")
        .with_columns(
            pl.when(hides).then(masked_name("receiver_name")).alias("masked_name"),
            pl.when(hides).then(masked_phone("receiver_phone")).alias("masked_phone"),
            pl.when(hides).then(pl.col("detail").str.replace_all(r"\d+", "*")).alias("masked_detail"),
        )
    )


def _receiver_names(settled: Settled, receiver: Ints, traits: Traits, chance: Chance) -> pl.Series:
    """Full names, and for some a surname with a title or a nickname."""
    whole = settled.people["name"].gather(receiver)
    short = pl.Series(chance.happens(len(receiver), traits.nickname))
    female = settled.people["gender"].gather(receiver) == "female"
    style = pl.Series(chance.pick(len(receiver), (5, 3, 2)))
    titled = pl.when(female).then(pl.lit("女士")).otherwise(pl.lit("先生"))
    return pl.select(
        pl.when(~short)
        .then(whole)
        .when(style == 0)
        .then(whole.str.slice(0, 1) + titled)
        .when(style == 1)
        .then(pl.lit("小") + whole.str.slice(-1))
        .otherwise(pl.lit("阿") + whole.str.slice(-1))
    ).to_series()


def _parcels(company: Company, sent: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """When the parcel left and came, within three days of payment; what lies after the window has not happened."""
    leaves = pl.lit(pl.Series(7_200 + chance.below(sent.height, 30 * 3_600)))
    travels = pl.lit(pl.Series(36_000 + chance.below(sent.height, 28 * 3_600)))
    end = pl.lit(company.ends_on).cast(pl.Datetime("us")) + pl.duration(seconds=86_400 - BEIJING_SECONDS)
    shipped = pl.col("paid_at") + pl.duration(seconds=leaves)
    received = shipped + pl.duration(seconds=travels)
    finished = pl.col("status") == "finished"
    closed = pl.col("ordered_at") + pl.duration(minutes=30)
    return sent.with_columns(
        pl.when(shipped < end).then(shipped).alias("shipped_at"),
        pl.when(finished & (received < end)).then(received).alias("received_at"),
    ).with_columns(
        pl.coalesce(
            "received_at", "shipped_at", "paid_at", pl.when(pl.col("status") == "cancelled").then(closed), "ordered_at"
        ).alias("modified_at")
    )
