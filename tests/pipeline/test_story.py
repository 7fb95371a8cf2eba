"""One person's story over every source, from landed rows through the real run to the published timeline.

Accidents it prevents: a source that knows a person by another identifier and so tells its part on another timeline, a
kind that nothing writes, an order of things that depends on chance, a message's words or a phone inside the arguments.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from dashboards.text import Words
from dashboards.timeline import sentence
from models.contracts import CONTRACTS
from models.interactions import BY_KIND, KINDS, TEXTS
from models.serving import Snapshots, Viewer, run
from pipelines.lake import Lake, Part, content_key
from tests.conftest import Company
from tests.factories_lake import Row, at, contact, customer_record, follow, follow_phone, landed, order_line, store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BUSINESS_DATE = date(2026, 7, 1)
LIN, CHEN = "+8613800000001", "+8613800000002"
SECRET = "My number is 13800000001"  # what somebody wrote, which no argument may tell
OWNER = Viewer("owner", "", frozenset({"owner"}), None, True, None)


def message(msgid: str, when: str, sender: str, receiver: str, **more: object) -> tuple[Row, Row]:
    kinds = {"ann": "staff"}
    row = {
        "corp_id": "corp",
        "msgid": msgid,
        "seq": 1,
        "action": "send",
        "kind": "text",
        "text": SECRET,
        "from_id": sender,
    }
    row |= {"from_kind": kinds.get(sender, "external"), "receivers_count": 1, "sent_at": at(when), **more}
    to = {"corp_id": "corp", "msgid": msgid, "receiver_id": receiver, "receiver_kind": kinds.get(receiver, "external")}
    return row, to


def event(number: int, when: str, kind: str, openid: str, **more: object) -> Row:
    return {"app_id": "mall", "event_id": f"e{number}", "kind": kind, "openid": openid, "occurred_at": at(when), **more}


#: The story: each line is known by another identifier. Who reads it tells that it is one person.
STORY = [
    ("ad_clicked", "2026-03-01 02:00"),
    ("form_submitted", "2026-03-01 02:10"),
    ("contact_added", "2026-03-02 03:00"),
    ("message_received", "2026-03-02 03:05"),
    ("message_sent", "2026-03-02 03:06"),
    ("visit_booked", "2026-03-03 01:00"),
    ("visit_done", "2026-03-07 06:00"),
    ("enrolled", "2026-03-07 08:00"),
    ("lead_won", "2026-03-07 08:00"),
    ("ticket_opened", "2026-04-10 02:00"),
    ("ticket_solved", "2026-04-11 02:00"),
    ("ticket_closed", "2026-04-12 02:00"),
    ("reviewed", "2026-04-12 02:00"),
    ("order_paid", "2026-06-01 04:00"),
]


def lins_story() -> Mapping[str, Sequence[Row]]:
    asked, answered = (
        message("m1", "2026-03-02 03:05", "wmlin", "ann"),
        message("m2", "2026-03-02 03:06", "ann", "wmlin", kind="image"),
    )
    lead = {
        "lead_id": "L1",
        "phone": LIN,
        "unionid": "unlin",
        "name": "林晓",
        "source": "表单",
        "interest": "茶艺入门班",
    }
    lead |= {"stage": "won", "currency": "CNY", "amount": 198_000, "created_at": at("2026-03-01 02:10")}
    visit = {"visit_id": "V1", "store_id": "S1", "line_no": "1", "phone": LIN, "name": "林晓", "service_item": "试听课"}
    visit |= {"currency": "CNY", "booked_at": at("2026-03-03 01:00"), "visited_at": at("2026-03-07 06:00")}
    course = {"enrolment_id": "E1", "member_no": "M1", "phone": LIN, "course_id": "C1", "course_name": "茶艺入门班"}
    course |= {"name": "林晓", "store_id": "S1", "currency": "CNY", "hours_bought": Decimal(24), "paid_amount": 198_000}
    ticket = {
        "ticket_id": "T1",
        "external_userid": "wmlin",
        "subject": SECRET,
        "category": "课程投诉",
        "store_id": "S1",
    }
    ticket |= {"satisfaction": 9, "opened_at": at("2026-04-10 02:00"), "resolved_at": at("2026-04-11 02:00")}
    return {
        "app_events": [event(1, "2026-03-01 02:00", "launch", "olin", unionid="unlin", campaign_id="spring")],
        "leads": [{**lead, "closed_at": at("2026-03-07 08:00")}],
        "wecom_contacts": [contact("wmlin", unionid="unlin", name="晓", contact_type=1)],
        "wecom_follows": [follow("ann", "wmlin", "2026-03-02 03:00", add_way=1)],
        "wecom_follow_phones": [follow_phone("ann", "wmlin", LIN)],
        "chat_messages": [asked[0], answered[0]],
        "chat_receivers": [asked[1], answered[1]],
        "visits": [visit],
        "enrolments": [{**course, "enrolled_at": at("2026-03-07 08:00")}],
        "tickets": [{**ticket, "closed_at": at("2026-04-12 02:00")}],
        "orders": [order_line("R1", "2026-06-01 04:00", line_no="1", buyer_member_no="M1", product_name="龙井")],
    }


def chens_everything() -> Mapping[str, Sequence[Row]]:
    """Every kind that the story lacks, and things of nobody."""
    him = {"phone": CHEN, "member_no": "M2", "unionid": "unchen", "name": "陈伟"}
    asked = [
        message("m3", "2026-05-01 01:00", "wmchen", "ann", kind="voiptext"),
        message("m4", "2026-05-01 01:01", "wmchen", "ann", room_id="wr1"),
        message("m5", "2026-05-01 01:02", "wmnobody", "ann"),
        message("m6", "2026-05-01 01:03", "wmchen", "ann", kind="agree"),
    ]
    logged = (
        "launch",
        "login",
        "page",
        "search",
        "view",
        "share",
        "favourite",
        "add_to_cart",
        "checkout",
        "pay",
        "zoom",
    )
    about = {"object_type": "product", "object_id": "P1"}
    more = {"search": {"keyword": "龙井"}, "page": {"page": f"pages/index?phone={CHEN}"}}
    more |= dict.fromkeys(("view", "share", "favourite", "add_to_cart"), about)
    events = [
        event(10 + place, f"2026-05-02 02:{place:02}", kind, "ochen", unionid="unchen", **more.get(kind, {}))
        for place, kind in enumerate(logged)
    ]
    entry = {**him, "currency": "CNY", "store_id": "S1"}
    points = [("earned", 50), ("spent", -20), ("expired", -30)]
    cards = [("opened", 10_000), ("used", -4_000), ("refunded", -6_000)]
    visit = {**entry, "line_no": "1", "service_item": "茶疗", "visited_at": at("2026-05-06")}
    lead = {**him, "source": "exhibition", "currency": "CNY", "created_at": at("2026-05-01")}
    order = {"buyer_member_no": "M2", "line_no": "1", "product_name": "龙井", "store_id": "S1"}
    sent = {"corp_id": "corp", "msgid": "mm1"}
    return {
        "app_events": events,
        "products": [{"product_id": "P1", "name": "明前龙井"}],
        "chat_messages": [row for row, _ in asked],
        "chat_receivers": [to for _, to in asked],
        "wecom_contacts": [contact("wmchen", unionid="unchen", contact_type=1)],
        "wecom_follows": [follow("ann", "wmchen", "2026-04-01", add_way=16)],
        "wecom_links": [
            {"corp_id": "corp", "sync_id": "p", "link_id": "k1", "name": "海报", "created_at": at("2026-01-01")}
        ],
        "wecom_link_customers": [
            {"corp_id": "corp", "sync_id": "p", "link_id": "k1", "external_userid": "wmchen", "userid": "ann"}
        ],
        "wecom_groups": [
            {"corp_id": "corp", "sync_id": "p", "chat_id": "wr1", "name": "茶友群", "owner_userid": "ann"}
            | {"created_at": at("2026-01-01")}
        ],
        "wecom_group_members": [
            {"corp_id": "corp", "sync_id": "p", "chat_id": "wr1", "member_id": "wmchen", "member_type": 2}
            | {"joined_at": at("2026-04-02")}
        ],
        "wecom_events": [
            {"corp_id": "corp", "event_id": "x1", "event": "change_external_contact", "change_type": "del_follow_user"}
            | {"userid": "ann", "external_userid": "wmchen", "occurred_at": at("2026-06-20")}
        ],
        "wecom_payments": [
            {"corp_id": "corp", "transaction_id": "t1", "external_userid": "wmchen", "payee_userid": "ann"}
            | {"amount": 500, "paid_at": at("2026-05-03")}
        ],
        "wecom_payment_refunds": [
            {"corp_id": "corp", "transaction_id": "t1", "out_refund_no": "r1", "status": 1, "amount": 200}
            | {"requested_at": at("2026-05-04")}
        ],
        "wecom_messages": [{**sent, "chat_type": "single", "text": SECRET, "created_at": at("2026-05-05")}],
        "wecom_message_sends": [
            {**sent, "userid": "ann", "external_userid": "wmchen", "status": 1, "sent_at": at("2026-05-05 01:00")}
        ],
        "customers": [customer_record("k2", "2026-04-01", phone=CHEN, member_no="M2", name="陈伟", unionid="unchen")],
        "members": [{**him, "level": "gold", "store_id": "S1", "joined_at": at("2026-04-01")}],
        "leads": [
            {**lead, "lead_id": "L2", "stage": "战败", "lost_reason": "价格超预算", "closed_at": at("2026-05-09")},
        ],
        "follow_ups": [  # named by its lead alone
            {"follow_up_id": "F1", "lead_id": "L2", "staff_id": "7", "content": SECRET, "outcome": "再联系"}
            | {"channel": "phone", "followed_at": at("2026-05-02")}
        ],
        "points": [
            {**him, "entry_id": f"p{kind}", "kind": kind, "points": number, "occurred_at": at("2026-05-10")}
            for kind, number in points
        ],
        "cards": [
            {
                **entry,
                "entry_id": f"c{kind}",
                "card_id": "K",
                "card_type": "stored_value",
                "kind": kind,
                "amount": amount,
            }
            | {"occurred_at": at("2026-05-11")}
            for kind, amount in cards
        ],
        "coupons": [
            {"coupon_code": "Q1", "phone": CHEN, "coupon_name": "满减券", "store_id": "S1", "currency": "CNY"}
            | {"discount_amount": 500, "issued_at": at("2026-05-12"), "used_at": at("2026-05-13")}
        ],
        "visits": [
            {**visit, "visit_id": "V2", "status": "no_show"},
            {**visit, "visit_id": "V3", "status": "cancelled"},
        ],
        "orders": [
            order_line("A1", "2026-05-20", paid_at=at("2026-05-20 01:00"), **order),
            order_line("A2", "2026-05-21", status="unpaid", **order),
            order_line("A3", "2026-05-22", line_no="1", store_id="S1"),  # nobody's
        ],
        "refunds": [
            {"refund_id": "B1", "store_id": "S1", "order_id": "A1", "refund_amount": 300, "currency": "CNY"}
            | {"reason": "包装破损", "refunded_at": at("2026-05-25")}
        ],
        "consents": [
            {"identifier_type": "phone", "identifier": CHEN, "purpose": "marketing", "channel": "sms", "state": state}
            | {"decided_at": at(when)}
            for state, when in (("granted", "2026-05-26"), ("withdrawn", "2026-05-27"))
        ],
        "youzan_trades": [
            {"client_id": "c", "shop_id": "S9", "tid": "Y1", "status": "TRADE_SUCCESS", "payment": 900}
            | {
                "total_fee": 900,
                "post_fee": 0,
                "yz_open_id": "yzchen",
                "created_at": at("2026-05-28"),
                "paid_at": at("2026-05-28 01:00"),
            }
            | {"consigned_at": at("2026-05-29"), "succeeded_at": at("2026-05-30"), "modified_at": at("2026-05-30")}
        ],
        "youzan_trade_lines": [
            {"shop_id": "S9", "tid": "Y1", "oid": "1", "item_id": "P1", "title": "龙井", "num": Decimal(1)}
            | {"price": Decimal(9), "payment": 900, "modified_at": at("2026-05-30")}
        ],
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    """The company of both, landed and published."""
    company = Company(tmp_path_factory.mktemp("story") / "home")
    lake = Lake(company.settings.lake_dir)
    shared = {
        "stores": [store("S1", name="湖滨店"), store("S9", store_type="online")],
        "wecom_staff": [
            {"corp_id": "corp", "sync_id": "p", "userid": "ann", "name": "安安", "department_name": "S1", "status": 1}
        ],
    }
    for number, batch in enumerate((shared, lins_story(), chens_everything())):
        parts = [Part("landed", name, landed(name, rows, batch="b")) for name, rows in batch.items()]
        lake.commit(source="test", key=content_key("story", str(number)), parts=parts)
    company.scrm("run", "--business-date", str(BUSINESS_DATE))
    return Snapshots(company.settings.published_dir)


def _timeline(told: Snapshots, phone: str) -> pl.DataFrame:
    """Oldest first."""
    snapshot = told.current()
    owner = "select customer_id from customer_identifiers where identifier = $phone and is_owner"
    customer_id = snapshot.query(owner, {"phone": phone}).item()
    return run(snapshot, "customer_timeline", OWNER, customer_id=customer_id, limit=1000).reverse()


def test_the_whole_story_stands_on_one_timeline_in_its_order(told: Snapshots) -> None:
    found = _timeline(told, LIN)
    assert found.select("kind", "occurred_at").rows() == [(kind, at(when)) for kind, when in STORY]
    assert set(found.filter(pl.col("channel") == "wecom")["store_name"]) == {"湖滨店"}
    assert found.filter(pl.col("amount").is_not_null()).select("kind", "amount", "currency").rows() == [
        ("enrolled", 198_000, "CNY"),
        ("lead_won", 198_000, "CNY"),
        ("order_paid", 1_000, "CNY"),
    ]


def test_the_story_reads_in_both_languages(told: Snapshots) -> None:
    rows = _timeline(told, LIN).select("text_key", "kind", "arguments").rows()
    zh, en = ([sentence(*row, Words(language)) for row in rows] for language in ("zh", "en"))
    assert zh[0:2] == ["通过推广活动“spring”进入", "提交了表单，意向：茶艺入门班"]
    assert zh[4] == "收到员工发送的图片"
    assert en[6:9] == ["Visited the store for 试听课", "Signed up for 茶艺入门班, 24 hours", "The lead was won"]
    assert en[-2:] == ["Rated the service: 9", "Bought 龙井"]


def test_every_kind_is_written_by_some_source(told: Snapshots) -> None:
    rows = told.current().query("select distinct kind from interactions", {})
    assert sorted(set(BY_KIND) - set(rows["kind"])) == []
    assert sorted(set(rows["kind"]) - set(BY_KIND)) == []


def test_text_keys_have_exactly_the_arguments_of_their_sentence(told: Snapshots) -> None:
    for key, arguments in told.current().query("select distinct text_key, arguments from interactions", {}).rows():
        assert set(json.loads(arguments or "{}")) == set(TEXTS[key]), key


def test_nothing_that_people_wrote_and_no_identifier_is_an_argument(told: Snapshots) -> None:
    snapshot = told.current()
    arguments = "\n".join(snapshot.query("select arguments from interactions", {})["arguments"].drop_nulls())
    numbers = snapshot.query("select identifier from customer_identifiers where identifier_type <> 'record'", {})
    assert arguments.count("{") > 10
    assert SECRET not in arguments
    assert [number for number in numbers["identifier"] if number in arguments] == []


def test_what_is_nobodys_or_told_by_something_else_is_on_no_timeline(told: Snapshots) -> None:
    numbers = set(told.current().query("select object_id from interactions", {})["object_id"])
    assert not numbers & {"corp:m5", "corp:m6", "S1:A3", "mall:e19"}
    assert {"corp:m3", "corp:m4", "S1:A1", "mall:e20"} <= numbers


def test_an_order_that_was_paid_at_once_was_not_placed_beside(told: Snapshots) -> None:
    orders = _timeline(told, CHEN).filter(pl.col("object_type") == "order").select("kind", "object_id").rows()
    assert orders == [("order_placed", "S1:A1"), ("order_paid", "S1:A1"), ("order_placed", "S1:A2")]
    assert "order_placed" not in set(_timeline(told, LIN)["kind"])


def test_the_last_interaction_is_the_last_own_act(told: Snapshots) -> None:
    people = told.current().query("select phone, last_interaction_at from customers", {})
    last = dict(people.rows())
    assert last[CHEN] == at("2026-05-27"), "the consent he withdrew; that he was lost as a contact is no touch"
    own = {kind.kind for kind in KINDS if kind.is_touch}
    assert last[LIN] == _timeline(told, LIN).filter(pl.col("kind").is_in(own))["occurred_at"].max()


def test_everything_landed_is_of_a_contract() -> None:
    assert {*lins_story(), *chens_everything()} <= set(CONTRACTS)
