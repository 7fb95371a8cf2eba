"""What a customer holds and spends, entry by entry: points, stored-value and count cards, coupons."""

import polars as pl

from models.contracts.contract import CellRule, Column, Contract, RowRule, not_blank, not_negative, one_of
from models.contracts.landed.columns import (
    PERSON,
    currency_column,
    happened,
    key_column,
    name_column,
    not_before,
    order_column,
    product_column,
    somebody,
    staff_column,
    status_column,
    store_column,
)

_ENTRY = key_column("entry_id", "number of the entry", "流水号", "entry", "流水编号", "记录编号", "单号", "编号", "id")
_OCCURRED = happened(
    "occurred_at", "time of the entry", "发生时间", "时间", "交易时间", "变动时间", "date", "日期", "created_at"
)
_REASON = Column("reason", "text", "reason", "原因", synonyms=("备注", "说明", "变动原因", "note"))

POINTS = Contract(
    dataset="points",
    en="Points: entries of the ledger",
    zh="积分流水",
    grain="one row per entry",
    key=("entry_id",),
    event_time="occurred_at",
    replaced_by=("entry_id",),
    columns=(
        _ENTRY,
        *PERSON,
        name_column(),
        Column(
            "kind",
            "text",
            "what happened",
            "变动类型",
            required=True,
            synonyms=("type", "类型", "积分类型", "收支类型"),
            known=("earned", "spent", "expired", "adjusted", "returned"),
            checks=(not_blank("kind"),),
        ),
        Column(
            "points",
            "integer",
            "points, negative when taken",
            "积分变动",
            required=True,
            synonyms=("change", "变动积分", "积分", "积分数", "变动值"),
            checks=(CellRule("ne", {"value": 0}, "points must not be zero"),),
        ),
        Column(
            "balance_after",
            "integer",
            "points after it",
            "变动后积分",
            synonyms=("balance", "余额", "剩余积分", "积分余额"),
        ),
        order_column(),
        store_column(),
        _REASON,
        _OCCURRED,
        Column(
            "expires_on", "date", "last day of these points", "有效期至", synonyms=("expires", "过期日期", "到期日期")
        ),
    ),
    rules=(somebody("member_no", "a points entry"),),
)

CARDS = Contract(
    dataset="cards",
    en="Stored-value and count cards: entries of the ledger",
    zh="储值卡与次卡流水",
    grain="one row per entry",
    key=("entry_id",),
    event_time="occurred_at",
    replaced_by=("entry_id",),
    columns=(
        _ENTRY,
        key_column("card_id", "number of the card", "卡号", "card", "card no", "会员卡号", "储值卡号", "次卡号"),
        *PERSON,
        name_column(),
        Column(
            "card_type",
            "text",
            "stored_value or count",
            "卡类型",
            required=True,
            synonyms=("card type", "卡种", "卡类别"),
            checks=(one_of("card_type", "stored_value", "count"),),
        ),
        Column(
            "kind",
            "text",
            "what happened",
            "交易类型",
            required=True,
            synonyms=("type", "类型", "变动类型", "业务类型"),
            known=("opened", "topped_up", "used", "refunded", "expired", "adjusted", "moved"),
            checks=(not_blank("kind"),),
        ),
        currency_column(),
        Column(
            "amount",
            "amount",
            "paid-in money, minor units, negative when taken",
            "本金变动",
            synonyms=("change", "变动金额", "交易金额", "金额", "充值金额"),
        ),
        Column(
            "gift_amount",
            "amount",
            "given money, minor units, negative when taken",
            "赠送金变动",
            synonyms=("赠送金额", "赠金"),
        ),
        Column("times", "quantity", "uses, negative when taken", "次数变动", synonyms=("count", "次数", "变动次数")),
        Column(
            "balance_after",
            "amount",
            "money after it, minor units",
            "变动后余额",
            synonyms=("balance", "余额", "卡余额"),
        ),
        Column("times_after", "quantity", "uses after it", "剩余次数", synonyms=("remaining", "剩余")),
        store_column("store_id", "store of the entry", "交易门店"),
        store_column("home_store_id", "store that sold the card", "售卡门店"),
        order_column(),
        product_column(),
        staff_column("staff_id", "employee", "经办人"),
        _REASON,
        _OCCURRED,
        Column("expires_on", "date", "last day of the card", "有效期至", synonyms=("expires", "到期日期")),
    ),
    rules=(
        RowRule(
            "amount",
            "an entry of a stored_value card needs amount or gift_amount",
            when=pl.col("card_type") == "stored_value",
            holds=pl.col("amount").is_not_null() | pl.col("gift_amount").is_not_null(),
        ),
        RowRule(
            "times",
            "an entry of a count card needs times",
            when=pl.col("card_type") == "count",
            holds=pl.col("times").is_not_null(),
        ),
    ),
)

COUPONS = Contract(
    dataset="coupons",
    en="Coupons issued and used",
    zh="优惠券",
    grain="one row per coupon",
    key=("coupon_code",),
    event_time="issued_at",
    replaced_by=("coupon_code",),
    columns=(
        key_column("coupon_code", "code of the coupon", "券码", "coupon", "code", "优惠券码", "券号", "核销码", "id"),
        Column(
            "template_id",
            "id",
            "kind of coupon",
            "券模板编号",
            synonyms=("batch", "券批次", "活动编号", "模板ID", "批次号"),
        ),
        Column("coupon_name", "text", "name of the coupon", "券名称", synonyms=("name", "优惠券名称", "券名")),
        *PERSON,
        Column("channel", "text", "where it was issued", "发放渠道", synonyms=("渠道", "来源", "领取渠道", "source")),
        status_column("issued", "used", "expired", "void", zh="券状态", synonyms=("状态", "使用状态", "核销状态")),
        Column("funded_by", "text", "who bears it", "出资方", synonyms=("承担方", "成本承担方")),
        currency_column(),
        Column(
            "face_amount",
            "amount",
            "value, minor units",
            "面额",
            synonyms=("value", "券面额", "优惠金额", "面值"),
            checks=(not_negative("face_amount"),),
        ),
        Column(
            "threshold_amount",
            "amount",
            "least order amount, minor units",
            "使用门槛",
            synonyms=("threshold", "满减门槛", "最低消费"),
            checks=(not_negative("threshold_amount"),),
        ),
        Column(
            "discount_amount",
            "amount",
            "taken off when used, minor units",
            "实际抵扣",
            synonyms=("discount", "抵扣金额", "核销金额"),
            checks=(not_negative("discount_amount"),),
        ),
        order_column("order it was used on", "使用订单号"),
        store_column("store_id", "store where it was used", "核销门店"),
        happened("issued_at", "time of issue", "发放时间", "领取时间", "issued", "发券时间", "领券时间", "date"),
        Column("valid_from", "timestamp", "first moment of use", "生效时间", synonyms=("生效日期", "开始时间")),
        Column(
            "valid_until", "timestamp", "last moment of use", "失效时间", synonyms=("过期时间", "有效期至", "结束时间")
        ),
        Column("used_at", "timestamp", "time of use", "使用时间", synonyms=("used", "核销时间")),
    ),
    rules=(not_before("used_at", "issued_at"), not_before("valid_until", "valid_from")),
)
