"""What a corp holds beside staff and contacts: tags, groups, statistics, links, payments, messages.

Drawn from the follow-ups with a stream of chance per corp and subject, so that the same corp is the same everywhere
and a new subject leaves the others as they were. Everything has the shape in which the vendor gives it: times in
seconds, money in fen.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from pipelines.sandbox.chance import Chance, Ints
from pipelines.sandbox.wecom_protocol import DAY_SECONDS, midnight

Record = dict[str, Any]
TAG_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("客户等级", ("普通客户", "重要客户", "核心客户")),
    ("口味偏好", ("绿茶", "红茶", "乌龙", "普洱", "花草茶")),
    ("购买意向", ("高意向", "中意向", "低意向")),
    ("来源活动", ("六一八", "双十一", "门店扫码")),
)
_STATES = ("campaign-618", "campaign-1111", "parcel-card", "store-qr")
_TEXTS = ("新茶到店，到店试饮有礼", "会员日满 200 减 30", "您关注的岩茶补货了")
#: Statistics are held by day from here, whatever "now" is, for so many days.
FIRST_DAY, FIGURE_DAYS = date(2020, 1, 1), 4_000
_FIRST_SECOND = 1_577_808_000  # of that day in Beijing


@dataclass(frozen=True)
class Follow:
    """One follow-up of the trunk: who, whom, since (seconds), by which channel code, and the contact's profile."""

    userid: str
    contact: Mapping[str, Any]
    since: int
    state: str

    @property
    def external_userid(self) -> str:
        return str(self.contact["external_userid"])


