"""The customer's record on a small lake: the worked example of the documentation, merges, arrival, own fields.

Accidents it prevents: a phone that a colleague has from the person lost to a newer typo, a gift's receiver taken for
the customer, values that a merge forgets, and a record that depends on which file came first.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import polars as pl
import pytest
import yaml

from models.documents.customer import CustomerDocument
from models.settings import PROJECT_ROOT
from tests.factories_lake import (
    HandMadeLake,
    Row,
    at,
    completed_pass,
    contact,
    customer_record,
    follow,
    follow_phone,
    order_line,
    staff,
    store,
)
from tests.pipeline.test_dbt_trunk import Tables, Warehouse, rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TYPED, NEWER, FRIENDS = "+8613800001111", "+8613900002222", "+8613700003333"
BY_CONTACT = (("external_userid", "wm1"), ("phone", TYPED), ("record", "customers:C7"))
ONE = {"C1": (*BY_CONTACT, ("phone", NEWER))}
TWO = {"C1": BY_CONTACT, "C2": (("phone", NEWER),)}
SKIN = {
    "id": "skin_type",
    "label": {"zh": "肤质", "en": "Skin type"},
    "kind": "choice",
    "choices": [{"id": "dry", "label": {"zh": "干性", "en": "Dry"}}],
    "from": [{"dataset": "customers", "column": "肤质"}, {"dataset": "leads", "column": "skin"}],
}


def document() -> CustomerDocument:
    """The shipped one with a field of the company's own, and owners that a membership may name."""
    text = (PROJECT_ROOT / "data" / "rulebooks" / "customer.yaml").read_text(encoding="utf-8")
    content = {**yaml.safe_load(text), "custom": [SKIN], "owner": ["earliest_follow_up", "latest_order"]}
    return CustomerDocument.parse(yaml.safe_dump(content), name="customer.yaml")


def batches() -> list[Mapping[str, Sequence[Row]]]:
    receiver = {"receiver_province": "江苏省", "receiver_city": "苏州市", "receiver_district": "吴中区"}
    return [
        {
            "stores": [store("S1", city="上海"), store("S2", region="south", city="广州")],
            "wecom_staff": [staff("ann", "S1")],
            # she moved after she had written the remark and the phone
            "staff": [
                {"staff_id": "E1", "userid": "ann", "name": "ann", "store_id": "S1"},
                {"staff_id": "E1", "userid": "ann", "name": "ann", "store_id": "S2", "valid_from": date(2025, 1, 1)},
            ],
            "wecom_contacts": [contact("wm1", name="小雨🌧", gender=2)],
            "wecom_follows": [
                follow("ann", "wm1", "2024-03-01", remark="王雨"),
                # bob wrote nothing: WeCom gives the nickname as his remark
                follow("bob", "wm1", "2024-04-01", remark="小雨🌧"),
            ],
            "wecom_follow_phones": [follow_phone("ann", "wm1", TYPED)],
            "wecom_syncs": completed_pass("pass-1"),
        },
        {
            "orders": [
                order_line(
                    "T9",
                    "2025-06-01",
                    buyer_phone=NEWER,
                    salesperson_id="dan",
                    receiver_name="王小雨",
                    receiver_phone="139-0000-2222",
                    **receiver,
                ),
                # a gift, and a receiver whom the platform hides
                order_line("T10", "2025-06-02", buyer_phone=NEWER, receiver_name="朋友", receiver_phone=FRIENDS[3:]),
                order_line("T11", "2025-06-03", buyer_phone=NEWER, receiver_name="王*", receiver_phone="139****2222"),
            ]
        },
        {
            "customers": [
                customer_record(
                    "C7",
                    "2025-05-01",
                    phone=TYPED,
                    name="王**",
                    email="无",
                    city="广州",
                    _raw=json.dumps({"肤质": "干性"}),
                )
            ]
        },
        {
            "leads": [
                {"lead_id": "L1", "phone": TYPED, "name": "微信用户", "store_id": "S2", "created_at": at("2025-06-10")}
            ]
        },
    ]


def lake(people: Mapping[str, Sequence[tuple[str, str]]], *, turned: bool = False) -> HandMadeLake:
    arrived = batches()[::-1] if turned else batches()
    return HandMadeLake(date(2025, 7, 1), batches=arrived, people=people, customer=document())


