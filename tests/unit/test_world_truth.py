"""The truth of the full world: every identifier on any fact is in it, traits occur at their rates, masks are right."""

from datetime import timedelta

import polars as pl
import pytest

from pipelines.sandbox.chance import Chance
from pipelines.sandbox.channels import swapped_digits
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.shopping import MARKETPLACES, MASKING
from pipelines.sandbox.world import IDENTIFIERS
from tests import full_world


@pytest.fixture
def full() -> FullWorld:
    return full_world.usual()


@pytest.fixture
def plain() -> FullWorld:
    return full_world.plain()


# ------------------------------------------------------------------ truth


def _stated(full: FullWorld) -> list[tuple[str, pl.DataFrame]]:
    """(fact, person_id, identifier_type, identifier, at) of every identifier on every fact."""
    world = full.world
    own = [
        ("members", world.members, "", "registered_at"),
        ("tickets", full.tickets, "", "opened_at"),
        ("leads", full.leads, "", "created_at"),
        ("follow_ups", full.follow_ups, "", "followed_at"),
        ("enrolments", full.enrolments, "", "enrolled_at"),
        ("visits", full.visits, "", "visited_at"),
        ("cards", full.cards, "", "occurred_at"),
        ("points", full.points, "", "occurred_at"),
        ("coupons", full.coupons, "", "issued_at"),
        ("memberships", full.memberships, "", "joined_at"),
        ("orders", world.orders, "buyer_", "ordered_at"),
        ("devices", full.devices, "", "activated_at"),
    ]
    found = [
        (
            f"{fact}.{name}",
            frame.select(
                "person_id",
                pl.lit(name).alias("identifier_type"),
                pl.col(prefix + name).alias("identifier"),
                pl.col(at).alias("at"),
            ),
        )
        for fact, frame, prefix, at in own
        for name in IDENTIFIERS
        if prefix + name in frame.columns
    ]
    typed = world.follows.select(
        "person_id",
        pl.lit("phone").alias("identifier_type"),
        pl.col("remark_phone").str.replace(" ", "").alias("identifier"),
        pl.col("followed_at").alias("at"),
    )
    decided = world.consents.select("person_id", "identifier_type", "identifier", pl.col("decided_at").alias("at"))
    seen = [
        full.app_events.select(
            "person_id",
            pl.lit(name).alias("identifier_type"),
            pl.col(name).alias("identifier"),
            pl.col("occurred_at").alias("at"),
        )
        for name in ("openid", "unionid", "visitor_id")
    ]
    received = full.deliveries.join(world.orders.select("order_id", "ordered_at"), on="order_id").select(
        # A receiver without a phone is reached under the buyer's.
        pl.concat_list("receiver_person_id", "person_id").alias("person_id"),
        pl.lit("phone").alias("identifier_type"),
        pl.col("receiver_phone").alias("identifier"),
        pl.col("ordered_at").alias("at"),
    )
    more = [("follows.remark_phone", typed), ("consents", decided), ("deliveries", received)]
    return [*found, *more, *(("app_events", frame) for frame in seen)]


def test_every_identifier_on_any_fact_is_in_the_truth_at_that_time(full: FullWorld) -> None:
    truth = full.identities.select(
        "identifier_type", "identifier", "valid_from", "valid_to", "relation", pl.col("person_id").alias("owner")
    )
    staff = full.company.staff["phone"]
    checked = 0
    for fact, rows in _stated(full):
        given = rows.filter(pl.col("identifier").is_not_null() & pl.col("at").is_not_null()).with_row_index("n")
        known = given.filter(~pl.col("identifier").is_in(staff.implode()))
        assert fact == "orders.phone" or known.height == given.height, f"{fact}: an employee's phone"
        day = (pl.col("at") + timedelta(hours=8)).dt.date()
        # Civil days: a shop in London or Tokyo has another one for some hours.
        begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= day + timedelta(days=1))
        open_ = pl.col("valid_to").is_null() | (pl.col("valid_to") >= day - timedelta(days=1))
        who = (
            pl.col("person_id").list.contains(pl.col("owner"))
            if fact == "deliveries"
            else pl.col("owner") == pl.col("person_id")
        )
        owned = known.join(truth, on=["identifier_type", "identifier"]).filter(begun & open_ & who)
        assert owned["n"].n_unique() == known.height, fact
        checked += known.height
    assert checked > 300_000


