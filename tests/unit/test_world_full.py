"""The full world: the same for a seed, its frames at their grain, its facts in keeping with each other."""

from datetime import datetime, timedelta

import numpy as np
import phonenumbers
import polars as pl
import pytest

from models.settings import PROJECT_ROOT
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.shopping import utc
from pipelines.sandbox.switches import Effects, Traits, switched
from tests import full_world
from tests.full_world import ENDS_ON


@pytest.fixture
def full() -> FullWorld:
    return full_world.usual()


def frames(full: FullWorld) -> dict[str, pl.DataFrame]:
    owners = {"company": full.company, "world": full.world, "full": full, "community": full.community}
    return {
        f"{owner}.{name}": frame
        for owner, of in owners.items()
        for name, frame in vars(of).items()
        if isinstance(frame, pl.DataFrame)
    }


def test_a_seed_fixes_every_frame_and_another_seed_gives_another_company() -> None:
    one, again, other = (FullWorld.generate(400, seed, ENDS_ON, 200) for seed in (5, 5, 6))
    assert [name for name, frame in frames(one).items() if not frame.equals(frames(again)[name])] == []
    assert not one.app_events.equals(other.app_events)
    assert not one.world.people["phone"].equals(other.world.people["phone"])


def test_a_part_holds_people_and_a_window_has_days() -> None:
    with pytest.raises(ValueError, match="120 days"):
        FullWorld.generate(400, 5, ENDS_ON, 90)
    with pytest.raises(ValueError, match="consist of parts"):
        FullWorld.generate(50_001, 5, ENDS_ON)
    company = FullWorld.generate(200, 5, ENDS_ON, 130).company
    with pytest.raises(ValueError, match="no part 1"):
        FullWorld.one_part(company, 1)


@pytest.mark.parametrize(
    ("frame", "key"),
    [
        ("company.stores", ["store_id"]),
        ("company.staff", ["userid"]),
        ("company.campaigns", ["campaign_id"]),
        ("company.fx_rates", ["rate_date", "base_currency"]),
        ("company.holidays", ["day"]),
        ("world.orders", ["store_id", "order_id"]),
        ("world.order_lines", ["store_id", "order_id", "line_no"]),
        ("world.refunds", ["refund_id", "line_no"]),
        ("world.contacts", ["corp_id", "external_userid"]),
        ("world.follows", ["userid", "external_userid"]),
        ("full.households", ["person_id"]),
        ("full.addresses", ["person_id"]),
        ("full.phones", ["person_id", "first_day"]),
        ("full.accounts", ["person_id"]),
        ("full.visitors", ["visitor_id"]),
        ("full.deliveries", ["store_id", "order_id"]),
        ("full.payments", ["transaction_id"]),
        ("full.app_events", ["event_id"]),
        ("full.tickets", ["ticket_id"]),
        ("full.chats", ["msgid"]),
        ("full.reviews", ["review_id"]),
        ("full.messages", ["campaign_id", "person_id"]),
        ("full.leads", ["lead_id"]),
        ("full.follow_ups", ["follow_up_id"]),
        ("full.enrolments", ["enrolment_id"]),
        ("full.devices", ["device_id"]),
        ("full.visits", ["visit_id", "line_no"]),
        ("full.memberships", ["member_no"]),
        ("full.points", ["entry_id"]),
        ("full.cards", ["entry_id"]),
        ("full.coupons", ["coupon_code"]),
        ("full.shop_statements", ["platform", "account_id", "entry_id", "kind"]),
        ("community.tags", ["tag_id"]),
        ("community.tag_marks", ["userid", "external_userid", "tag_id"]),
        ("community.groups", ["chat_id"]),
        ("community.group_members", ["chat_id", "member_id"]),
        ("community.links", ["link_id"]),
        ("community.link_customers", ["link_id", "external_userid"]),
        ("community.chat_payments", ["transaction_id"]),
        ("community.staff_days", ["userid", "day"]),
        ("full.best_churn", ["person_id", "day"]),
        ("full.best_demand", ["day", "category"]),
    ],
)
def test_the_grain_of_every_frame(full: FullWorld, frame: str, key: list[str]) -> None:
    rows = frames(full)[frame]
    assert rows.height > 0
    assert rows.select(key).null_count().sum_horizontal().item() == 0
    assert rows.select(key).is_unique().all()


