"""WeCom's interfaces of statistics, acquisition links, payments and what became of mass messages in the sandbox."""

import numpy as np

from pipelines.sandbox.wecom_company import Record, day_index
from pipelines.sandbox.wecom_corp import Corp
from pipelines.sandbox.wecom_protocol import (
    BAD_PARAMETER,
    DAY_SECONDS,
    NO_RIGHT,
    NO_SUCH_USER,
    Body,
    RefusalError,
    midnight,
    paged,
    text,
    texts,
    whole,
)

BEHAVIOUR_SPAN_DAYS, BEHAVIOUR_BACK_DAYS = 30, 180
BILL_SPAN_DAYS = 31  # not verified at the vendor
MESSAGE_SPAN_DAYS = 31
_QUOTA = 10_000
_COUNTS = ("chat_cnt", "message_cnt", "negative_feedback_cnt", "new_apply_cnt", "new_contact_cnt")


def behaviour(corp: Corp, body: Body) -> Record:
    """By day, closed at both ends; the figures of several members of staff are added up. Today is not there yet."""
    given = body.get("userid")  # an older client sends one text
    userids = [given] if isinstance(given, str) else texts(body, "userid", 100)
    for userid in userids:
        if userid not in corp.staff:
            raise RefusalError(NO_SUCH_USER, "userid not found")
        if userid not in corp.follow_users:
            raise RefusalError(NO_RIGHT, "no permission of external contact")
    begin = midnight(whole(body, "start_time", 1, 2**40))
    end = midnight(whole(body, "end_time", 1, 2**40))
    today = midnight(round(corp.now()))
    if end < begin or end - begin > BEHAVIOUR_SPAN_DAYS * DAY_SECONDS:
        raise RefusalError(BAD_PARAMETER, f"start_time and end_time may span {BEHAVIOUR_SPAN_DAYS} days")
    if begin < today - BEHAVIOUR_BACK_DAYS * DAY_SECONDS:
        raise RefusalError(BAD_PARAMETER, f"start_time is more than {BEHAVIOUR_BACK_DAYS} days ago")
    days = list(range(begin, min(end, today - DAY_SECONDS) + 1, DAY_SECONDS))
    drawn = [corp.company.behaviour(userid) for userid in userids]
    at = np.array([day_index(day) for day in days], dtype=np.int64)
    rows: list[Record] = [{"stat_time": day} for day in days]
    for name in _COUNTS:
        total = np.sum([one[name][at] for one in drawn], axis=0)
        for row, value in zip(rows, np.atleast_1d(total).tolist(), strict=True):
            row[name] = value
    for number, row in enumerate(rows):
        if row["chat_cnt"]:  # shares of nothing are left out
            first = max(drawn, key=lambda one: int(one["chat_cnt"][at[number]]))
            row["reply_percentage"] = int(first["reply_percent_hundredths"][at[number]]) / 100
            row["avg_reply_time"] = int(first["avg_reply_time"][at[number]])
    return {"behavior_data": rows}


# ------------------------------------------------------------------ acquisition


def links(corp: Corp, body: Body) -> Record:
    return paged("link_id_list", sorted(corp.links), body, most=100)


def link(corp: Corp, body: Body) -> Record:
    found = _link(corp, body)
    return {name: found[name] for name in ("link", "range", "priority_option")}


def link_customers(corp: Corp, body: Body) -> Record:
    found = _link(corp, body)
    return paged("customer_list", found["customers"], body, most=1_000, owner=[found["link"]["link_id"]])


def create_link(corp: Corp, body: Body) -> Record:
    name = text(body, "link_name", most_bytes=90)
    users = texts(body.get("range") or {}, "user_list", 500)
    link_id = f"cawcmade{len(corp.links):08d}"
    made = {
        "link_id": link_id,
        "link_name": name,
        "url": f"https://work.weixin.qq.com/ca/{link_id}",
        "create_time": round(corp.now()),
        "skip_verify": bool(body.get("skip_verify", True)),
    }
    corp.links[link_id] = {"link": made, "range": {"user_list": users}, "priority_option": {}, "customers": []}
    return {"link": made}


def update_link(corp: Corp, body: Body) -> Record:
    found = _link(corp, body)
    if "link_name" in body:
        found["link"]["link_name"] = text(body, "link_name", most_bytes=90)
    if "range" in body:
        found["range"] = {"user_list": texts(body["range"], "user_list", 500)}
    return {}