class Company:
    """``follows`` in the order of the state; ``now`` in seconds bounds what has happened already."""

    def __init__(self, corp_id: str, staff: Sequence[Mapping[str, Any]], follows: Sequence[Follow], now: int) -> None:
        self.corp_id = corp_id
        self.staff = staff
        self.follows = follows
        self.now = now

    def _chance(self, subject: str) -> Chance:
        return Chance(zlib.crc32(self.corp_id.encode()), f"wecom {subject}")

    @cached_property
    def tag_groups(self) -> list[Record]:
        """As get_corp_tag_list gives them; the last tag is deleted and shown only to who asks for it by id."""
        codes = iter(self._chance("tag ids").codes(64, "et", 30).tolist())
        born = self._since(0.0)
        groups: list[Record] = []
        for order, (name, tags) in enumerate(TAG_GROUPS):
            tag = [
                {"id": next(codes), "name": one, "create_time": born, "order": len(tags) - number, "deleted": False}
                for number, one in enumerate(tags)
            ]
            groups.append(
                {"group_id": next(codes), "group_name": name, "create_time": born, "order": 100 - order, "tag": tag}
                | {"deleted": False}
            )
        groups[-1]["tag"][-1]["deleted"] = True
        return groups

    @cached_property
    def follow_tags(self) -> list[list[str]]:
        """Tag ids of each follow-up: none, one level, and perhaps a taste and an intention."""
        chance, size = self._chance("tags"), len(self.follows)
        pools = [[tag["id"] for tag in group["tag"] if not tag["deleted"]] for group in self.tag_groups]
        shares = (0.55, 0.4, 0.25, 0.1)
        chosen = [
            np.where(chance.happens(size, share), chance.below(size, len(pool)), -1)
            for share, pool in zip(shares, pools, strict=True)
        ]
        rows = np.stack(chosen, axis=1).tolist()
        return [[pool[pick] for pool, pick in zip(pools, row, strict=True) if pick >= 0] for row in rows]

    @cached_property
    def groups(self) -> list[Record]:
        """One customer group for every third member of staff with contacts: the owner and some of the contacts."""
        by_owner: dict[str, list[Follow]] = {}
        for follow in self.follows:
            by_owner.setdefault(follow.userid, []).append(follow)
        owners = sorted(by_owner)[::3]
        chance = self._chance("groups")
        ids = chance.codes(len(owners), "wr", 30).tolist()
        return [
            self._group(chance, chat_id, owner, number, by_owner[owner])
            for number, (chat_id, owner) in enumerate(zip(ids, owners, strict=True), start=1)
        ]

    def _group(self, chance: Chance, chat_id: str, owner: str, number: int, follows: Sequence[Follow]) -> Record:
        born = max(midnight(min(f.since for f in follows)), self._since(0.0)) + 36_000
        joins = chance.happens(len(follows), 0.4)
        scene = (1 + chance.below(len(follows), 3)).tolist()
        wait = chance.below(len(follows), 30 * DAY_SECONDS).tolist()
        members: list[Record] = [
            {"userid": owner, "type": 1, "join_time": born, "join_scene": 1, "group_nickname": "", "name": owner}
        ]
        for index in np.flatnonzero(joins).tolist():
            contact, invited = follows[index].contact, scene[index] < 3
            member = {
                "userid": follows[index].external_userid,
                "type": 2,
                "join_time": min(max(follows[index].since, born) + wait[index], self.now - 1),
                "join_scene": scene[index],
                "group_nickname": "",
                "name": contact.get("name", ""),
            }
            if "unionid" in contact:
                member["unionid"] = contact["unionid"]
            if invited:
                member["invitor"] = {"userid": owner}
            members.append(member)
        return {
            "chat_id": chat_id,
            "name": f"会员福利群 {number}",
            "owner": owner,
            "create_time": born,
            "notice": "文明交流，谢绝广告" if number % 2 else "",
            "member_list": members,
            "admin_list": [{"userid": owner}],
            "status": 0,
        }

    def behaviour(self, userid: str) -> dict[str, Ints]:
        """Figures by day from 2020-01-01 (index = days since), one array each; new contacts are the follow-ups'."""
        chance = self._chance(f"behaviour {userid}")
        chats = chance.below(FIGURE_DAYS, 18)
        asked = chats * (2 + chance.below(FIGURE_DAYS, 9))
        days = [(midnight(f.since) - _FIRST_SECOND) // DAY_SECONDS for f in self.follows if f.userid == userid]
        added = np.bincount([day for day in days if 0 <= day < FIGURE_DAYS], minlength=FIGURE_DAYS).astype(np.int64)
        return {
            "chat_cnt": chats,
            "message_cnt": asked,
            "reply_percent_hundredths": 5_000 + chance.below(FIGURE_DAYS, 5_001),
            "avg_reply_time": 1 + chance.below(FIGURE_DAYS, 60),
            "negative_feedback_cnt": np.asarray(chance.happens(FIGURE_DAYS, 0.03), dtype=np.int64),
            "new_apply_cnt": added + chance.below(FIGURE_DAYS, 3),
            "new_contact_cnt": added,
        }

    @cached_property
    def links(self) -> list[Record]:
        """Acquisition links: link, range, customers, one for each channel code."""
        chance = self._chance("links")
        ids = chance.codes(len(_STATES), "cawc", 16).tolist()
        known = [[follow for follow in self.follows if follow.state == state] for state in _STATES]
        return [
            {
                "link": {
                    "link_id": link_id,
                    "link_name": f"获客 {state}",
                    "url": f"https://work.weixin.qq.com/ca/{link_id}",
                    "create_time": min((f.since for f in follows), default=self._since(0.0)) - DAY_SECONDS,
                    "skip_verify": True,
                    "mark_source": True,
                },
                "range": {"user_list": sorted({f.userid for f in follows}), "department_list": []},
                "priority_option": {"priority_type": 0, "priority_userid_list": []},
                "customers": [
                    {
                        "external_userid": f.external_userid,
                        "userid": f.userid,
                        "chat_status": status,
                        "state": state,
                    }
                    for f, status in zip(follows, chance.below(len(follows), 3).tolist(), strict=True)
                ],
            }
            for link_id, state, follows in zip(ids, _STATES, known, strict=True)
        ]

    @cached_property
    def bills(self) -> list[Record]:
        """Payments that staff took in chat, by time; one in eight was given back in part or whole."""
        chance = self._chance("bills")
        paying = np.flatnonzero(chance.happens(len(self.follows), 0.08)).tolist()
        size = len(paying)
        number = (10**9 + chance.below(size, 9 * 10**8)).tolist()
        span = np.array([max(self.now - self.follows[i].since, 2) for i in paying], dtype=np.int64)
        at = (np.array([self.follows[i].since for i in paying], dtype=np.int64) + chance.below(size, span)).tolist()
        fee = (990 + 10 * chance.below(size, 60_000)).tolist()
        back = chance.pick(size, (14, 1, 1)).tolist()
        kind = chance.pick(size, (70, 20, 5, 5)).tolist()
        rows = [
            self._bill(self.follows[follow], at[i], f"10000{number[i]}{i:08d}", fee[i], back[i], kind[i])
            for i, follow in enumerate(paying)
        ]
        return sorted(rows, key=lambda bill: (bill["pay_time"], bill["transaction_id"]))

    def _bill(self, follow: Follow, at: int, number: str, fee: int, back: int, kind: int) -> Record:
        refunded = (0, fee, fee // 3)[back] if at + DAY_SECONDS < self.now else 0
        refunds = [
            {
                "out_refund_no": f"R{number}",
                "refund_userid": follow.userid,
                "refund_comment": "顾客退货",
                "refund_reqtime": at + DAY_SECONDS,
                "refund_status": 1,
                "refund_fee": refunded,
            }
        ]
        return {
            "transaction_id": number,
            "bill_type": 0,
            "trade_state": 3 if refunded else 1,
            "pay_time": at,
            "out_trade_no": f"W{number}",
            "out_refund_no": "",
            "external_userid": follow.external_userid,
            "total_fee": fee,
            "payee_userid": follow.userid,
            "payment_type": kind,
            "mch_id": "1900000109",
            "remark": "",
            "commodity_list": [{"description": "茶叶", "amount": 1}],
            "total_refund_fee": refunded,
            "refund_list": refunds if refunded else [],
            "contact_info": {},
        }

    @cached_property
    def messages(self) -> list[Record]:
        """Mass messages of the past months: task, and by member of staff the contacts with the result."""
        chance = self._chance("messages")
        ids = chance.codes(len(_TEXTS), "msg", 29).tolist()
        made = []
        for number, (msgid, words) in enumerate(zip(ids, _TEXTS, strict=True)):
            at = self.now - (10 + 25 * number) * DAY_SECONDS
            receivers = [follow for follow in self.follows if follow.since < at]
            chosen = np.flatnonzero(chance.happens(len(receivers), 0.2)).tolist()
            status = chance.pick(len(chosen), (20, 70, 6, 4)).tolist()
            sends: dict[str, dict[str, Record]] = {}
            for index, state in zip(chosen, status, strict=True):
                follow = receivers[index]
                sent = {"external_userid": follow.external_userid, "userid": follow.userid, "status": state}
                # The same contact of two members of staff gets the message once.
                sends.setdefault(follow.userid, {})[follow.external_userid] = sent | (
                    {"send_time": at + 7_200} if state == 1 else {}
                )
            made.append(message(msgid, "hq-marketing", at, words, sends))
        return made

    @cached_property
    def unassigned(self) -> list[Record]:
        """Contacts of staff who left, not given to anybody yet."""
        gone = sorted(str(one["userid"]) for one in self.staff if one.get("status") == 5)
        size = len(gone) * 6 if self.follows else 0
        picks = self._chance("unassigned").below(size, max(len(self.follows), 1)).tolist()
        rows = {
            (gone[index // 6], self.follows[pick].external_userid): self.now - (30 + index % 20) * DAY_SECONDS
            for index, pick in enumerate(picks)
        }
        return [
            {"handover_userid": userid, "external_userid": external, "dimission_time": at}
            for (userid, external), at in sorted(rows.items())
        ]

    def _since(self, share: float) -> int:
        first = min((follow.since for follow in self.follows), default=self.now)
        return int(first + (self.now - first) * share) - DAY_SECONDS


def day_index(seconds: int) -> int:
    """Place of a day in the arrays of ``behaviour``."""
    return (midnight(seconds) - _FIRST_SECOND) // DAY_SECONDS


def message(msgid: str, creator: str, at: int, words: str, sends: Mapping[str, Mapping[str, Record]]) -> Record:
    """A mass message: what the list shows, and ``sends`` (by userid, by contact) from which tasks and results come."""
    return {
        "msgid": msgid,
        "creator": creator,
        "create_time": at,
        "create_type": 0,
        "text": {"content": words},
        "attachments": [],
        "sends": {userid: dict(rows) for userid, rows in sends.items()},
    }