# ------------------------------------------------------------------ facts


def test_phones_are_valid_in_every_country(full: FullWorld) -> None:
    owned = full.world.people.drop_nulls("phone").group_by("country").head(40)
    for phone in owned["phone"]:
        parsed = phonenumbers.parse(phone)
        assert phonenumbers.is_valid_number(parsed), phone
    assert {"CN", "HK", "MO", "SG", "JP", "GB"} == set(owned["country"])


def test_civil_times_become_utc_also_where_a_clock_skips_an_hour() -> None:
    given = pl.DataFrame(
        {
            "local_at": [
                datetime(2026, 3, 29, 1, 30),
                datetime(2026, 7, 1, 9),
                datetime(2026, 1, 1),
                datetime(2026, 10, 25, 1, 30),
            ],
            "timezone": ["Europe/London", "Europe/London", "Asia/Tokyo", "Europe/London"],
        }
    )
    found = given.select(utc("local_at"))["local_at"].to_list()
    # 1:30 does not exist on the last Sunday of March; on that of October it exists twice, the first one counts.
    assert found == [
        datetime(2026, 3, 29, 1, 30),
        datetime(2026, 7, 1, 8),
        datetime(2025, 12, 31, 15),
        datetime(2026, 10, 25, 0, 30),
    ]


def test_stores_open_close_and_change_their_type_and_staff_move(full: FullWorld) -> None:
    company = full.company
    sold = full.world.orders.join(company.stores.select("store_id", "opened_on", "closed_on"), on="store_id")
    day = (pl.col("ordered_at") + timedelta(hours=8)).dt.date()
    assert sold.filter(day < pl.col("opened_on")).height == 0
    assert sold.filter(day > pl.col("closed_on")).height == 0
    assert sold.filter(pl.col("closed_on").is_not_null()).height > 0
    assert sold.filter(pl.col("opened_on") > company.starts_on).height > 0
    assert company.store_types["store_id"].is_duplicated().any()
    worked = full.world.orders.drop_nulls("salesperson_id").join(
        company.staff_stores.rename({"userid": "salesperson_id"}), on=["salesperson_id", "store_id"], how="left"
    )
    there = (pl.col("valid_from") <= day + timedelta(days=1)) & (
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= day - timedelta(days=1))
    )
    assert worked.filter(there)["order_id"].n_unique() == worked["order_id"].n_unique()
    assert company.staff_stores["userid"].is_duplicated().any()


def test_ledgers_balance(full: FullWorld) -> None:
    running = full.points.with_columns(pl.col("points").cum_sum().over("person_id").alias("sum"))
    assert (running["sum"] == running["balance_after"]).all()
    assert running["balance_after"].min() >= 0  # type: ignore[operator]
    stored = full.cards.filter(pl.col("card_type") == "stored_value")
    held = stored.sort("occurred_at").with_columns(
        (pl.col("amount") + pl.col("gift_amount")).cum_sum().over("card_id").alias("sum")
    )
    assert (held["sum"] == held["balance_after"]).all()
    assert held["balance_after"].min() >= 0  # type: ignore[operator]
    lines = full.world.order_lines
    assert (lines["unit_price"] * lines["quantity"] == lines["discount"] + lines["paid_amount"]).all()
    paid = lines.group_by("order_id").agg(pl.col("paid_amount").sum())
    settled = full.payments.join(paid, on="order_id")
    assert settled.height == full.payments.height
    assert (settled["amount"] == settled["paid_amount"]).all()