def test_openids_belong_to_the_app_and_contacts_to_the_corp(full: FullWorld) -> None:
    scoped = full.identities.filter(pl.col("identifier_type") == "openid").select("scope", "identifier")
    seen = full.app_events.filter(pl.col("openid").is_not_null()).select(
        pl.col("app_id").alias("scope"), pl.col("openid").alias("identifier")
    )
    assert seen.unique().join(scoped, on=["scope", "identifier"], how="anti").height == 0
    contacts = full.identities.filter(pl.col("identifier_type") == "external_userid").select("scope", "identifier")
    followed = full.world.follows.join(
        full.company.staff.select("userid", pl.col("corp_id").alias("scope")), on="userid"
    )
    assert (followed["corp_id"] == followed["scope"]).all()
    pairs = followed.select("scope", pl.col("external_userid").alias("identifier")).unique()
    assert pairs.join(contacts, on=["scope", "identifier"], how="anti").height == 0
    assert contacts["scope"].n_unique() == 2


def test_platforms_name_the_buyer_by_the_account(full: FullWorld) -> None:
    named = full.deliveries.filter(pl.col("buyer_id").is_not_null())
    truth = full.identities.select("scope", "identifier", pl.col("person_id").alias("owner"))
    found = named.join(truth, left_on=["account_id", "buyer_id"], right_on=["scope", "identifier"])
    assert found.height == named.height
    assert (found["owner"] == found["person_id"]).all()
    assert named["platform"].n_unique() == 5
    assert full.deliveries.filter(pl.col("platform").is_in(list(MASKING)))["buyer_id"].null_count() == 0


def test_parcels_leave_after_payment_and_arrive_after_they_left(full: FullWorld) -> None:
    orders = full.world.orders.select("order_id", "status", "ordered_at", "paid_at")
    sent = full.deliveries.join(orders, on="order_id")
    assert (sent.drop_nulls("shipped_at")["shipped_at"] > sent.drop_nulls("shipped_at")["paid_at"]).all()
    assert (sent.drop_nulls("received_at")["received_at"] > sent.drop_nulls("received_at")["shipped_at"]).all()
    assert sent.filter(pl.col("paid_at").is_null())["shipped_at"].count() == 0
    assert (sent["modified_at"] >= sent["ordered_at"]).all()
    assert sent.filter(pl.col("status") == "finished")["received_at"].null_count() == 0


def test_visitors_become_known_and_not_before(full: FullWorld) -> None:
    h5 = full.app_events.filter(pl.col("visitor_id").is_not_null()).join(full.visitors, on=["visitor_id", "person_id"])
    assert h5.height == full.app_events["visitor_id"].count()
    day = (pl.col("occurred_at") + timedelta(hours=8)).dt.date()
    early = h5.filter(pl.col("known_from").is_not_null() & (day < pl.col("known_from") - timedelta(days=1)))
    assert early.height > 100
    assert early["unionid"].null_count() == early.height
    assert h5.filter("is_known")["unionid"].count() > 0
    assert h5.filter(~pl.col("is_known"))["unionid"].count() == 0
    assert full.app_events.filter(pl.col("openid").is_not_null())["visitor_id"].count() == 0


def test_a_household_has_one_address_and_orders_have_a_true_buyer(full: FullWorld) -> None:
    homes = full.households.join(full.addresses, on="person_id").group_by("household_id")
    assert homes.agg(pl.col("detail").n_unique())["detail"].max() == 1
    assert homes.agg(pl.col("is_first").sum())["is_first"].unique().to_list() == [1]
    assert full.world.orders["person_id"].is_in(full.world.people["person_id"].implode()).all()


# ------------------------------------------------------------------ traits


def _share(rows: pl.DataFrame, condition: pl.Expr) -> float:
    return float(rows.select(condition.mean()).item())


