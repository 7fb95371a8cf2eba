"""What a corp of the full company holds beside staff and contacts: nothing is drawn here, all of it is the community's
and the campaigns'.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from pipelines.sandbox import merchants
from pipelines.sandbox.chance import Ints
from pipelines.sandbox.community import link_address
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.notation import yuan
from pipelines.sandbox.wecom_company import FIGURE_DAYS, FIRST_DAY, Company, Follow, Record, message
from pipelines.sandbox.wecom_corp import Holdings

_FIGURES = {
    "chat_cnt": "chats",
    "message_cnt": "messages",
    "reply_percent_hundredths": "replied_share",
    "avg_reply_time": "reply_minutes",
    "negative_feedback_cnt": "negative_feedback",
    "new_apply_cnt": "applied",
    "new_contact_cnt": "new_contacts",
}


def holdings(full: FullWorld) -> Holdings:
    """What ``Corp`` asks for, for any corp of a full company."""

    def of(corp_id: str, staff: Sequence[Mapping[str, Any]], follows: Sequence[Follow], now: int) -> Company:
        return CommunityCompany(full, corp_id, staff, follows, now)

    return of


class CommunityCompany(Company):
    """The subjects of ``Company`` from the frames of a ``Community``, in the vendor's shape."""

    def __init__(
        self,
        full: FullWorld,
        corp_id: str,
        staff: Sequence[Mapping[str, Any]],
        follows: Sequence[Follow],
        now: int,
    ) -> None:
        super().__init__(corp_id, staff, follows, now)
        self._full = full

    def _mine(self, name: str) -> pl.DataFrame:
        frame: pl.DataFrame = getattr(self._full.community, name)
        return frame.filter(pl.col("corp_id") == self.corp_id)

    @cached_property
    def tag_groups(self) -> list[Record]:
        born = _seconds(self._full.company.starts_on)
        groups: dict[str, Record] = {}
        for one in self._mine("tags").iter_rows(named=True):
            head = {"group_id": one["group_id"], "group_name": one["group_name"], "create_time": born, "tag": []}
            group = groups.setdefault(one["group_id"], head | {"order": 100 - one["group"], "deleted": False})
            tag = {"id": one["tag_id"], "name": one["tag_name"], "create_time": born, "order": 100 - one["place"]}
            group["tag"].append(tag | {"deleted": False})
        return list(groups.values())

    @cached_property
    def follow_tags(self) -> list[list[str]]:
        keys = ["userid", "external_userid"]
        marks = self._mine("tag_marks").group_by(keys, maintain_order=True).agg("tag_id")
        given = {(userid, external): tags for userid, external, tags in marks.select(*keys, "tag_id").iter_rows()}
        return [list(given.get((follow.userid, follow.external_userid), ())) for follow in self.follows]

    @cached_property
    def groups(self) -> list[Record]:
        names = {follow.external_userid: follow.contact for follow in self.follows}
        names |= {str(one["userid"]): {"name": one["name"]} for one in self.staff}
        members: dict[str, list[Record]] = {}
        for one in self._mine("group_members").iter_rows(named=True):
            known = names.get(one["member_id"], {})
            member = {
                "userid": one["member_id"],
                "type": one["member_kind"],
                "join_time": _seconds(one["joined_at"]),
                "join_scene": one["join_scene"],
                "group_nickname": "",
                "name": known.get("name", ""),
            }
            unionid = {"unionid": known["unionid"]} if "unionid" in known else {}
            members.setdefault(one["chat_id"], []).append(member | unionid)
        return [
            {
                "chat_id": one["chat_id"],
                "name": one["name"],
                "owner": one["owner_userid"],
                "create_time": _seconds(one["created_at"]),
                "notice": "",
                "member_list": members.get(one["chat_id"], []),
                "admin_list": [],
                "status": 0,
            }
            for one in self._mine("groups").iter_rows(named=True)
        ]

    def behaviour(self, userid: str) -> dict[str, Ints]:
        days = self._mine("staff_days").filter(pl.col("userid") == userid)
        at = (days["day"] - FIRST_DAY).dt.total_days().to_numpy()
        figures = {name: np.zeros(FIGURE_DAYS, dtype=np.int64) for name in _FIGURES}
        for name, column in _FIGURES.items():
            figures[name][at] = days[column].fill_null(0).to_numpy()
        figures["reply_percent_hundredths"] *= 100
        return figures

    @cached_property
    def links(self) -> list[Record]:
        customers: dict[str, list[Record]] = {}
        for one in self._mine("link_customers").iter_rows(named=True):
            shown = {name: one[name] for name in ("external_userid", "userid", "state")}
            customers.setdefault(one["link_id"], []).append(shown | {"chat_status": int(one["has_chatted"])})
        return [
            {
                "link": {
                    "link_id": one["link_id"],
                    "link_name": one["name"],
                    "url": one["url"],
                    "create_time": _seconds(one["created_at"]),
                    "skip_verify": False,
                    "mark_source": True,
                },
                "range": {"user_list": [one["userid"]], "department_list": []},
                "priority_option": {"priority_type": 0, "priority_userid_list": []},
                "customers": customers.get(one["link_id"], []),
            }
            for one in self._mine("links").with_columns(link_address("link_id")).iter_rows(named=True)
        ]

    @cached_property
    def bills(self) -> list[Record]:
        merchant = merchants.account(merchants.WECHAT_PAY, "CNY", self._full.part)
        rows = self._mine("chat_payments").sort("paid_at", "transaction_id")
        return [
            {
                "transaction_id": one["transaction_id"],
                "bill_type": 0,
                "trade_state": 1,
                "pay_time": _seconds(one["paid_at"]),
                "out_trade_no": one["order_id"],
                "out_refund_no": "",
                "external_userid": one["external_userid"],
                "total_fee": one["amount"],
                "payee_userid": one["payee_userid"],
                "payment_type": 0,
                "mch_id": merchant,
                "remark": "",
                "commodity_list": [],
                "total_refund_fee": 0,
                "refund_list": [],
                "contact_info": {},
            }
            for one in rows.iter_rows(named=True)
        ]

    @cached_property
    def messages(self) -> list[Record]:
        """The campaigns that went out through WeCom, made as their day began."""
        sends: dict[str, dict[str, dict[str, Record]]] = {}
        mine = campaign_sends(self._full).filter(pl.col("corp_id") == self.corp_id)
        for one in mine.iter_rows(named=True):
            sent = {"external_userid": one["external_userid"], "userid": one["userid"], "status": 1}
            by_user = sends.setdefault(one["campaign_id"], {}).setdefault(one["userid"], {})
            by_user[one["external_userid"]] = sent | {"send_time": _seconds(one["sent_at"])}
        heads = self._full.company.staff.filter(pl.col("corp_id") == self.corp_id)
        creator = heads.sort(pl.col("position") != "私域运营", maintain_order=True)["userid"][0]
        return [
            message(
                f"msg{self.corp_id[-4:]}{one['campaign_id']}",
                creator,
                _seconds(one["day"] - timedelta(hours=8)),
                f"{one['name']}：满 {yuan(one['threshold_amount'])} 元减 {yuan(one['face_amount'])} 元",
                sends[one["campaign_id"]],
            )
            for one in _dated(self._full).iter_rows(named=True)
            if one["campaign_id"] in sends
        ]

    @cached_property
    def unassigned(self) -> list[Record]:
        """Nobody of the staff left with contacts: only those who are there follow anybody."""
        return []