def delete_link(corp: Corp, body: Body) -> Record:
    del corp.links[_link(corp, body)["link"]["link_id"]]
    return {}


def quota(corp: Corp, _: Body) -> Record:
    used = sum(len(found["customers"]) for found in corp.links.values())
    ends = midnight(round(corp.now())) + 365 * DAY_SECONDS
    return {
        "total": _QUOTA,
        "balance": max(_QUOTA - used, 0),
        "quota_list": [{"expire_date": ends, "balance": max(_QUOTA - used, 0)}],
    }


def _link(corp: Corp, body: Body) -> Record:
    found = corp.links.get(text(body, "link_id"))
    if found is None:
        raise RefusalError(BAD_PARAMETER, "link_id not found")
    return found


# ------------------------------------------------------------------ payments


def bills(corp: Corp, body: Body) -> Record:
    begin, end = whole(body, "begin_time", 1, 2**40), whole(body, "end_time", 1, 2**40)
    if end < begin or end - begin > BILL_SPAN_DAYS * DAY_SECONDS:
        raise RefusalError(BAD_PARAMETER, f"begin_time and end_time may span {BILL_SPAN_DAYS} days")
    payee = body.get("payee_userid") or ""
    found = [
        bill
        for bill in corp.company.bills
        if begin <= bill["pay_time"] <= min(end, corp.now()) and payee in ("", bill["payee_userid"])
    ]
    return paged("bill_list", found, body, most=1_000, owner=[begin, end, payee])


# ------------------------------------------------------------------ mass messages


def messages(corp: Corp, body: Body) -> Record:
    begin, end = whole(body, "start_time", 1, 2**40), whole(body, "end_time", 1, 2**40)
    if end < begin or end - begin > MESSAGE_SPAN_DAYS * DAY_SECONDS:
        raise RefusalError(BAD_PARAMETER, "start_time and end_time may span a month")
    kind = body.get("chat_type", "single")
    found = [
        {name: value for name, value in made.items() if name != "sends"}
        for made in corp.messages
        if begin <= made["create_time"] <= end and kind == made.get("chat_type", "single")
    ]
    return paged("group_msg_list", found, body, most=100, owner=[begin, end, kind])


def message_tasks(corp: Corp, body: Body) -> Record:
    made = corp.message(text(body, "msgid"))
    rows = []
    for userid, sends in sorted(made["sends"].items()):
        times = [row["send_time"] for row in sends.values() if "send_time" in row]
        waits = any(row["status"] == 0 for row in sends.values())
        rows.append({"userid": userid, "status": 0 if waits else 2} | ({"send_time": max(times)} if times else {}))
    return paged("task_list", rows, body, most=1_000, usual=500, owner=[made["msgid"]])


def message_results(corp: Corp, body: Body) -> Record:
    made, userid = corp.message(text(body, "msgid")), text(body, "userid")
    rows = [row for _, row in sorted(made["sends"].get(userid, {}).items())]
    return paged("send_list", rows, body, most=1_000, usual=500, owner=[made["msgid"], userid])


def old_message_results(corp: Corp, body: Body) -> Record:
    """The interface that older clients call: everything at once."""
    made = corp.message(text(body, "msgid"))
    return {"check_status": 1, "detail_list": [row for rows in made["sends"].values() for row in rows.values()]}


ANSWERS = (
    ("POST", "/externalcontact/get_user_behavior_data", behaviour),
    ("POST", "/externalcontact/customer_acquisition/list_link", links),
    ("POST", "/externalcontact/customer_acquisition/get", link),
    ("POST", "/externalcontact/customer_acquisition/customer", link_customers),
    ("POST", "/externalcontact/customer_acquisition/create_link", create_link),
    ("POST", "/externalcontact/customer_acquisition/update_link", update_link),
    ("POST", "/externalcontact/customer_acquisition/delete_link", delete_link),
    ("GET", "/externalcontact/customer_acquisition_quota", quota),
    ("POST", "/externalpay/get_bill_list", bills),
    ("POST", "/externalcontact/get_groupmsg_list_v2", messages),
    ("POST", "/externalcontact/get_groupmsg_task", message_tasks),
    ("POST", "/externalcontact/get_groupmsg_send_result", message_results),
    ("POST", "/externalcontact/get_group_msg_result", old_message_results),
)
