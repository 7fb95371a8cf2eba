"""The full world as frames of the contracts: what the company's systems, each by itself, would have landed.

There was no foreign record, so ``_raw`` is null; ``_row`` numbers the rows of a frame.
"""

from datetime import date

import polars as pl

from models.contracts import ROW_COLUMN
from pipelines.sandbox import landing_platforms, lessons, merchants, misbilling, tariffs
from pipelines.sandbox.chance import Chance
from pipelines.sandbox.community import link_address, links_of, tags_of
from pipelines.sandbox.company import Company
from pipelines.sandbox.files import COMPANY
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.world import IDENTIFIERS

_MINOR = pl.when(pl.col("currency") == "JPY").then(1).otherwise(100)


def company(of: Company) -> dict[str, pl.DataFrame]:
    """What is the same for all customers, as it was when the window began: stores, staff, products, costs, tables."""
    opened = of.stores.filter(pl.col("opened_on") <= of.starts_on).with_columns(
        pl.lit(None, dtype=pl.Date).alias("closed_on")
    )
    first_types = of.store_types.filter(pl.col("valid_from").is_null()).select(
        "store_id", pl.col("store_type").alias("first_type")
    )
    stores = opened.join(first_types, on="store_id", maintain_order="left").with_columns(
        pl.col("first_type").alias("store_type")
    )
    earlier = of.staff_stores.unique("userid", keep="first", maintain_order=True).select(
        "userid", pl.col("store_id").alias("first_store")
    )
    staff = of.staff.join(earlier, on="userid", how="left", maintain_order="left").with_columns(
        pl.coalesce("first_store", "store_id").alias("store_id"),
        pl.lit(None, dtype=pl.Date).alias("left_on"),
        pl.lit(1, dtype=pl.Int64).alias("status"),
    )
    return {
        "stores": _stores(stores),
        "staff": _staff(staff),
        "products": _products(of),
        "costs": of.costs,
        "fx_rates": of.fx_rates,
        "tax_rates": of.tax_rates,
        "wecom_staff": _wecom_staff(of),
        "wecom_tags": _tags(of),
        "wecom_links": links_of(of).with_columns(
            pl.lit(sync_id(of)).alias("sync_id"), pl.lit(False).alias("skips_verify"), link_address("link_id")
        ),
    }


def changes(of: Company) -> dict[str, pl.DataFrame]:
    """What of the stores and the staff is different at the end of the window, in a later delivery; and the note that a
    whole pass over WeCom is through, which must come after everything that it saw."""
    passes = [
        {"corp_id": corp, "object": kind, "sync_id": sync_id(of)}
        for corp in of.corps["corp_id"]
        for kind in ("staff", "follows")
    ]
    return {"stores": _stores(of.stores), "staff": _staff(of.staff), "wecom_syncs": pl.DataFrame(passes)}


def sync_id(of: Company) -> str:
    """The one pass over WeCom in which all parts were seen."""
    return f"{of.ends_on:%Y%m%d}T000000"


def part(full: FullWorld) -> dict[str, pl.DataFrame]:
    """Everything that belongs to the customers of one part, by dataset."""
    world = full.world
    shops_of_apps = dict(full.company.apps.select("app_id", "store_id").iter_rows())
    return {
        "orders": _orders(full).filter(~pl.col("is_late")),
        "refunds": _refunds(full),
        "customers": world.members,
        "consents": world.consents,
        "members": full.memberships,
        "leads": full.leads.with_columns(
            pl.lit("CNY").alias("currency"),
            pl.col("object_id").alias("product_id"),
            pl.col("object_name").alias("interest"),
        ),
        "follow_ups": full.follow_ups.filter(pl.col("followed_at").is_not_null()),
        "tickets": full.tickets,
        "visits": full.visits.filter(pl.col("visited_at").is_not_null()),
        "enrolments": full.enrolments,
        "points": full.points,
        "cards": full.cards,
        "coupons": full.coupons.filter(pl.col("issued_at").is_not_null()),
        "shop_statements": full.shop_statements,
        "payments": misbilling.recorded(full),
        "app_events": full.app_events.with_columns(
            pl.col("app_id").replace_strict(shops_of_apps, return_dtype=pl.String).alias("store_id")
        ),
        **_wecom(full),
        **_chat_archive(full),
        **landing_platforms.platforms(full),
    }


