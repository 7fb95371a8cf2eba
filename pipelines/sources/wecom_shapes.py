"""Where the columns of each WeCom dataset stand in the vendor's records (``sources`` of facts: the contracts)."""

import msgspec
import polars as pl

from models.contracts import RAW_COLUMN
from pipelines.sources.records import INTEGER, TEXT, Field, Reader
from pipelines.sources.wecom_frames import SECONDS, TEXTS, TRUTH, Rows, Shape, shape

_BEIJING_SECONDS = 8 * 3_600
#: A percentage such as 83.25 as a share.
_PERCENT = Reader(lambda text: (text.cast(pl.Decimal(20, 10), strict=False) / 100).cast(pl.Decimal(20, 10)), "a number")
_BEIJING_DAY = Reader(
    lambda text: pl.from_epoch(text.cast(pl.Int64, strict=False) + _BEIJING_SECONDS, time_unit="s").dt.date(),
    "the midnight of a day in seconds",
)

DEPARTMENTS = shape(
    "wecom_departments",
    ("department_id", "id", TEXT),
    ("name", "name", TEXT),
    ("parent_id", "parentid", TEXT),
    ("position", "order", INTEGER),
)
STAFF = shape(
    "wecom_staff",
    ("userid", "userid", TEXT),
    ("name", "name", TEXT),
    ("position", "position", TEXT),
    ("main_department", "main_department", TEXT),
    ("department_name", "department_name", TEXT),
    ("status", "status", INTEGER),
)
STAFF_DEPARTMENTS = Shape(
    "wecom_staff_departments",
    {"userid": pl.String(), "main_department": pl.String(), "department": TEXTS, "is_leader_in_dept": TEXTS},
    [
        Field("userid", "userid", TEXT),
        Field("department_id", "department", TEXT),
        Field("is_main", (pl.col("department") == pl.col("main_department")).cast(pl.String), TRUTH),
        Field("is_leader", "leads", TRUTH),
    ],
)
TAGS = shape(
    "wecom_tags",
    ("tag_id", "id", TEXT),
    ("name", "name", TEXT),
    ("position", "order", INTEGER),
    ("is_deleted", "deleted", TRUTH),
    ("created_at", "create_time", SECONDS),
)
GROUPS = shape(
    "wecom_groups",
    ("chat_id", "chat_id", TEXT),
    ("name", "name", TEXT),
    ("owner_userid", "owner", TEXT),
    ("notice", "notice", TEXT),
    ("created_at", "create_time", SECONDS),
)
GROUP_MEMBERS = Shape(
    "wecom_group_members",
    dict.fromkeys(("userid", "type", "unionid", "name", "group_nickname", "join_scene", "join_time"), pl.String())
    | {"invitor": pl.Struct({"userid": pl.String()})},
    [
        Field("member_id", "userid", TEXT),
        Field("member_type", "type", INTEGER),
        Field("unionid", "unionid", TEXT),
        Field("name", "name", TEXT),
        Field("group_nickname", "group_nickname", TEXT),
        Field("invited_by", pl.col("invitor").struct.field("userid"), TEXT),
        Field("join_scene", "join_scene", INTEGER),
        Field("joined_at", "join_time", SECONDS),
    ],
)
LINKS = shape(
    "wecom_links",
    ("link_id", "link_id", TEXT),
    ("name", "link_name", TEXT),
    ("url", "url", TEXT),
    ("skips_verify", "skip_verify", TRUTH),
    ("created_at", "create_time", SECONDS),
)
LINK_CUSTOMERS = shape(
    "wecom_link_customers",
    ("external_userid", "external_userid", TEXT),
    ("userid", "userid", TEXT),
    ("chat_status", "chat_status", INTEGER),
    ("state", "state", TEXT),
)
LINK_QUOTAS = shape("wecom_link_quotas", ("total", "total", INTEGER), ("balance", "balance", INTEGER))
UNASSIGNED = shape(
    "wecom_unassigned",
    ("handover_userid", "handover_userid", TEXT),
    ("external_userid", "external_userid", TEXT),
    ("left_at", "dimission_time", SECONDS),
)
TRANSFERS = shape(
    "wecom_transfers",
    ("external_userid", "external_userid", TEXT),
    ("status", "status", INTEGER),
    ("taken_over_at", "takeover_time", SECONDS),
)
BEHAVIOUR = shape(
    "wecom_behaviour",
    ("stat_date", "stat_time", _BEIJING_DAY),
    ("chats", "chat_cnt", INTEGER),
    ("messages", "message_cnt", INTEGER),
    ("reply_rate", "reply_percentage", _PERCENT),
    ("first_reply_minutes", "avg_reply_time", INTEGER),
    ("negative_feedbacks", "negative_feedback_cnt", INTEGER),
    ("applications", "new_apply_cnt", INTEGER),
    ("new_contacts", "new_contact_cnt", INTEGER),
)
PAYMENTS = shape(
    "wecom_payments",
    ("transaction_id", "transaction_id", TEXT),
    ("out_trade_no", "out_trade_no", TEXT),
    ("trade_state", "trade_state", INTEGER),
    ("payment_type", "payment_type", INTEGER),
    ("payee_userid", "payee_userid", TEXT),
    ("external_userid", "external_userid", TEXT),
    ("mch_id", "mch_id", TEXT),
    ("remark", "remark", TEXT),
    ("amount", "total_fee", INTEGER),
    ("refunded_amount", "total_refund_fee", INTEGER),
    ("paid_at", "pay_time", SECONDS),
)
PAYMENT_REFUNDS = shape(
    "wecom_payment_refunds",
    ("out_refund_no", "out_refund_no", TEXT),
    ("refund_userid", "refund_userid", TEXT),
    ("comment", "refund_comment", TEXT),
    ("status", "refund_status", INTEGER),
    ("amount", "refund_fee", INTEGER),
    ("requested_at", "refund_reqtime", SECONDS),
)
MESSAGES = Shape(
    "wecom_messages",
    dict.fromkeys(("msgid", "creator", "create_type", "create_time"), pl.String())
    | {"text": pl.Struct({"content": pl.String()}), "attachments": pl.List(pl.Struct({"msgtype": pl.String()}))},
    [
        Field("msgid", "msgid", TEXT),
        Field("creator_userid", "creator", TEXT),
        Field("create_type", "create_type", INTEGER),
        Field("text", pl.col("text").struct.field("content"), TEXT),
        Field("attachments_count", pl.col("attachments").list.len().cast(pl.String), INTEGER),
        Field("created_at", "create_time", SECONDS),
    ],
)
MESSAGE_TASKS = shape(
    "wecom_message_tasks", ("userid", "userid", TEXT), ("status", "status", INTEGER), ("sent_at", "send_time", SECONDS)
)
MESSAGE_SENDS = shape(
    "wecom_message_sends",
    ("userid", "userid", TEXT),
    ("external_userid", "external_userid", TEXT),
    ("chat_id", "chat_id", TEXT),
    ("status", "status", INTEGER),
    ("sent_at", "send_time", SECONDS),
)