def test_wecom_speaks_of_contacts_and_staff_of_one_corp(full: FullWorld) -> None:
    corp_of = full.company.staff.select("userid", "corp_id")
    contacts = full.world.contacts.select("external_userid", pl.col("corp_id").alias("contact_corp"))
    pairs = {
        "links": full.community.link_customers.select("userid", "external_userid"),
        "payments": full.community.chat_payments.select(pl.col("payee_userid").alias("userid"), "external_userid"),
        "tags": full.community.tag_marks.select("userid", "external_userid"),
        "chats": full.chats.filter("is_customer").select(
            pl.col("to_id").alias("userid"), pl.col("from_id").alias("external_userid")
        ),
    }
    for name, rows in pairs.items():
        known = rows.join(corp_of, on="userid").join(contacts, on="external_userid")
        assert known.height == rows.height > 20, name
        assert (known["corp_id"] == known["contact_corp"]).all(), name
    members = full.community.group_members.filter(pl.col("member_kind") == 2)
    followed = full.world.follows.group_by("external_userid").agg(pl.col("followed_at").min())
    joined = members.join(followed, left_on="member_id", right_on="external_userid")
    assert joined.height == members.height
    assert (joined["joined_at"] >= joined["followed_at"]).all()


def test_staff_note_what_people_want_and_are_mostly_right(full: FullWorld) -> None:
    noted = full.community.tag_marks.join(full.community.tags, on="tag_id").filter(pl.col("group_name") == "茶类偏好")
    known = noted.join(full.wants.select("person_id", "need"), on="person_id")
    # 85 % are meant right, and a wrong guess is right in one of six.
    assert (known["place"] == known["need"]).mean() == pytest.approx(0.85 + 0.15 / 6, abs=0.03)


def test_used_coupons_stand_on_orders_of_their_campaign(full: FullWorld) -> None:
    used = full.coupons.filter(pl.col("status") == "used")
    assert used.height > 20
    orders = full.world.orders.select("order_id", pl.col("person_id").alias("buyer"), "paid_at")
    found = used.join(orders, on="order_id")
    assert found.height == used.height
    assert (found["buyer"] == found["person_id"]).all()
    assert (found["used_at"] >= found["issued_at"]).all()
    holdout = full.messages.filter("is_holdout").select("person_id", pl.col("campaign_id").alias("template_id"))
    assert full.coupons.join(holdout, on=["person_id", "template_id"]).height == 0


def test_exchange_rates_are_published_on_working_days_only(full: FullWorld) -> None:
    off = full.company.holidays.filter("is_off")["day"]
    daily = full.company.fx_rates.filter(pl.col("base_currency") == "HKD")
    assert not daily["rate_date"].is_in(off.implode()).any()
    pataca = full.company.fx_rates.filter(pl.col("base_currency") == "MOP")
    assert pataca["rate_date"].dt.truncate("1mo").is_unique().all()
    assert full.company.holidays.filter(pl.col("is_off") & (pl.col("day").dt.year() == 2026)).height == 23  # to June


def test_switches_are_named_and_bounded() -> None:
    traits, effects = switched(["lead_delay=0", "gift=0.5"])
    assert effects == Effects().having(lead_delay=0.0)
    assert traits == Traits().having(gift=0.5)
    with pytest.raises(ValueError, match="no switch; traits"):
        switched(["speed=1"])
    with pytest.raises(ValueError, match="between 0 and 1"):
        switched(["offer=2"])
    with pytest.raises(ValueError, match=r"offer=0\.5"):
        switched(["offer=much"])
    assert np.all([value == 0 for value in vars(Traits.off()).values()])


def test_the_page_names_every_switch_with_its_usual_number() -> None:
    page = (PROJECT_ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    for numbers in (Traits(), Effects()):
        for name, usual in vars(numbers).items():
            row = next((line for line in page.splitlines() if line.startswith(f"| {name} |")), f"no row for {name}")
            assert float(row.split("|")[2]) == usual, row