def _wecom(full: FullWorld) -> dict[str, pl.DataFrame]:
    world, community = full.world, full.community
    typed = world.follows.filter(pl.col("remark_phone").is_not_null())
    named = world.staff.select(pl.col("userid").alias("member_id"), "name", pl.lit(None, pl.String).alias("unionid"))
    nicknames = pl.concat(
        [world.contacts.select(pl.col("external_userid").alias("member_id"), "name", "unionid"), named]
    )
    members = community.group_members.join(nicknames, on="member_id", how="left", maintain_order="left")
    links = community.link_customers.with_columns(pl.col("has_chatted").cast(pl.Int64).alias("chat_status"))
    seen = {
        "wecom_contacts": world.contacts,
        "wecom_follows": world.follows.with_columns(
            pl.when(pl.col("description") != "").then("description").alias("description")
        ),
        "wecom_follow_phones": typed.with_columns(
            pl.col("remark_phone").str.replace(" ", "", literal=True).alias("phone")
        ),
        "wecom_follow_tags": community.tag_marks,
        "wecom_groups": community.groups.with_columns(pl.lit(0, dtype=pl.Int64).alias("status")),
        "wecom_group_members": members.with_columns(
            pl.col("member_kind").alias("member_type"), pl.lit(False).alias("is_admin")
        ),
        "wecom_link_customers": links,
    }
    stamp = pl.lit(sync_id(full.company)).alias("sync_id")
    return {name: frame.with_columns(stamp) for name, frame in seen.items()} | {
        "wecom_payments": community.chat_payments.with_columns(
            pl.col("order_id").alias("out_trade_no"),
            pl.lit(1, dtype=pl.Int64).alias("trade_state"),
            pl.lit(0, dtype=pl.Int64).alias("payment_type"),
            pl.lit(merchants.account(merchants.WECHAT_PAY, "CNY", full.part)).alias("mch_id"),
            pl.lit(0, dtype=pl.Int64).alias("refunded_amount"),
        )
    }


def _chat_archive(full: FullWorld) -> dict[str, pl.DataFrame]:
    """Messages of the tickets, numbered on in every corp's archive; each part has numbers of its own."""
    corps = full.accounts.select("person_id", "corp_id")
    said = full.chats.join(corps, on="person_id", maintain_order="left")
    staff, external = pl.lit("staff"), pl.lit("external")
    sender, receiver = (
        pl.when("is_customer").then(one).otherwise(two) for one, two in ((external, staff), (staff, external))
    )
    messages = said.with_columns(
        (pl.int_range(1, pl.len() + 1).over("corp_id") + full.part * 10_000_000).alias("seq"),
        pl.lit("send").alias("action"),
        pl.lit("text").alias("kind"),
        sender.alias("from_kind"),
        pl.lit(True).alias("is_external"),
        pl.lit(1, dtype=pl.Int64).alias("receivers_count"),
    )
    receivers = said.with_columns(pl.col("to_id").alias("receiver_id"), receiver.alias("receiver_kind"))
    return {"chat_messages": messages, "chat_receivers": receivers}


def _tags(of: Company) -> pl.DataFrame:
    return tags_of(of).select(
        "corp_id",
        pl.lit(sync_id(of)).alias("sync_id"),
        "tag_id",
        pl.col("tag_name").alias("name"),
        pl.col("group_id").alias("tag_group_id"),
        pl.col("group_name").alias("tag_group_name"),
        (100 - pl.col("place")).alias("position"),
        pl.lit(of.starts_on).cast(pl.Datetime("us")).alias("created_at"),
    )


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """With the lake's row number."""
    return frame.with_columns(pl.int_range(1, pl.len() + 1).alias(ROW_COLUMN))


