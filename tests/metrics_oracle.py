"""Every kept figure a second time, in polars, from the lake's landed rows: the oracle of the tests of metrics.

It shares no code with the SQL. Three things are taken as given, because other tests hold them: who is who (which record
is whose), the timeline (``interactions``) and the entries of the settlement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import duckdb
import polars as pl

from models.contracts import contract
from models.settings import Settings
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.warehouse import ENGINE_CONFIG, attach

KEY = ["metric", "period_kind", "period_start", "dimension_kind", "dimension_id", "currency"]
PLACES = ["store", "region", "channel", "party_role"]
EVER = date(1900, 1, 1)
NO_SALE = ["unpaid", "cancelled"]
NOT_REFUNDED = ["pending", "closed"]
COMPANYS_ACTS = [
    *("message_sent", "campaign_sent", "follow_up", "contact_lost", "order_shipped", "points_earned", "points_expired"),
    *("lead_created", "lead_lost", "lead_won", "ticket_solved", "ticket_closed", "visit_missed", "coupon_received"),
    "card_changed",
]


@dataclass(frozen=True, eq=False)
class Oracle:
    settings: Settings

    @cached_property
    def plan(self) -> RunPlan:
        return RunPlan.read(self.settings.promoted_dir)

    @property
    def as_of(self) -> datetime:
        return self.plan.as_of

    def given(self, sql: str) -> pl.DataFrame:
        """What other tests hold, from the warehouse."""
        with duckdb.connect(config=ENGINE_CONFIG) as connection:
            attach(connection, self.settings.promoted_dir, "built")
            connection.execute("use built")
            return connection.sql(sql).pl()

    def landed(self, dataset: str) -> pl.DataFrame:
        """Landed rows with the number of their batch, ``seq``."""
        lake = Lake(self.settings.lake_dir)
        files = lake.files("landed", dataset, self.plan.to_seq)
        frames = [
            pl.read_parquet(lake.root / file.path).with_columns(pl.lit(entry.seq).alias("seq")) for entry, file in files
        ]
        nothing = contract(dataset).empty().with_columns(pl.lit(0).alias("seq"))
        return pl.concat([nothing, *frames], how="diagonal_relaxed")

    @cached_property
    def store_states(self) -> pl.DataFrame:
        """store, since, zone, region, channel of sales; `unknown` is the store of what names none.

        Of two rows on one state the newest delivery holds; no undated row comes after a dated one here.
        """
        since = pl.col("valid_from").fill_null(EVER)
        rows = self.landed("stores").sort("seq").unique(["store_id", "valid_from"], keep="last")
        known = rows.select(
            pl.col("store_id").alias("store"),
            since.alias("since"),
            pl.col("timezone").fill_null(self.plan.company_timezone).alias("zone"),
            "region",
            pl.when(pl.col("store_type") == "online").then(pl.lit("online")).otherwise(pl.lit("store")).alias("sales"),
        )
        unknown = pl.DataFrame(
            {
                "store": ["unknown"],
                "since": [EVER],
                "zone": [self.plan.company_timezone],
                "region": ["undeclared"],
                "sales": ["undeclared"],
            }
        )
        return pl.concat([known, unknown.join(known, on="store", how="anti")])

    def dated(self, facts: pl.DataFrame) -> pl.DataFrame:
        """Facts (at, store, …) with civil date, region and channel of it; a store that nobody declared is none."""
        zones = self.store_states.sort("since").unique("store", keep="last").select("store", "zone")
        placed = facts.join(zones, on="store", how="left").with_columns(
            pl.when(pl.col("zone").is_not_null()).then(pl.col("store")).alias("store"),
            pl.col("zone").fill_null(self.plan.company_timezone),
        )
        parts = [
            part.with_columns(
                pl.col("at").dt.replace_time_zone("UTC").dt.convert_time_zone(str(zone[0])).dt.date().alias("date")
            )
            for zone, part in placed.group_by("zone", maintain_order=True)
        ]
        found = pl.concat(parts) if parts else placed.with_columns(pl.lit(None, pl.Date).alias("date"))
        return as_of(found, self.store_states.drop("zone"), "store", "date")

    # ------------------------------------------------------------------ facts

    @cached_property
    def lines(self) -> pl.DataFrame:
        """Order lines as they stand: of each order the newest delivery."""
        rows = self.landed("orders").filter(pl.col("seq") == pl.col("seq").max().over("store_id", "order_id"))
        filled = ((pl.col("quantity") * pl.col("unit_price") * 100).round(0) - pl.col("discount").fill_null(0)).cast(
            pl.Int64
        )
        sold_at = pl.coalesce("paid_at", "ordered_at")
        return rows.filter(pl.col("ordered_at") < self.as_of).with_columns(
            pl.coalesce("paid_amount", filled).alias("amount"),
            sold_at.alias("at"),
            (~pl.col("status").fill_null("paid").is_in(NO_SALE) & (sold_at < self.as_of)).alias("is_sale"),
            pl.col("store_id").alias("store"),
        )

    @cached_property
    def sold(self) -> pl.DataFrame:
        """Lines sold, with date, place and whose they are."""
        buyers = self.given("select record_id, customer_id from record_customers where record_id like 'orders:%'")
        key = "orders:" + pl.col("store_id") + ":" + pl.col("order_id")
        sold = self.dated(self.lines.filter("is_sale")).with_columns(key.alias("record_id"))
        return sold.join(buyers, on="record_id", how="left").with_columns(pl.col("sales").alias("channel"))

    @cached_property
    def refunds(self) -> pl.DataFrame:
        """Refund lines accepted, but of what was never a sale; in the refund's store, else the order's."""
        rows = self.landed("refunds").filter(pl.col("seq") == pl.col("seq").max().over("store_id", "refund_id"))
        rows = rows.filter(
            ~pl.col("status").fill_null("success").is_in(NOT_REFUNDED), pl.col("refunded_at") < self.as_of
        )
        orders = self.lines.group_by("store_id", "order_id").agg(pl.col("is_sale").any())
        single = orders.group_by("order_id").agg(
            pl.col("store_id").first().alias("only_store"), pl.len().alias("stores")
        ).filter(pl.col("stores") == 1)  # fmt: skip
        numbered = self.lines.filter(pl.col("line_no").is_not_null()).select(
            "store_id", "order_id", pl.col("line_no").alias("order_line_no"), pl.col("is_sale").alias("line_is_sale")
        )
        found = (
            rows.join(single, on="order_id", how="left")
            .with_columns(pl.coalesce("store_id", "only_store").alias("order_store"))
            .join(orders, left_on=["order_store", "order_id"], right_on=["store_id", "order_id"], how="left")
            .join(
                numbered,
                left_on=["order_store", "order_id", "order_line_no"],
                right_on=["store_id", "order_id", "order_line_no"],
                how="left",
            )
            .filter(pl.col("is_sale").fill_null(True) & pl.col("line_is_sale").fill_null(True))
            .with_columns(
                pl.coalesce("order_store", pl.lit("unknown")).alias("store"), pl.col("refunded_at").alias("at")
            )
        )
        return self.dated(found).with_columns(pl.col("sales").alias("channel"))

    @cached_property
    def staff_states(self) -> pl.DataFrame:
        """userid, since, store: as the staff list says, of all others the number that their department bears."""
        listed = self.landed("staff").select(
            "userid", pl.col("valid_from").fill_null(EVER).alias("since"), pl.col("store_id").alias("store")
        )
        staff = self.landed("wecom_staff").sort("seq").unique("userid", keep="last")
        told = staff.select("userid", pl.lit(EVER).alias("since"), pl.col("department_name").alias("store"))
        others = told.join(listed, on="userid", how="anti").join(self.store_states, on="store", how="semi")
        return pl.concat([listed, others])

    def working(self, facts: pl.DataFrame) -> pl.DataFrame:
        """Facts (userid, at, …) with the store in which the employee worked on the company's day."""
        day = pl.col("at").dt.replace_time_zone("UTC").dt.convert_time_zone(self.plan.company_timezone).dt.date()
        placed = facts.drop("store", strict=False).with_columns(day.alias("day"))
        return as_of(placed, self.staff_states, "userid", "day").drop("day")

    @cached_property
    def friendships(self) -> pl.DataFrame:
        pair = ["corp_id", "userid", "external_userid"]
        rows = self.landed("wecom_follows").with_columns(pl.col("is_gone").fill_null(False))
        newest = rows.filter(~pl.col("is_gone")).sort("seq").unique(pair, keep="last")
        gone = rows.filter("is_gone").group_by(pair).agg(pl.col("seq").max().alias("gone_in"))
        ends = self.lost_events.group_by(pair).agg(pl.col("at").max().alias("ended_at"))
        found = newest.filter(pl.col("followed_at") < self.as_of).join(gone, on=pair, how="left").join(
            ends, on=pair, how="left"
        )  # fmt: skip
        found = found.with_columns((pl.col("gone_in").fill_null(-1) < pl.col("seq")).alias("stands"))
        ended = pl.col("ended_at") >= pl.col("followed_at")
        last = self.dated(self.working(found.with_columns(pl.col("ended_at").alias("at")))).select(
            *pair,
            pl.when(~pl.col("stands") & ended).then(pl.col("date")).alias("ended"),
            (pl.col("stands") | ended.fill_null(False)).alias("known"),
        )
        begun = self.dated(self.working(found.with_columns(pl.col("followed_at").alias("at"))))
        return begun.with_columns(pl.col("date").alias("begun")).join(last, on=pair)

    @cached_property
    def standing_changes(self) -> pl.DataFrame:
        """Date, place and change (1, -1) of the follow-ups that stand: each is looked at anew on every day on which any
        store or employee changed, and is where the employee works on that day."""
        pair = ["corp_id", "userid", "external_userid"]
        known = self.friendships.filter("known").select(*pair, "begun", "ended")
        days = pl.concat([self.store_states["since"], self.staff_states["since"]]).unique().to_frame("date")
        looked = pl.concat([known.with_columns(pl.col("begun").alias("date")), known.join(days, how="cross")]).unique()
        looked = looked.filter(
            pl.col("date") >= pl.col("begun"), pl.col("ended").is_null() | (pl.col("date") < pl.col("ended"))
        )
        working = as_of(looked, self.staff_states, "userid", "date")
        placed = as_of(working, self.store_states.drop("zone"), "store", "date").sort(*pair, "date")
        until = pl.coalesce(pl.col("date").shift(-1).over(pair), "ended")
        begun, ended = pl.lit(1).alias("change"), pl.lit(-1).alias("change")
        gone = placed.with_columns(until.alias("date"), ended).drop_nulls("date")
        return pl.concat([placed.with_columns(begun), gone])

    @cached_property
    def lost_events(self) -> pl.DataFrame:
        """Events by which a contact was lost, each once."""
        rows = self.landed("wecom_events").sort("seq").unique(["corp_id", "event_id"], keep="first")
        lost = pl.col("change_type").is_in(["del_external_contact", "del_follow_user"])
        return rows.filter(lost & (pl.col("occurred_at") < self.as_of)).with_columns(pl.col("occurred_at").alias("at"))

    def newest(self, dataset: str, key: str, moment: str) -> pl.DataFrame:
        rows = self.landed(dataset).sort("seq").unique(key, keep="last")
        return rows.filter(pl.col(moment) < self.as_of).with_columns(pl.col("store_id").alias("store"))

    # ------------------------------------------------------------------ figures

    def figures(self) -> pl.DataFrame:
        """Columns KEY and value; every kept figure that is not 0, and stocks that fell to 0."""
        found = [*self._sales(), *self._people(), *self._wecom(), *self._timeline(), *self._tickets()]
        kept = pl.concat([frame.select(*KEY, pl.col("value").cast(pl.Int64)) for frame in found])
        return kept.filter((pl.col("value") != 0) | (pl.col("metric") == "wecom_friends")).sort(KEY)

    def _sales(self) -> list[pl.DataFrame]:
        sold, one = self.sold, pl.lit(1)
        known = sold.filter(pl.col("customer_id").is_not_null())
        first_sale = pl.col("at").min().over("store_id", "order_id")
        orders = self.dated(
            sold.with_columns(first_sale.alias("at"))
            .unique(["store_id", "order_id", "currency"])
            .drop("date", "zone", "region", "sales")
        ).with_columns(pl.col("sales").alias("channel"))
        of_store = pl.when(pl.col("store_type").is_in(["online", "undeclared"])).then("store_type")
        entries = self.given("select * from settlement_entries").with_columns(
            pl.col("store_id").alias("store"),
            pl.col("economic_date").alias("date"),
            of_store.otherwise(pl.lit("store")).alias("channel"),
        )
        first_days = known.group_by("customer_id").agg(pl.col("date").min().alias("first"))
        bought = known.join(first_days, on="customer_id")
        before = pl.col("first") < pl.col("period_start")
        return [
            rolled("sales_amount", sold, pl.col("amount")),
            rolled("identified_amount", known, pl.col("amount")),
            rolled("order_lines", sold, one),
            rolled("units", sold, (pl.col("quantity") * 1000).cast(pl.Int64)),
            rolled("orders", orders, one),
            rolled("identified_orders", orders.filter(pl.col("customer_id").is_not_null()), one),
            rolled("refunds", self.refunds, one),
            rolled("refunded_amount", self.refunds, pl.col("refund_amount")),
            rolled("settlement_amount", entries, pl.col("amount")),
            different("buyers", bought, lambda part: part),
            different("new_buyers", bought, lambda part: part.filter(~before)),
            different("returning_buyers", bought, lambda part: part.filter(before)),
        ]

    def _people(self) -> list[pl.DataFrame]:
        members = self.dated(
            self.newest("members", "member_no", "joined_at").with_columns(pl.col("joined_at").alias("at"))
        )
        said = ["identifier_type", "identifier", "purpose", "channel", "state", "decided_at"]
        consents = self.landed("consents").unique(said).filter(pl.col("decided_at") < self.as_of)
        consents = self.dated(
            consents.with_columns(pl.lit(None, pl.String).alias("store"), pl.col("decided_at").alias("at"))
        )
        customers = self.dated(
            self.first_seen.join(
                self.given("select customer_id, home_store_id as store from customers"), on="customer_id"
            ).with_columns(pl.lit(None, pl.String).alias("channel"))
        )
        return [
            rolled("new_customers", customers, pl.lit(1)),
            rolled("members_joined", members.with_columns(pl.col("source").alias("channel")), pl.lit(1)),
            rolled("consents_granted", consents.filter(pl.col("state") == "granted"), pl.lit(1)),
            rolled("consents_withdrawn", consents.filter(pl.col("state") == "withdrawn"), pl.lit(1)),
        ]

    @cached_property
    def first_seen(self) -> pl.DataFrame:
        """When the first record of each customer was made: customer_id, at."""
        contacts = self.landed("wecom_follows").filter(~pl.col("is_gone").fill_null(False))
        refund_key = pl.col("store_id").fill_null("") + ":" + pl.col("refund_id")
        made = {
            "orders": (self.lines, "ordered_at", pl.col("store_id") + ":" + pl.col("order_id")),
            "refunds": (self.landed("refunds"), "refunded_at", refund_key),
            "customers": (self.landed("customers"), "registered_at", pl.col("record_id")),
            "wecom_contacts": (contacts, "followed_at", pl.col("external_userid")),
            "members": (self.landed("members"), "joined_at", pl.col("member_no")),
            "tickets": (self.landed("tickets"), "opened_at", pl.col("ticket_id")),
        }
        records = [
            frame.select((f"{kind}:" + key).alias("record_id"), pl.col(moment).alias("at"))
            for kind, (frame, moment, key) in made.items()
        ]
        whose = self.given("select record_id, customer_id from record_customers")
        seen = pl.concat(records).filter(pl.col("at") < self.as_of).join(whose, on="record_id")
        return seen.group_by("customer_id").agg(pl.col("at").min())

    def _wecom(self) -> list[pl.DataFrame]:
        wecom = pl.lit("wecom").alias("channel")
        lost = self.dated(self.working(self.lost_events)).with_columns(wecom)
        return [
            rolled("contacts_added", self.friendships.with_columns(wecom), pl.lit(1)),
            rolled("contacts_lost", lost, pl.lit(1)),
            standing("wecom_friends", self.standing_changes.with_columns(wecom)),
        ]

    def _timeline(self) -> list[pl.DataFrame]:
        rows = self.given("select *, store_id as store, occurred_at as at from interactions")
        rows = self.dated(rows).drop("currency")
        own = rows.filter(~pl.col("kind").is_in(COMPANYS_ACTS))
        return [
            rolled("interactions", rows, pl.lit(1)),
            rolled("messages_received", rows.filter(pl.col("kind") == "message_received"), pl.lit(1)),
            rolled("messages_sent", rows.filter(pl.col("kind") == "message_sent"), pl.lit(1)),
            different("active_customers", own, lambda part: part),
        ]

    def _tickets(self) -> list[pl.DataFrame]:
        rows = self.newest("tickets", "ticket_id", "opened_at")

        def when(moment: str) -> pl.DataFrame:
            return self.dated(rows.with_columns(pl.col(moment).alias("at")).filter(pl.col("at") < self.as_of))

        waited = (pl.col("first_answered_at") - pl.col("opened_at")).dt.total_seconds()
        return [
            rolled("tickets_opened", when("opened_at"), pl.lit(1)),
            rolled("tickets_answered", when("first_answered_at"), pl.lit(1)),
            rolled("tickets_solved", when("resolved_at"), pl.lit(1)),
            rolled("first_answer_seconds", when("first_answered_at"), waited),
        ]