def test_traits_occur_at_their_rates(full: FullWorld) -> None:
    traits, world = full.traits, full.world
    together = full.households.filter(pl.len().over("household_id") > 1)
    assert together.height / full.households.height == pytest.approx(traits.household, abs=0.02)
    followers = together.filter(~pl.col("is_first"))
    shared = full.phones.filter(pl.col("relation") == "household")["person_id"].n_unique()
    assert shared / followers.height == pytest.approx(traits.shared_phone * 0.93, abs=0.04)
    own = full.phones.filter(pl.col("relation") == "own")
    changed = own.filter(pl.col("last_day").is_not_null()).height / own["person_id"].n_unique()
    assert changed == pytest.approx(traits.changed_phone, abs=0.012)
    staff = pl.col("buyer_phone").is_in(full.company.staff["phone"].implode())
    served = world.orders.filter(pl.col("salesperson_id").is_not_null() & pl.col("buyer_phone").is_not_null())
    assert _share(served, staff) == pytest.approx(traits.staff_phone, abs=0.006)
    gift = pl.col("receiver_person_id") != pl.col("person_id")
    assert _share(full.deliveries, gift) == pytest.approx(traits.gift, abs=0.01)
    contacts = world.people["external_userid"].count()
    assert full.accounts["second_corp_id"].count() / contacts == pytest.approx(traits.second_corp, abs=0.012)
    late = (pl.col("received_at") - pl.col("occurred_at")) > timedelta(minutes=30)
    assert _share(full.app_events, late) == pytest.approx(traits.late_event, abs=0.003)
    mini = full.app_events.filter(pl.col("openid").is_not_null())
    assert _share(mini, pl.col("unionid").is_null()) == pytest.approx(traits.anonymous_visit, abs=0.03)
    names = full.deliveries.join(
        world.people.select(pl.col("person_id").alias("receiver_person_id"), "name"), on="receiver_person_id"
    )
    assert _share(names, pl.col("receiver_name") != pl.col("name")) == pytest.approx(traits.nickname, abs=0.02)
    records = world.members.join(world.people.select("person_id", pl.col("name").alias("real")), on="person_id")
    misheard = records.filter(pl.col("name") != pl.col("real"))
    assert misheard.height / records.height == pytest.approx(traits.name_typo * 0.85, abs=0.008)  # not every sound
    assert (misheard["name"].str.head(-1) == misheard["real"].str.head(-1)).all()
    typos = full.identities.filter(pl.col("relation") == "mistake")
    typed = served.height + world.follows["remark_phone"].count()
    assert typos.height / typed == pytest.approx(traits.phone_typo * 0.9, abs=0.003)  # equal neighbours stay


def test_recycled_numbers_have_one_owner_at_a_time_and_a_pause_between(full: FullWorld) -> None:
    owned = full.phones.filter(pl.col("relation") == "own").sort("phone", "first_day")
    twice = owned.filter(pl.col("person_id").n_unique().over("phone") > 1)
    assert twice.height >= 10
    pairs = twice.with_columns(pl.col("first_day").shift(-1).over("phone").alias("again")).drop_nulls("again")
    assert ((pairs["again"] - pairs["last_day"]) > 90).all()


def test_without_traits_everybody_is_easy_to_know(plain: FullWorld) -> None:
    own = plain.phones
    assert own["phone"].is_unique().all()
    assert own["last_day"].null_count() == own.height
    assert (plain.deliveries["receiver_person_id"] == plain.deliveries["person_id"]).all()
    assert plain.identities["relation"].unique().to_list() == ["own"]
    assert plain.accounts["second_corp_id"].count() == 0
    records = plain.world.members.join(
        plain.world.people.select("person_id", pl.col("name").alias("real")), on="person_id"
    )
    assert (records["name"] == records["real"]).all()
    staff = plain.company.staff["phone"].implode()
    assert not plain.world.orders["buyer_phone"].is_in(staff).any()
    assert plain.app_events.filter(pl.col("openid").is_not_null())["unionid"].null_count() == 0
    assert (plain.app_events["received_at"] - plain.app_events["occurred_at"]).max() < timedelta(minutes=1)


def test_marketplaces_mask_and_tell_nothing(full: FullWorld) -> None:
    market = full.world.orders.filter(pl.col("platform").is_in(list(MARKETPLACES)))
    assert market.height > 500
    assert market.select("buyer_phone", "buyer_unionid", "buyer_external_userid").count().sum_horizontal().item() == 0
    assert market["buyer_member_no"].count() > 50
    masked = full.deliveries.filter(pl.col("platform").is_in(list(MASKING)))
    assert masked["masked_phone"].null_count() == masked["receiver_phone"].null_count()
    mainland = masked.filter(pl.col("receiver_phone").str.starts_with("+86"))
    assert mainland["masked_phone"].str.contains(r"^1\d{2}\*{4}\d{4}$").all()
    bare = mainland["receiver_phone"].str.slice(3)
    assert (mainland["masked_phone"] == bare.str.slice(0, 3) + "****" + bare.str.slice(7)).all()
    assert (masked["masked_name"].str.len_chars() == masked["receiver_name"].str.len_chars()).all()
    assert masked["masked_name"].str.contains(r"^[^*]\*+$").all()
    assert not masked["masked_detail"].str.contains(r"\d").any()
    others = full.deliveries.filter(~pl.col("platform").is_in(list(MASKING)))
    assert others["masked_phone"].count() == 0


def test_a_typo_swaps_two_digits_and_keeps_the_rest() -> None:
    phones = pl.Series(["+8613812345678"] * 50 + ["+85261234567"] * 50)
    wrong = swapped_digits(phones, Chance(1, "typo"))
    assert (wrong != phones).all()
    for right, typed in zip(phones, wrong, strict=True):
        assert sorted(right) == sorted(typed)
        assert sum(a != b for a, b in zip(right, typed, strict=True)) == 2
        assert right[:-6] == typed[:-6]