def staff_departments(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per member and department; who leads stands in a list of its own, in the same order."""
    return (
        frame.with_columns(pl.int_ranges(pl.col("department").list.len()).alias("place"))
        .explode("department", "place")
        .drop_nulls("department")
        .with_columns(pl.col("is_leader_in_dept").list.get(pl.col("place"), null_on_oob=True).alias("leads"))
        .drop("place", "is_leader_in_dept")
    )


def named_staff(departments: list[bytes]) -> pl.DataFrame:
    """department id → name, for the join of ``with_department``."""
    rows = [msgspec.json.decode(record) for record in departments]
    return pl.DataFrame(
        {"main_department": [str(row.get("id")) for row in rows], "department_name": [row.get("name") for row in rows]},
        schema={"main_department": pl.String, "department_name": pl.String},
    )


class _Member(msgspec.Struct):
    userid: str = ""


def tag_rows(groups: list[bytes]) -> list[Rows]:
    """The tags of get_corp_tag_list, each with its group. Raises ValueError when a part is of another form."""
    found = []
    for group in groups:
        given = msgspec.json.decode(group, type=dict[str, msgspec.Raw])
        tags = [bytes(tag) for tag in msgspec.json.decode(given.get("tag", b"[]"), type=list[msgspec.Raw])]
        context = {
            "tag_group_id": msgspec.json.decode(given.get("group_id", b"null")),
            "tag_group_name": msgspec.json.decode(given.get("group_name", b"null")),
        }
        found.append(Rows(TAGS, tags, context))
    return found


def group_rows(group: bytes, status: int) -> list[Rows]:
    """A group and its members, in rows of their own. Raises ValueError when a part is of another form."""
    given = msgspec.json.decode(group, type=dict[str, msgspec.Raw])
    chat_id = msgspec.json.decode(given.get("chat_id", b"null"))
    admins = {one.userid for one in msgspec.json.decode(given.get("admin_list", b"[]"), type=list[_Member])}
    by_right: dict[bool, list[bytes]] = {True: [], False: []}
    for member in msgspec.json.decode(given.get("member_list", b"[]"), type=list[msgspec.Raw]):
        by_right[msgspec.json.decode(member, type=_Member).userid in admins].append(bytes(member))
    members = [
        Rows(GROUP_MEMBERS, found, {"chat_id": chat_id, "is_admin": right})
        for right, found in by_right.items()
        if found
    ]
    return [Rows(GROUPS, [group], {"status": status}), *members]


def refund_rows(frame: pl.DataFrame) -> list[Rows]:
    """The refunds of payments that were decoded, from their untouched records. Raises ValueError as above."""
    found = []
    for raw in frame.filter(pl.col(RAW_COLUMN).str.contains("refund_list"))[RAW_COLUMN]:
        given = msgspec.json.decode(raw.encode(), type=dict[str, msgspec.Raw])
        refunds = msgspec.json.decode(given["refund_list"], type=list[msgspec.Raw] | None) or []
        if refunds:
            payment = msgspec.json.decode(given.get("transaction_id", b"null"))
            found.append(Rows(PAYMENT_REFUNDS, [bytes(one) for one in refunds], {"transaction_id": payment}))
    return found
