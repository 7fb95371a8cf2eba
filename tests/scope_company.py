"""What a person with a scope may see, written down a second time: the company cut down to it with polars.

The oracle of the scope tests. It reads the whole tables of a snapshot, knows nothing of the scope's SQL, and makes a
company that holds nothing else: whoever sees all of that company must see what the person sees of the real one.
"""

from dataclasses import dataclass
from functools import cached_property

import duckdb
import polars as pl

from models.contracts.published import PUBLISHED
from models.serving import Snapshot, Viewer
from models.store import Scope

Tables = dict[str, pl.DataFrame]
PERSONAL = ("name", "phone", "unionid", "external_userid", "member_no", "email")
RFM_MEASURES = ("recency_days", "frequency", "monetary", "orders_count", "first_order_at", "last_order_at")
WHOLE_COMPANY_ONLY = (
    *("customer_identifiers", "batches", "quality_checks", "estimators"),
    *(name for name in PUBLISHED if name.startswith("identity_")),
)
#: Kinds whose object's number holds an identifier of the person, and those that tell a name given by staff.
OF_A_PERSON = [
    *("contact_added", "link_arrived", "group_joined", "registered", "member_joined", "campaign_sent"),
    *("consent_granted", "consent_withdrawn"),
]
NAMED_BY_STAFF = ["group_joined", "group_message", "link_arrived", "coupon_received", "coupon_redeemed"]


def whole_tables(snapshot: Snapshot) -> Tables:
    return {name: snapshot.query(f'select * from "{name}"', {}) for name in PUBLISHED}


def stores_of(scopes: frozenset[Scope], tables: Tables) -> frozenset[str] | None:
    """The stores of a person's scopes, None for all. In the sample a department is the store of the same number."""
    if Scope("company") in scopes:
        return None
    regions = [scope.value for scope in scopes if scope.kind == "region"]
    of_regions = tables["stores"].filter(pl.col("region").is_in(regions))["store_id"]
    return frozenset(of_regions) | {scope.value for scope in scopes if scope.kind in ("department", "store")}


