"""WeCom behind its face: a few of the sample's staff, every stream, and people who go on working while it is read."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import polars as pl
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.sandbox import wecom as face
from pipelines.sandbox.wecom import Corp, Faults, WecomState
from tests.connectors.stand import Kind, Stand, Truth
from tests.wecom_company import few

NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)  # midnight in Beijing
PEOPLE, PAYMENTS = 9, 12
HISTORY = timedelta(days=179)
TOKEN_CALLS = 37  # a token ends in the middle of every sync
DAY_SECONDS = 86_400
KEY = ["userid", "external_userid"]

#: By dataset, the one that says which pass was the last; what the pass before has landed does not stand any more.
PASSES = {
    **dict.fromkeys(("wecom_staff", "wecom_staff_departments", "wecom_departments"), "wecom_staff"),
    **dict.fromkeys(("wecom_groups", "wecom_group_members"), "wecom_groups"),
    **dict.fromkeys(("wecom_links", "wecom_link_customers", "wecom_link_quotas"), "wecom_link_quotas"),
    "wecom_tags": "wecom_tags",
    "wecom_unassigned": "wecom_unassigned",
}
UNSEEN = {
    "corp_name": "the sample's contacts of other corps have none",
    "tag_name": "batch/get_by_user gives ids",
    "tag_group_name": "batch/get_by_user gives ids",
    "tag_type": "batch/get_by_user gives ids",
    "is_gone": "nobody left before the first pass",
    "chat_id": "messages go to contacts",
    "is_deleted": "deleted tags are left out of the list",
    "group_nickname": "nobody has one",
    "remark": "payments have none",
    "position": "departments of the face have an order, staff a position",
}


class _Edited:
    """An application whose answers are changed: fields that are new, have another name or another form."""

    def __init__(self, app: ASGIApp, busy: Callable[[str], object]) -> None:
        self.app = app
        self.busy = busy  # told of each path before it is answered
        self.edits: dict[bytes, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.busy(scope["path"])
        start: Message = {}

        async def edited(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body = message.get("body", b"")
            for old, new in self.edits.items():
                body = body.replace(old, new)
            headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
            await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
            await send({**message, "body": body})

        await self.app(scope, receive, edited)


@cache
def _state() -> WecomState:
    return few(PEOPLE)


def make(seed: int, moving: bool) -> Stand:
    clock = [NOW]
    application = face.create_app(deepcopy(_state()), Faults(token_calls=TOKEN_CALLS), now=lambda: clock[0].timestamp())
    corp: Corp = application.state.face.corps[face.CORP_ID]
    _pays(corp)
    unrest = {"moves": moving, "pages": seed}

    def busy(path: str) -> None:
        """At every second page of contacts, one of them moves behind all others of its member of staff, renamed."""
        if unrest["moves"] and path.endswith("/batch/get_by_user"):
            unrest["pages"] += 1
            if unrest["pages"] % 2:
                rows = corp.contacts[sorted(corp.contacts)[unrest["pages"] % len(corp.contacts)]]
                rows.append(rows.pop(0))
                rows[-1]["follow_info"]["remark"] = f"moved {unrest['pages']}"

    app = _Edited(application, busy)

    def pass_time(span: timedelta) -> None:
        clock[0] += span

    return Stand(
        system="wecom",
        app=app,
        path="/cgi-bin",
        dialect=face.DIALECT,
        options={
            "corp_id": face.CORP_ID,
            "secret": face.SECRET,
            "requests_per_second": 0,
            "page_size": 7,
            "others_every_hours": 0,
        },
        bad_options={
            "secret": ({"secret": "wrong"}, "the secret is wrong"),
            "corp": ({"corp_id": "ww-other"}, "the corp id is wrong"),
        },
        now=NOW,
        truth=lambda: _truth(corp, clock[0]),
        standing=_standing,
        change=lambda moment: _change(corp, moment),
        pass_time=pass_time,
        calm=lambda: unrest.update(moves=False),
        add_field=lambda: app.edits.update({b'"createtime":': b'"brand_new_field":"x","createtime":'}),
        rename_field=lambda: app.edits.update(
            {b'"createtime":': b'"created":', b'"transaction_id":': b'"transaction":'}
        ),
        spoil_amounts=lambda: _spoil(corp),
        without_totals="its lists are turned by a cursor and carry no total",
        others_go_on=True,
        secrets=(face.SECRET,),
        unseen=UNSEEN,
    )


def _pays(corp: Corp) -> None:
    """Payments of the last months, more than the few that so few staff take."""
    followed = [(u, e["external_contact"]["external_userid"]) for u, rows in corp.contacts.items() for e in rows]
    for number in range(PAYMENTS):
        at = round(NOW.timestamp()) - (3 + 13 * number) * DAY_SECONDS
        corp.company.bills.append(_bill(*followed[3 * number], at, f"W{number:05d}", 990 + number))


def _bill(userid: str, external: str, at: int, number: str, fee: int) -> dict[str, Any]:
    return {
        "transaction_id": f"10000{number}", "trade_state": 1, "pay_time": at, "out_trade_no": number,
        "external_userid": external, "total_fee": fee, "payee_userid": userid, "payment_type": 1,
        "mch_id": "1900000109", "remark": "", "total_refund_fee": 0, "refund_list": [],
    }  # fmt: skip


def _spoil(corp: Corp) -> None:
    for bill in corp.company.bills:
        bill["total_fee"] = "12,3"


def _change(corp: Corp, moment: datetime) -> None:
    """In every stream something is another than before: remarks, phones and tags bring no event, no time of change."""
    seconds = round(moment.timestamp())
    followed = [entry for _, entry in _entries(corp)]
    for entry in followed[:5]:
        entry["follow_info"]["remark"] = f"seen {seconds}"
    followed[5]["follow_info"]["remark_mobiles"] = [f"139{seconds % 10**8:08d}"]
    followed[6]["follow_info"]["tag_id"] = [corp.tag_groups[0]["tag"][0]["id"]]
    followed[7]["follow_info"]["tag_id"] = []
    renamed = followed[8]["external_contact"]["external_userid"]
    for entry in followed:
        if entry["external_contact"]["external_userid"] == renamed:
            entry["external_contact"] = {**entry["external_contact"], "name": f"renamed {seconds}"}
    longest = max(corp.contacts, key=lambda userid: len(corp.contacts[userid]))
    last = corp.contacts[longest][-1]["external_contact"]
    corp.leaves(longest, last["external_userid"])
    shortest = min(corp.contacts, key=lambda userid: len(corp.contacts[userid]))
    if all(e["external_contact"]["external_userid"] != last["external_userid"] for e in corp.contacts[shortest]):
        corp.adds(shortest, last)
    corp.company.bills.append(_bill(longest, last["external_userid"], seconds, f"C{seconds}", 1_234))
    corp.tag_groups[0]["tag"][0]["name"] = f"renamed {seconds}"
    corp.company.groups[0]["name"] = f"renamed {seconds}"
    next(iter(corp.links.values()))["link"]["link_name"] = f"renamed {seconds}"
    corp.staff[longest]["position"] = f"since {seconds}"  # type: ignore[index]


def _entries(corp: Corp) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((userid, entry) for userid, entries in corp.contacts.items() for entry in entries)


# ---------------------------------------------------------------- what must be true, read without the connector's code


def _standing(dataset: str, landed: Truth) -> pl.DataFrame:
    """Of all that was ever landed, what stands now."""
    found = landed[dataset]
    if dataset in PASSES:
        return found.filter(pl.col("sync_id") == landed[PASSES[dataset]]["sync_id"].max())
    newest = landed["wecom_follows"].unique(KEY, keep="last", maintain_order=True)
    follows = newest.filter(~pl.col("is_gone").fill_null(False))
    if dataset == "wecom_follows":
        return follows
    if dataset == "wecom_contacts":
        once = found.unique("external_userid", keep="last", maintain_order=True)
        return once.join(follows, on="external_userid", how="semi")
    if dataset in ("wecom_follow_phones", "wecom_follow_tags"):
        return found.join(follows, on=[*KEY, "sync_id"], how="semi")
    keys = {
        "wecom_behaviour": ["userid", "stat_date"],
        "wecom_payments": ["transaction_id"],
        "wecom_payment_refunds": ["transaction_id", "out_refund_no"],
        "wecom_messages": ["msgid"],
        "wecom_message_tasks": ["msgid", "userid"],
        "wecom_message_sends": ["msgid", "userid", "external_userid"],
    }
    return found.unique(keys[dataset], keep="last", maintain_order=True)


def _truth(corp: Corp, now: datetime) -> Truth:
    return {
        **_people(corp),
        **_community(corp),
        **_activity(corp, now),
    }


def _people(corp: Corp) -> Truth:
    names = {department["id"]: department["name"] for department in corp.state.departments}
    follows = [
        {
            **{name: entry["follow_info"][name] or None for name in ("remark", "description", "add_way", "state")},
            **dict(zip(KEY, (userid, entry["external_contact"]["external_userid"]), strict=True)),
            "followed_at": _utc(entry["follow_info"]["createtime"]),
        }
        for userid, entry in _entries(corp)
    ]
    profiles = {e["external_contact"]["external_userid"]: e["external_contact"] for _, e in _entries(corp)}
    ids = [(u, e["external_contact"]["external_userid"], e["follow_info"]) for u, e in _entries(corp)]
    staff = [dict(one) for one in corp.staff.values()]
    return {
        "wecom_staff": _rows(
            {
                **{name: one[name] for name in ("userid", "name", "position", "status")},
                "main_department": str(one["main_department"]),
                "department_name": names[one["main_department"]],
            }
            for one in staff
        ),
        "wecom_staff_departments": _rows(
            {"userid": one["userid"], "department_id": str(number), "is_leader": bool(leads)}
            for one in staff
            for number, leads in zip(one["department"], one["is_leader_in_dept"], strict=True)
        ),
        "wecom_departments": _rows(
            {"department_id": str(one["id"]), "name": one["name"], "parent_id": str(one["parentid"])}
            for one in corp.state.departments
        ),
        "wecom_follows": _rows(follows),
        "wecom_contacts": _rows(
            {"external_userid": external, "name": one["name"], "unionid": one.get("unionid"), "gender": one["gender"]}
            for external, one in profiles.items()
        ),
        "wecom_follow_phones": _rows(
            {"userid": userid, "external_userid": external, "phone": _e164(typed)}
            for userid, external, info in ids
            for typed in info["remark_mobiles"]
        ),
        "wecom_follow_tags": _rows(
            {"userid": userid, "external_userid": external, "tag_id": tag}
            for userid, external, info in ids
            for tag in info["tag_id"]
        ),
    }


def _community(corp: Corp) -> Truth:
    groups, links = corp.company.groups, corp.links
    customers = [(link_id, one) for link_id, link in links.items() for one in link["customers"]]
    return {
        "wecom_tags": _rows(
            {"tag_id": tag["id"], "name": tag["name"], "tag_group_id": group["group_id"]}
            for group in corp.tag_groups
            for tag in group["tag"]
            if not tag["deleted"]
        ),
        "wecom_groups": _rows(
            {"chat_id": one["chat_id"], "name": one["name"], "owner_userid": one["owner"], "status": one["status"]}
            for one in groups
        ),
        "wecom_group_members": _rows(
            {
                "chat_id": group["chat_id"],
                "member_id": member["userid"],
                "member_type": member["type"],
                "is_admin": member["userid"] == group["owner"],
                "joined_at": _utc(member["join_time"]),
            }
            for group in groups
            for member in group["member_list"]
        ),
        "wecom_links": _rows({"link_id": i, "name": one["link"]["link_name"]} for i, one in links.items()),
        "wecom_link_customers": _rows(
            {"link_id": link_id, **{name: one[name] for name in ("external_userid", "userid", "state")}}
            for link_id, one in customers
        ),
        "wecom_link_quotas": _rows([{"total": 10_000, "balance": 10_000 - len(customers)}]),
        "wecom_unassigned": _rows(
            {"handover_userid": one["handover_userid"], "external_userid": one["external_userid"]}
            for one in corp.unassigned
        ),
    }


def _activity(corp: Corp, now: datetime) -> Truth:
    oldest = (NOW - HISTORY).timestamp()
    bills = [bill for bill in corp.company.bills if bill["pay_time"] >= oldest]
    today = date(2026, 7, 1) + (now - NOW) // timedelta(days=1) * timedelta(days=1)
    days = [date(2026, 7, 1) - timedelta(days=back) for back in range(HISTORY.days, 0, -1)]
    days += [date(2026, 7, 1) + timedelta(days=n) for n in range((today - date(2026, 7, 1)).days)]
    figures = [(userid, corp.company.behaviour(userid), day) for userid in corp.follow_users for day in days]
    tasks = [(made, userid, rows) for made in corp.messages for userid, rows in made["sends"].items()]
    return {
        "wecom_behaviour": _rows(
            {
                "userid": userid,
                "stat_date": day,
                "chats": int(drawn["chat_cnt"][_index(day)]),
                "new_contacts": int(drawn["new_contact_cnt"][_index(day)]),
            }
            for userid, drawn, day in figures
        ),
        "wecom_payments": _rows(
            {
                **{name: bill[name] for name in ("transaction_id", "payee_userid", "external_userid")},
                "amount": bill["total_fee"],
                "refunded_amount": bill["total_refund_fee"],
                "paid_at": _utc(bill["pay_time"]),
            }
            for bill in bills
        ),
        "wecom_payment_refunds": _rows(
            {
                "transaction_id": bill["transaction_id"],
                "out_refund_no": one["out_refund_no"],
                "amount": one["refund_fee"],
            }
            for bill in bills
            for one in bill["refund_list"]
        ),
        "wecom_messages": _rows(
            {"msgid": one["msgid"], "text": one["text"]["content"], "created_at": _utc(one["create_time"])}
            for one in corp.messages
        ),
        "wecom_message_tasks": _rows(
            {"msgid": made["msgid"], "userid": userid, "status": 0 if _waits(rows) else 2}
            for made, userid, rows in tasks
        ),
        "wecom_message_sends": _rows(
            {"msgid": made["msgid"], "userid": userid, "external_userid": external, "status": row["status"]}
            for made, userid, rows in tasks
            for external, row in rows.items()
        ),
    }


def _waits(rows: dict[str, dict[str, Any]]) -> bool:
    return any(row["status"] == 0 for row in rows.values())


def _index(day: date) -> int:
    return (day - date(2020, 1, 1)).days


def _rows(rows: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), infer_schema_length=None)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _e164(typed: str) -> str:
    digits = typed.replace(" ", "").replace("-", "")
    return digits if digits.startswith("+") else f"+86{digits}"


WECOM = Kind("wecom", make)
