"""The company's own event log of its mini-programs and pages.

The platform hands out no events of single users (its statistics are aggregates), so the apps log what happens in them
themselves, one JSON record an event.
"""

import polars as pl

from models.contracts.contract import Column, Contract, RowRule, not_blank
from models.contracts.landed.columns import happened, key_column, store_column

APP_EVENTS = Contract(
    dataset="app_events",
    en="Events of the company's own apps and pages",
    zh="小程序与页面行为事件",
    grain="one row per event",
    key=("app_id", "event_id"),
    event_time="occurred_at",
    replaced_by=("app_id", "event_id"),
    door="log",
    columns=(
        key_column("app_id", "app in which it happened", "应用编号"),
        key_column("event_id", "number of the event in the app's log", "事件编号"),
        Column("visitor_id", "id", "device or browser, as the log names it", "访客标识", personal=True),
        Column("openid", "id", "the person's id in this app", "openid", personal=True),
        Column("unionid", "id", "the person's WeChat unionid, once the log knows it", "unionid", personal=True),
        Column(
            "kind",
            "text",
            "what happened",
            "事件类型",
            required=True,
            known=("launch", "view", "search", "add_to_cart", "favourite", "share", "page", "login", "checkout", "pay"),
            checks=(not_blank("kind"),),
        ),
        Column("session_id", "id", "visit to which it belongs", "会话编号"),
        Column("object_type", "text", "kind of thing it is about", "对象类型", known=("product", "order", "coupon")),
        Column("object_id", "id", "number of that thing", "对象编号"),
        Column("page", "text", "page", "页面"),
        Column("source", "text", "where the visit came from", "来源"),
        Column("campaign_id", "id", "campaign that brought the visit", "活动编号"),
        Column("keyword", "text", "what was searched for", "搜索词"),
        store_column("store_id", "shop of the app"),
        Column("quantity", "quantity", "quantity", "数量"),
        Column("currency", "currency", "ISO 4217 currency of the amount", "币种"),
        Column("amount", "amount", "price or sum it is about, minor units", "金额"),
        happened("occurred_at", "time it happened, by the device's corrected clock", "发生时间"),
        Column("received_at", "timestamp", "time the log got it", "接收时间"),
    ),
    rules=(
        RowRule(
            "currency",
            "an amount needs its currency",
            when=pl.col("amount").is_not_null(),
            holds=pl.col("currency").is_not_null(),
        ),
        RowRule(
            "visitor_id",
            "an event needs one of visitor_id, openid, unionid",
            when=pl.lit(True),
            holds=pl.any_horizontal(pl.col("visitor_id", "openid", "unionid").is_not_null()),
        ),
    ),
)