@dataclass(frozen=True, eq=False)
class Part:
    """``stores``: in scope, None for the whole company. ``staff``: the employee that the person is."""

    tables: Tables
    stores: frozenset[str] | None
    staff: str | None = None
    sees_personal: bool = True

    def viewer(self, *roles: str) -> Viewer:
        return Viewer("x", "", frozenset(roles), self.stores, self.sees_personal, self.staff)

    @cached_property
    def seen_stores(self) -> set[str]:
        every = set(self.tables["stores"]["store_id"])
        return every if self.stores is None else set(self.stores)

    @cached_property
    def hidden_stores(self) -> set[str]:
        return set(self.tables["stores"]["store_id"]) - self.seen_stores

    @cached_property
    def customers(self) -> set[str]:
        """With a fact in a store that is seen, or owned by the employee or by one of such a store."""
        people = self.tables["customers"]
        if self.stores is None:
            return set(people["customer_id"])
        facts = [self.tables[name].select("customer_id", "store_id") for name in ("orders", "refunds", "interactions")]
        facts.append(people.select("customer_id", pl.col("owner_store_id").alias("store_id")))
        met = pl.concat(facts).filter(pl.col("store_id").is_in(list(self.stores)))["customer_id"].drop_nulls()
        owned = people.filter(pl.col("owner_userid") == (self.staff or ""))["customer_id"]
        return set(met) | set(owned)

    @cached_property
    def forbidden(self) -> set[str]:
        """Values that no cell may hold: names and numbers of stores, orders, colleagues and people out of scope."""
        hidden = list(self.hidden_stores)
        stores = self.tables["stores"].filter(pl.col("store_id").is_in(hidden))
        seen = self.tables["stores"].filter(~pl.col("store_id").is_in(hidden))
        orders = self.tables["orders"].filter(pl.col("store_id").is_in(hidden))
        staff = self.tables["staff"].filter(pl.col("store_id").is_in(hidden) & (pl.col("userid") != (self.staff or "")))
        every = self.tables["customers"]
        known = pl.col("customer_id").is_in(list(self.customers))
        found = {*self.hidden_stores, *stores["name"], *orders["order_key"], *staff["userid"]}
        found |= set(every.filter(~known)["customer_id"]) | (set(stores["region"]) - set(seen["region"]))
        for name in PERSONAL[1:]:  # two people may have one name
            found |= set(every.filter(~known)[name].drop_nulls()) - set(every.filter(known)[name].drop_nulls())
        return found

    @cached_property
    def hidden_names(self) -> set[str]:
        """Names of stores and regions out of scope that no name in scope contains."""
        columns, hidden = ("name", "region"), pl.col("store_id").is_in(list(self.hidden_stores))
        away, here = (
            {value for column in columns for value in self.tables["stores"].filter(which)[column].drop_nulls()}
            for which in (hidden, ~hidden)
        )
        return {name for name in away if not any(name in other for other in here)}

    @cached_property
    def whole_values(self) -> set[str]:
        """Personal values of anybody, which a role without the right must not meet whole."""
        return {value for name in PERSONAL[1:] for value in self.tables["customers"][name].drop_nulls()}

    @cached_property
    def cut(self) -> Tables:
        """The published tables with what this person may see and nothing else."""
        if self.stores is None:
            return {**self.tables, "interactions": self._of_the_person(self.tables["interactions"])}
        tables = {name: self._of_stores(frame) for name, frame in self.tables.items()}
        whose = pl.col("customer_id").is_in(list(self.customers))
        mine, me = pl.col("store_id").is_in(list(self.stores)), pl.lit(self.staff, pl.String)
        for name in ("customers", "customer_consents", "churn_scores"):
            tables[name] = self._without_other_owners(self.tables[name].filter(whose))
        tables["metrics"] = self._figures(self.tables["metrics"])
        tables["order_lines"] = self.tables["order_lines"].join(tables["orders"], on="order_key", how="semi")
        tables["staff"] = self.tables["staff"].filter(mine.fill_null(False) | pl.col("userid").eq(me).fill_null(False))
        without = pl.col("store_id").is_null() & pl.col("amount").is_null() & whose.fill_null(False)
        tables["interactions"] = self._of_the_person(
            self.tables["interactions"]
            .filter(mine.fill_null(False) | without)
            .with_columns(
                _only(pl.col("store_id").is_not_null(), "object_id")
                + _only(pl.col("store_id").is_not_null() | ~pl.col("kind").is_in(NAMED_BY_STAFF), "arguments")
                + _only(pl.col("store_id").is_not_null() | pl.col("staff_id").eq(me), "staff_id")
            )
        )
        here = mine.fill_null(False) | pl.col("store_id").is_null()
        seen = pl.col("runner_up_store_id").is_null() | pl.col("runner_up_store_id").is_in(list(self.stores))
        second = ("decided_by", "runner_up_value", "runner_up_source", "runner_up_at")
        tables["customer_fields"] = (
            self.tables["customer_fields"]
            .filter(here & whose)
            .with_columns(
                _only(pl.col("store_id").is_not_null(), "record_id")
                + _only(pl.lit(False), "statements_count")
                + _only(seen, *second)
                + _only(seen & pl.col("runner_up_store_id").is_not_null(), "runner_up_record_id")
            )
        )
        tables["customer_contact_points"] = (
            self.tables["customer_contact_points"]
            .filter(here & whose)
            .with_columns(_only(pl.lit(False), "records_count", "first_seen_at", "last_seen_at"))
        )
        tables["customer_owners"] = self.tables["customer_owners"].filter(
            whose & (mine.fill_null(False) | pl.col("userid").eq(me).fill_null(False))
        )
        tables["customer_owners"] = tables["customer_owners"].with_columns(_only(mine.fill_null(False), "store_id"))
        rules = whose & pl.col("source").eq("rule")
        tables["customer_tags"] = (
            self.tables["customer_tags"]
            .filter(mine.fill_null(False) | rules)
            .with_columns(_only(pl.lit(False), "reason"))
        )
        tables["friend_losses"] = tables["friend_losses"].with_columns(_only(whose, "customer_id"))
        tables["customer_reachability"] = self.tables["customer_reachability"].filter(whose)
        counts = [name for name in self.tables["customer_engagement"].columns if name not in ("customer_id", "score")]
        tables["customer_engagement"] = (
            self.tables["customer_engagement"].filter(whose).with_columns(_only(pl.lit(False), *counts))
        )
        contra, party = pl.col("component").is_in(["clearing", "cash", "fx"]), pl.col("party_id")
        own = party.is_in(list(self.stores)) | party.eq(me).fill_null(False)
        tables["settlement_statements"] = self.tables["settlement_statements"].filter(own)
        tables["settlement_ledger"] = self.tables["settlement_ledger"].filter(
            (mine & ~contra) | (own & pl.col("component").eq("payment"))
        )
        of_lines = {"refunds": "order_line_id"} | dict.fromkeys(
            ("settlement_entries", "settlement_ledger"), "original_line_id"
        )
        for name, line in of_lines.items():
            own = [pl.col(key).str.starts_with(pl.col("store_id") + ":") for key in ("order_key", line)]
            tables[name] = tables[name].with_columns(_only(own[0], "order_key") + _only(own[1], line))
        then = pl.col("next_store_id").is_in(list(self.stores)).fill_null(False)
        tables["journey_entries"] = tables["journey_entries"].with_columns(
            _only(then, "next_stage", "next_store_id", "left_at")
        )
        for name in WHOLE_COMPANY_ONLY:
            tables[name] = self.tables[name].clear()
        # scores of who bought in a shop that is seen, in that currency; without days, orders and money of other shops
        bought = tables["customer_value"].select("customer_id", "currency").unique()
        hidden = _only(pl.lit(False), *RFM_MEASURES)
        tables["customer_rfm"] = (
            self.tables["customer_rfm"].join(bought, on=["customer_id", "currency"], how="semi").with_columns(hidden)
        )
        products = tables["contribution_totals"].filter(pl.col("dimension_kind") == "product")["dimension_id"]
        tables["sold_products"] = self.tables["sold_products"].filter(pl.col("product_id").is_in(products.to_list()))
        tables["data_freshness"] = self.tables["data_freshness"].with_columns(_only(pl.lit(False), "rows_count"))
        return tables

    def _of_stores(self, frame: pl.DataFrame) -> pl.DataFrame:
        is_a_fact = "store_id" in frame.columns
        return frame.filter(pl.col("store_id").is_in(list(self.stores or ()))) if is_a_fact else frame

    def _figures(self, metrics: pl.DataFrame) -> pl.DataFrame:
        """Those of the stores that are seen, and of regions of which nothing is hidden; never of the whole company."""
        hidden = self.tables["stores"].filter(pl.col("store_id").is_in(list(self.hidden_stores)))["region"]
        regions = set(self.tables["stores"]["region"]) - set(hidden)
        kind, which = pl.col("dimension_kind"), pl.col("dimension_id")
        return metrics.filter(
            ((kind == "store") & which.is_in(sorted(self.seen_stores)))
            | ((kind == "region") & which.is_in(sorted(regions)))
        )

    def _without_other_owners(self, frame: pl.DataFrame) -> pl.DataFrame:
        if "owner_userid" not in frame.columns:
            return frame
        owner_here = pl.col("owner_store_id").is_in(list(self.stores or ()))
        named = owner_here.fill_null(False) | pl.col("owner_userid").eq(pl.lit(self.staff, pl.String)).fill_null(False)
        hidden = _only(named, "owner_userid") + _only(owner_here, "owner_store_id")
        if "home_store_id" in frame.columns:
            regions = self.tables["stores"].filter(pl.col("store_id").is_in(list(self.stores or ())))["region"]
            home, region = pl.col("home_store_id").is_in(list(self.stores or ())), pl.col("region").is_in(list(regions))
            hidden += _only(home, "home_store_id", "home_store_rule") + _only(region, "region", "region_rule")
            hidden += _only(named, "owner_rule")
        return frame.with_columns(hidden)

    def _of_the_person(self, interactions: pl.DataFrame) -> pl.DataFrame:
        if self.sees_personal:
            return interactions
        return interactions.with_columns(_only(~pl.col("kind").is_in(OF_A_PERSON), "object_id"))

    @cached_property
    def company(self) -> Snapshot:
        """The cut tables as a snapshot of their own."""
        connection = duckdb.connect(config={"threads": "1"})
        for name, frame in self.cut.items():
            connection.register("cut", frame)
            connection.execute(f'create table "{name}" as select * from cut')
            connection.unregister("cut")
        return Snapshot(connection, None)  # nobody asks which file it is


def _only(when: pl.Expr, *columns: str) -> list[pl.Expr]:
    """The columns where the condition holds, null elsewhere."""
    return [pl.when(when).then(pl.col(name)).alias(name) for name in columns]