def _everywhere(metric: str, facts: pl.DataFrame) -> list[pl.DataFrame]:
    """The facts once for each kind of period and of place, with the key of the figure."""
    currency = pl.col("currency") if "currency" in facts.columns else pl.lit("").alias("currency")
    periods = {"day": pl.col("date"), "month": pl.col("date").dt.truncate("1mo")}
    places = {"company": pl.lit("")} | {place: pl.col(place) for place in PLACES if place in facts.columns}
    return [
        facts.with_columns(
            pl.lit(metric).alias("metric"),
            pl.lit(period).alias("period_kind"),
            start.alias("period_start"),
            pl.lit(place).alias("dimension_kind"),
            which.alias("dimension_id"),
            currency,
        ).filter(pl.col("dimension_id").is_not_null())
        for period, start in periods.items()
        for place, which in places.items()
    ]


def rolled(metric: str, facts: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    """What adds up."""
    valued = facts.with_columns(value.cast(pl.Int64).alias("value"))
    return pl.concat([part.group_by(KEY).agg(pl.col("value").sum()) for part in _everywhere(metric, valued)])


def different(metric: str, facts: pl.DataFrame, of: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """Different customers of each period and place; ``of`` chooses among the rows of one."""
    plain = facts.drop("currency", strict=False)
    return pl.concat(
        [
            of(part).group_by(KEY).agg(pl.col("customer_id").n_unique().alias("value"))
            for part in _everywhere(metric, plain)
        ]
    )


def as_of(facts: pl.DataFrame, states: pl.DataFrame, key: str, day: str) -> pl.DataFrame:
    """Each fact with the columns of the state (key, since, …) that had begun last on its day; without one, nulls."""
    numbered = facts.with_row_index("fact")
    begun = numbered.select("fact", key, day).join(states, on=key).filter(pl.col("since") <= pl.col(day))
    newest = begun.sort("since").unique("fact", keep="last").drop(key, day, "since")
    return numbered.join(newest, on="fact", how="left").drop("fact")


def standing(metric: str, changes: pl.DataFrame) -> pl.DataFrame:
    """What stands at the end of every day or month in which the number changed, counted anew for each."""
    found = []
    for part in _everywhere(metric, changes):
        for _, rows in part.group_by("dimension_id"):
            changed = pl.col("change").sum().over("date") != 0
            for (start,), _ in rows.filter(changed).group_by("period_start"):
                until = rows.filter(pl.col("period_start") <= start)["change"].sum()
                key = rows.head(1).with_columns(pl.lit(start).alias("period_start"), pl.lit(until).alias("value"))
                found.append(key.select(*KEY, pl.col("value").cast(pl.Int64)))
    return pl.concat(found)