def build(warehouse: Warehouse, made: HandMadeLake) -> Tables:
    warehouse.clear()
    made.write(warehouse.building)
    warehouse.build("run", "--select", "tag:identity")
    made.decide(warehouse.building, warehouse.tables()["personas"])
    warehouse.build("run", "--select", "+customers,tag:facts", "+customer_contact_points,tag:facts")
    return warehouse.tables()


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    made = Warehouse(tmp_path_factory.mktemp("record"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRM_BUILDING", str(made.building))
        patch.setenv("SCRM_WAREHOUSE", str(made.database))
        yield made


@pytest.fixture(scope="module")
def record(warehouse: Warehouse) -> Tables:
    return build(warehouse, lake(ONE))


@pytest.fixture(scope="module")
def turned(warehouse: Warehouse, record: Tables) -> Tables:
    return build(warehouse, lake(ONE, turned=True))


@pytest.fixture(scope="module")
def apart(warehouse: Warehouse, turned: Tables) -> Tables:
    return build(warehouse, lake(TWO))


def told(tables: Tables, field: str, customer: str = "C1") -> tuple[object, ...]:
    names = ("value", "record_id", "store_id", "decided_by", "runner_up_value", "runner_up_record_id")
    (found,) = rows(tables["customer_fields"], *names, customer_id=customer, field=field)
    return found


def test_what_staff_have_from_the_person_beats_what_is_newer(record: Tables) -> None:
    assert told(record, "phone") == (TYPED, "wecom_follows:ann:wm1", "S1", "verified", NEWER, "orders:S1:T11")
    assert rows(record["customers"], "phone", "name") == [(TYPED, "王雨")]


def test_what_an_employee_wrote_stays_with_the_store_and_the_customer_goes_with_the_employee(record: Tables) -> None:
    said = record["customer_statements"].filter(pl.col("source").str.starts_with("wecom_"))
    assert rows(said, "source", "store_id") == [("wecom_contacts", "S1")] * 3 + [("wecom_follows", "S1")] * 3
    assert rows(record["customer_owners"], "userid", "store_id") == [("ann", "S2")]
    assert rows(record["customers"], "owner_store_id") == [("S2",)]


def test_a_remark_is_a_name_unless_it_is_the_nickname(record: Tables) -> None:
    assert told(record, "name")[:4] == ("王雨", "wecom_follows:ann:wm1", "S1", "verified")
    names = rows(record["customer_statements"], "value", "source", "is_masked", "is_cleared", field="name")
    assert names == [
        ("小雨🌧", "wecom_contacts", False, False),
        ("微信用户", "leads", False, True),
        ("王**", "customers", True, False),
        ("王小雨", "orders", False, False),
        ("王雨", "wecom_follows", False, False),
    ], "neither the friend to whom a gift goes nor a receiver with a hidden phone"


def test_an_address_is_where_goods_go_under_the_own_phone(record: Tables) -> None:
    assert told(record, "address")[:4] == ("江苏省 苏州市 吴中区", "orders:S1:T9", "S1", "alone")
    assert told(record, "city")[:1] == ("广州",), "the file is more trusted than a receiver"


def test_a_value_that_says_nothing_never_survives(record: Tables) -> None:
    assert rows(record["customer_fields"], "field", field="email") == []
    assert rows(record["customers"], "email") == [(None,)]


def test_a_field_of_the_companys_own_is_read_from_the_files_column(record: Tables) -> None:
    assert told(record, "skin_type")[:4] == ("dry", "customers:C7", None, "alone")


def test_contact_points_are_all_of_them_and_one_is_first(record: Tables) -> None:
    points = rows(record["customer_contact_points"], "kind", "value", "is_primary", "is_verified", "records_count")
    assert points == [
        ("address", "江苏省 苏州市 吴中区", True, False, 1),
        ("phone", TYPED, True, True, 3),
        ("phone", NEWER, False, False, 3),
        ("wecom", "wm1", True, False, 2),
    ]


def test_home_store_region_and_owner_tell_their_rule(record: Tables) -> None:
    names = ("home_store_id", "home_store_rule", "region", "region_rule", "owner_userid", "owner_rule")
    assert rows(record["customers"], *names) == [("S1", "first_order", "east", "store", "ann", "earliest_follow_up")]
    assert rows(record["customer_owners"], "userid", "valid_from", "valid_to") == [("ann", at("2024-03-01"), None)]


def test_the_order_in_which_batches_arrive_changes_nothing(record: Tables, turned: Tables) -> None:
    for name in ("customer_statements", "customer_fields", "customer_contact_points", "customer_owners", "customers"):
        columns = record[name].columns
        assert record[name].height > 0
        assert record[name].sort(columns).equals(turned[name].sort(columns)), name


def test_customers_that_become_one_keep_what_was_said_of_both(record: Tables, apart: Tables) -> None:
    said = ("field", "value", "source", "record_id", "store_id", "records_count", "first_stated_at", "stated_at")
    once, twice = (tables["customer_statements"] for tables in (record, apart))
    assert set(twice["customer_id"]) == {"C1", "C2"}
    assert rows(once, *said) == rows(twice, *said)
    assert told(apart, "phone")[:4] == (TYPED, "wecom_follows:ann:wm1", "S1", "alone")
    assert told(apart, "phone", "C2")[:2] == (NEWER, "orders:S1:T11")
    assert rows(apart["customer_owners"], "userid", "rule", customer_id="C2") == [("dan", "latest_order")]
    assert rows(apart["customers"], "region", "region_rule", customer_id="C1") == [("south", "city")]


def test_nothing_is_decided_that_nobody_said(record: Tables) -> None:
    said = record["customer_statements"].select("customer_id", "field", "value", "source", "record_id")
    kept = record["customer_fields"].select("customer_id", "field", "value", "source", "record_id")
    assert kept.join(said, on=kept.columns, how="anti").is_empty()
    second = record["customer_fields"].filter(pl.col("runner_up_value").is_not_null())
    assert second.height > 0 and second.filter(pl.col("value") == pl.col("runner_up_value")).is_empty()