def late(full: FullWorld) -> dict[str, pl.DataFrame]:
    """Orders of tills that were off the line: they come in a delivery after all others."""
    return {"orders": _orders(full).filter("is_late")}


def _orders(full: FullWorld) -> pl.DataFrame:
    """Lines of all orders that come as files; ``is_late`` of those of a later delivery."""
    lines = full.world.order_lines
    off_line = Chance(full.company.seed + full.part, "late orders").happens(
        full.world.orders.height, full.traits.late_order
    )
    orders = full.world.orders.select(
        "order_id",
        "store_id",
        "ordered_at",
        "paid_at",
        *(f"buyer_{name}" for name in IDENTIFIERS),
        "currency",
        "status",
        "salesperson_id",
        "platform",
        ((pl.col("platform") == "pos") & pl.Series(off_line)).alias("is_late"),
    )
    # The lines stand in the order of their orders: counting takes the place of a join on two texts.
    count = lines.select((pl.col("line_no") == 1).cum_sum() - 1).to_series()
    wide = pl.concat([lines.drop("order_id", "store_id"), orders[count.to_numpy()]], how="horizontal")
    return wide.filter(~pl.col("platform").is_in(list(landing_platforms.PLATFORMS))).with_columns(
        pl.col("line_no").cast(pl.String),
        (pl.col("unit_price").cast(pl.Decimal(18, 6)) / _MINOR).cast(pl.Decimal(18, 6)),
    )


def _refunds(full: FullWorld) -> pl.DataFrame:
    shops = full.company.shops.filter(pl.col("platform").is_in(list(landing_platforms.PLATFORMS)))["store_id"]
    return full.world.refunds.filter(~pl.col("store_id").is_in(shops.implode())).with_columns(
        pl.col("line_no").cast(pl.String), pl.col("order_line_no").cast(pl.String)
    )


def _stores(stores: pl.DataFrame) -> pl.DataFrame:
    return stores.sort("store_id")


def _staff(staff: pl.DataFrame) -> pl.DataFrame:
    return staff.select(
        pl.col("userid").alias("staff_id"),
        "userid",
        "name",
        "phone",
        "store_id",
        "position",
        pl.when(pl.col("status") == 5).then(pl.lit("left")).otherwise(pl.lit("active")).alias("status"),
        "hired_on",
        "left_on",
    )


def _wecom_staff(of: Company) -> pl.DataFrame:
    return of.staff.select(
        "corp_id",
        pl.lit(sync_id(of)).alias("sync_id"),
        "userid",
        "name",
        "position",
        pl.col("department_id").cast(pl.String).alias("main_department"),
        pl.col("store_id").fill_null(COMPANY).alias("department_name"),
        "status",
    )


def _products(of: Company) -> pl.DataFrame:
    goods = of.products.select(
        "product_id",
        pl.col("product_name").alias("name"),
        "category",
        pl.lit("四季茶铺").alias("brand"),
        pl.lit("件").alias("unit"),
        tariffs.tax_category().alias("tax_category"),
        pl.col("price_cny").alias("price"),
        pl.when(pl.col("category") == "茶具").then(None).otherwise(60).cast(pl.Int64).alias("cycle_days"),
        pl.when(pl.col("category") == "茶具").then(365).otherwise(0).cast(pl.Int64).alias("warranty_days"),
    )
    offers = pl.DataFrame(
        [
            {"product_id": code, "name": name, "category": "服务" if kind == "course" else "定制与器具", "price": price}
            for kind, code, name, price, *_ in lessons.OFFERS
        ]
        + [
            {"product_id": code, "name": name, "category": "服务", "price": price}
            for code, name, price, _ in lessons.ITEMS
        ]
    ).with_columns(pl.lit("services").alias("tax_category"))
    return pl.concat([goods, offers], how="diagonal").with_columns(
        pl.lit("CNY").alias("currency"),
        pl.lit("on_sale").alias("status"),
        (pl.col("price").cast(pl.Decimal(18, 6)) / 100).cast(pl.Decimal(18, 6)).alias("list_price"),
        pl.lit(date(of.starts_on.year - 1, 1, 1)).alias("listed_on"),
    )