def campaign_sends(full: FullWorld) -> pl.DataFrame:
    """One row per message of a campaign that went out through WeCom (campaign_id, person_id): corp_id, userid,
    external_userid, sent_at. Who has followed a person longest sends it; whom nobody followed yet got none."""
    sent = full.messages.filter((pl.col("channel") == "wecom") & ~pl.col("is_holdout"))
    follows = full.world.follows.sort("followed_at", "corp_id", "userid").select(
        "person_id", "corp_id", "userid", "external_userid", "followed_at"
    )
    return (
        sent.select("campaign_id", "person_id", "sent_at")
        .join(follows, on="person_id", maintain_order="left_right")
        .filter(pl.col("followed_at") < pl.col("sent_at"))
        .unique(["campaign_id", "person_id"], keep="first", maintain_order=True)
        .drop("followed_at")
    )


def _dated(full: FullWorld) -> pl.DataFrame:
    """The campaigns with ``day`` as the first moment of their civil day, taken for UTC."""
    first = pl.lit(full.company.starts_on).cast(pl.Datetime("us"))
    return full.company.campaigns.with_columns((first + pl.duration(days="day")).alias("day"))


def _seconds(moment: datetime | date) -> int:
    """Seconds of a naive UTC moment, or of a day's first one in UTC."""
    at = moment if isinstance(moment, datetime) else datetime.combine(moment, time(), UTC)
    return round(at.replace(tzinfo=UTC).timestamp())
