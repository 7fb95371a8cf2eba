"""The fields that an audience may ask about or export, and the operators that each kind of field knows.

Everything an audience document names is looked up here first: what is not listed is refused, never passed on.
"""

from dataclasses import dataclass
from typing import Literal

import polars as pl

FieldKind = Literal["text", "number", "boolean", "date", "timestamp", "texts"]

DTYPES: dict[FieldKind, pl.DataType] = {
    "text": pl.String(),
    "number": pl.Int64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
    "texts": pl.List(pl.String()),  # several values of one customer, empty: null
}


@dataclass(frozen=True)
class AudienceField:
    """``personal`` values leave the house only with a viewer who may see them; ``profiled`` ones come from a score."""

    kind: FieldKind
    en: str
    zh: str
    personal: bool = False
    profiled: bool = False


#: Columns of the query ``audience_candidates`` (customers with their churn scores); grain: one row per customer.
#: Figures about orders and interactions count what the viewer may see.
FIELDS: dict[str, AudienceField] = {
    "customer_id": AudienceField("text", "customer", "客户编号"),
    "name": AudienceField("text", "name", "姓名", personal=True),
    "phone": AudienceField("text", "phone, E.164", "手机号", personal=True),
    "unionid": AudienceField("text", "WeChat unionid", "unionid", personal=True),
    "external_userid": AudienceField("text", "WeCom external contact id", "外部联系人ID", personal=True),
    "member_no": AudienceField("text", "member number", "会员号", personal=True),
    "email": AudienceField("text", "e-mail", "邮箱", personal=True),
    "gender": AudienceField("text", "gender", "性别"),
    "city": AudienceField("text", "city", "城市"),
    "country": AudienceField("text", "country", "国家"),
    "home_store_id": AudienceField("text", "home store", "所属门店"),
    "owner_userid": AudienceField("text", "employee who owns the customer", "负责员工"),
    "owner_store_id": AudienceField("text", "the owner's store", "负责员工门店"),
    "orders_count": AudienceField("number", "number of orders", "订单数"),
    "is_wecom_contact": AudienceField("boolean", "is a current WeCom contact", "当前企微好友"),
    "has_marketing_consent": AudienceField("boolean", "agreed to marketing, as published", "有营销同意"),
    "birth_date": AudienceField("date", "date of birth", "生日", personal=True),
    "last_interaction_at": AudienceField("timestamp", "last interaction", "最近互动时间"),
    "last_order_at": AudienceField("timestamp", "last order", "最近下单时间"),
    "band": AudienceField("text", "churn risk: high, medium or low", "流失风险等级", profiled=True),
    "reason_1": AudienceField("text", "first reason of the score", "评分原因一", profiled=True),
    "reason_2": AudienceField("text", "second reason of the score", "评分原因二", profiled=True),
    "reason_3": AudienceField("text", "third reason of the score", "评分原因三", profiled=True),
    "score_ppm": AudienceField("number", "churn probability in millionths", "流失概率（百万分之）", profiled=True),
    # a tag may stand for a score or a person's judgement of another: who refused profiling is not found by one
    "has_tag": AudienceField("texts", "a tag that holds, by its key", "持有的标签", profiled=True),
    "reachable_by": AudienceField("texts", "channels that may reach the customer for marketing", "营销可触达渠道"),
    "engagement_score": AudienceField("number", "engagement, 0 to 100", "互动分", profiled=True),
    "rank": AudienceField("number", "place by churn risk, 1 is the highest", "流失风险排名", profiled=True),
}

_ORDERED = ("eq", "ne", "lt", "le", "gt", "ge", "between", "in", "is_null", "not_null")

#: Operators of each kind. A comparison with an empty value is false; ``not`` around it is true.
OPERATORS: dict[FieldKind, tuple[str, ...]] = {
    "text": ("eq", "ne", "in", "contains", "starts_with", "is_null", "not_null"),
    "number": _ORDERED,
    "boolean": ("eq", "is_null", "not_null"),
    "date": (*_ORDERED, "within_days", "older_than_days"),
    "timestamp": (*_ORDERED, "within_days", "older_than_days"),
    "texts": ("eq", "in", "is_null", "not_null"),  # one of the values is it, one of them is in the list
}

#: What addresses a person on a channel.
CHANNEL_IDENTIFIERS: dict[str, tuple[str, ...]] = {
    "sms": ("phone",),
    "phone": ("phone",),
    "email": ("email",),
    "wecom": ("external_userid", "unionid"),
}
