"""Datasets that come through the file door: orders, refunds, customers, stores, consents."""

import pandera.polars as pa
import polars as pl

from models.contracts.contract import Column, Contract, RowRule, not_blank, not_negative, positive
from models.contracts.landed.parties import EXACT_IDENTIFIERS, person_columns
from models.money import MAX_MINOR, minor_units

_CURRENCY = Column(
    "currency",
    "currency",
    "ISO 4217 currency",
    "币种",
    required=True,
    synonyms=("币别", "货币", "ccy"),
    checks=(pa.Check.str_matches(r"^[A-Z]{3}$", error="currency must be three capital letters (ISO 4217)"),),
)
_STORE = (
    "店铺", "门店", "店铺ID", "门店ID", "门店编号", "店铺编号",
    "shop_id", "shop", "store", "store code", "shop name",
)  # fmt: skip
_PRODUCT_NAMES = (
    "product", "sku", "sku_id", "stockcode", "stock code", "item",
    "item_id", "商品ID", "货号", "商品编码", "商家编码",
)  # fmt: skip
_ORDER_NAMES = (
    "order", "order no", "order number", "invoiceno", "invoice", "invoice no",
    "订单编号", "单号", "tid", "交易号",
)  # fmt: skip
_ORDER_TIMES = (
    "order date", "order time", "date", "invoicedate", "invoice date", "订单时间",
    "创建时间", "日期", "created", "订单创建时间",
)  # fmt: skip
_PRODUCT = Column(
    "product_id",
    "id",
    "product number",
    "商品编号",
    required=True,
    synonyms=_PRODUCT_NAMES,
    checks=(not_blank("product_id"),),
)

_QUANTITY, _PRICE = pl.col("quantity"), pl.col("unit_price")
#: quantity x unit_price in minor units; both factors with all their decimals, so that the product is exact
_LINE_VALUE = (_QUANTITY.cast(pl.Decimal(38, 9)) * _PRICE.cast(pl.Decimal(38, 9))) * minor_units(pl.col("currency"))
#: first of all, so that nothing that is computed from a line leaves 64 bits
_BELOW_LIMIT = RowRule(
    "unit_price",
    "quantity x unit_price is too large to be an amount",
    when=_QUANTITY.is_not_null() & _PRICE.is_not_null(),
    holds=_QUANTITY.cast(pl.Float64) * _PRICE.cast(pl.Float64) * minor_units(pl.col("currency")) < MAX_MINOR,
)

ORDERS = Contract(
    dataset="orders",
    en="Order lines of any shop",
    zh="订单明细",
    grain="one row per order line",
    key=("store_id", "order_id", "line_no"),
    event_time="ordered_at",
    replaced_by=("store_id", "order_id"),
    columns=(
        Column(
            "order_id",
            "id",
            "order number",
            "订单号",
            required=True,
            synonyms=_ORDER_NAMES,
            checks=(not_blank("order_id"),),
        ),
        Column(
            "line_no",
            "id",
            "line number within the order",
            "行号",
            synonyms=("line", "行", "子订单号", "子订单编号", "oid"),
        ),
        Column(
            "store_id",
            "id",
            "store or shop",
            "店铺编号",
            required=True,
            synonyms=_STORE,
            checks=(not_blank("store_id"),),
        ),
        Column(
            "ordered_at",
            "timestamp",
            "time of the order",
            "下单时间",
            required=True,
            synonyms=_ORDER_TIMES,
        ),
        Column(
            "paid_at",
            "timestamp",
            "time of payment",
            "付款时间",
            synonyms=("支付时间", "pay_time", "payment time", "订单付款时间"),
        ),
        *person_columns("buyer_", "buyer's", "买家"),
        _PRODUCT,
        Column(
            "product_name",
            "text",
            "product name",
            "商品名称",
            synonyms=("description", "title", "item name", "商品标题", "宝贝标题", "品名", "商品"),
        ),
        Column(
            "quantity",
            "quantity",
            "quantity",
            "数量",
            required=True,
            synonyms=("qty", "num", "count", "商品数量", "购买数量", "件数"),
            checks=(positive("quantity"),),
        ),
        Column(
            "unit_price",
            "price",
            "price of one, major units",
            "单价",
            required=True,
            synonyms=("price", "unitprice", "unit price", "商品单价", "价格", "商品价格"),
            checks=(positive("unit_price"),),
        ),
        Column(
            "discount",
            "amount",
            "discount on the line, minor units",
            "优惠金额",
            synonyms=("discount amount", "优惠", "折扣金额", "discount_fee"),
            checks=(not_negative("discount"),),
        ),
        Column(
            "paid_amount",
            "amount",
            "amount paid for the line, minor units; empty: quantity x price - discount",
            "实付金额",
            synonyms=(
                "amount",
                "payment",
                "paid",
                "total",
                "line total",
                "实付",
                "实收金额",
                "金额",
                "支付金额",
                "买家实际支付金额",
            ),
            checks=(not_negative("paid_amount"),),
        ),
        _CURRENCY,
        Column(
            "status",
            "text",
            "state of the order; empty: paid",
            "订单状态",
            synonyms=("state", "order status", "状态", "交易状态"),
            known=("unpaid", "paid", "shipped", "finished", "cancelled", "closed"),
        ),
        Column(
            "salesperson_id",
            "id",
            "salesperson",
            "导购工号",
            synonyms=("导购", "销售员", "业务员", "seller", "sales", "guide_id"),
        ),
    ),
    rules=(
        _BELOW_LIMIT,
        RowRule(
            "discount",
            "paid_amount is empty, and quantity x unit_price - discount is below zero",
            when=pl.col("paid_amount").is_null() & (pl.col("discount") > 0),
            holds=pl.col("discount") * 2 <= _LINE_VALUE * 2 + 1,  # rounded half up to the minor unit
        ),
    ),
)

REFUNDS = Contract(
    dataset="refunds",
    en="Refund lines",
    zh="退款明细",
    grain="one row per refunded line",
    key=("store_id", "refund_id", "line_no"),
    event_time="refunded_at",
    replaced_by=("store_id", "refund_id"),
    columns=(
        Column(
            "refund_id",
            "id",
            "refund number",
            "退款编号",
            required=True,
            synonyms=("refund", "refund no", "退款单号", "售后单号", "退货单号"),
            checks=(not_blank("refund_id"),),
        ),
        Column("line_no", "id", "line number within the refund", "退款行号"),
        Column(
            "order_id",
            "id",
            "order that is refunded; empty: unlinked",
            "原订单号",
            synonyms=("order no", "original order", "订单号", "订单编号", "原单号", "tid"),
        ),
        Column("order_line_no", "id", "line of that order", "原订单行号", synonyms=("oid", "子订单编号")),
        Column("store_id", "id", "store; empty: the order's", "店铺编号", synonyms=_STORE),
        Column(
            "refunded_at",
            "timestamp",
            "time the refund was accepted",
            "退款时间",
            required=True,
            synonyms=("refund date", "refund time", "date", "退款完结时间", "退款成功时间", "日期", "invoicedate"),
        ),
        *person_columns("buyer_", "buyer's", "买家"),
        Column("product_id", "id", "product number", "商品编号", synonyms=_PRODUCT.synonyms),
        Column(
            "quantity",
            "quantity",
            "quantity returned",
            "退货数量",
            synonyms=("qty", "数量"),
            checks=(positive("quantity"),),
        ),
        Column(
            "unit_price",
            "price",
            "price of one, major units",
            "单价",
            synonyms=("price", "unitprice"),
            checks=(positive("unit_price"),),
        ),
        Column(
            "refund_amount",
            "amount",
            "amount given back, minor units, positive; empty: quantity x price",
            "退款金额",
            synonyms=("amount", "refund_fee", "退款", "金额", "买家退款金额"),
            checks=(positive("refund_amount"),),
        ),
        _CURRENCY,
        Column(
            "status",
            "text",
            "state; empty: success",
            "退款状态",
            synonyms=("状态",),
            known=("success", "pending", "closed"),
        ),
        Column("reason", "text", "reason", "退款原因", synonyms=("原因",)),
    ),
    rules=(
        _BELOW_LIMIT,
        RowRule(
            "refund_amount",
            "refund_amount is required where quantity or unit_price is empty",
            when=pl.col("refund_amount").is_null(),
            holds=_QUANTITY.is_not_null() & _PRICE.is_not_null(),
        ),
    ),
)

CUSTOMERS = Contract(
    dataset="customers",
    en="Customer or member records",
    zh="客户资料",
    grain="one row per record of the source system",
    key=("record_id",),
    event_time="registered_at",
    replaced_by=("record_id",),
    columns=(
        Column(
            "record_id",
            "id",
            "number of the record in its system",
            "记录编号",
            required=True,
            synonyms=(
                "id",
                "customer_id",
                "customerid",
                "客户ID",
                "客户编号",
                "编号",
                "会员ID",
                "member_id",
                "member_no",
                "会员编号",
                "会员号",
                "会员卡号",
            ),
            checks=(not_blank("record_id"),),
        ),
        *person_columns("", "the person's", ""),
        Column(
            "name",
            "text",
            "name",
            "姓名",
            personal=True,
            synonyms=("customer name", "客户姓名", "客户名称", "会员姓名", "昵称", "full name"),
        ),
        Column("email", "text", "e-mail", "邮箱", personal=True, synonyms=("e-mail", "mail", "电子邮箱")),
        Column("gender", "text", "gender", "性别", synonyms=("sex",), known=("female", "male")),
        Column("birth_date", "date", "date of birth", "生日", personal=True, synonyms=("birthday", "出生日期", "dob")),
        Column("city", "text", "city", "城市", synonyms=("所在城市", "town")),
        Column("country", "text", "country", "国家", synonyms=("国家地区", "country/region")),
        Column("store_id", "id", "home store", "所属门店", synonyms=_STORE),
        Column(
            "registered_at",
            "timestamp",
            "time of registration",
            "注册时间",
            required=True,
            synonyms=("created", "created_at", "入会时间", "开卡时间", "registration date", "创建时间", "join date"),
        ),
        Column(
            "updated_at",
            "timestamp",
            "last change in the source",
            "更新时间",
            synonyms=("modified", "修改时间", "update time"),
        ),
    ),
)

STORES = Contract(
    dataset="stores",
    en="Stores and online shops",
    zh="门店",
    grain="one row per store",
    key=("store_id",),
    replaced_by=("store_id",),
    columns=(
        Column(
            "store_id",
            "id",
            "store number",
            "门店编号",
            required=True,
            synonyms=(*_STORE, "id", "编号"),
            checks=(not_blank("store_id"),),
        ),
        Column("name", "text", "name", "门店名称", required=True, synonyms=("store name", "店名", "名称", "店铺名称")),
        Column(
            "store_type",
            "text",
            "direct, franchise, agent or online",
            "门店类型",
            required=True,
            synonyms=("type", "类型", "经营类型"),
            known=("direct", "franchise", "agent", "online"),
        ),
        Column("business_type", "text", "trade", "业态", synonyms=("业务类型", "trade")),
        Column("country", "text", "country or region, ISO 3166", "国家地区", synonyms=("国家",)),
        Column("region", "text", "sales region", "大区", required=True, synonyms=("区域", "地区", "area")),
        Column("city", "text", "city", "城市", synonyms=("所在城市",)),
        Column("timezone", "text", "IANA time zone; empty: the company's", "时区", synonyms=("time zone", "tz")),
        Column("currency", "currency", "ISO 4217 currency", "币种", synonyms=("币别",)),
        Column("opened_on", "date", "opening day", "开业日期", synonyms=("open date", "开店日期")),
        Column("closed_on", "date", "closing day", "闭店日期", synonyms=("close date", "关店日期")),
    ),
)

CONSENTS = Contract(
    dataset="consents",
    en="Consents given and withdrawn",
    zh="授权同意记录",
    grain="one row per decision of a person on a purpose and channel",
    key=("identifier_type", "identifier", "purpose", "channel", "decided_at"),
    event_time="decided_at",
    columns=(
        Column(
            "identifier_type",
            "text",
            "unionid, external_userid, phone or member_no",
            "标识类型",
            required=True,
            synonyms=("id type", "类型"),
            checks=(
                pa.Check.isin(
                    list(EXACT_IDENTIFIERS), error="identifier_type must be one of " + ", ".join(EXACT_IDENTIFIERS)
                ),
            ),
        ),
        Column(
            "identifier",
            "id",
            "the person's identifier",
            "标识",
            required=True,
            personal=True,
            synonyms=("phone", "手机号", "手机", "id", "unionid", "会员号"),
            checks=(not_blank("identifier"),),
        ),
        Column(
            "purpose",
            "text",
            "purpose",
            "用途",
            required=True,
            synonyms=("目的",),
            known=("marketing", "service", "profiling"),
        ),
        Column(
            "channel",
            "text",
            "channel, or any",
            "渠道",
            required=True,
            synonyms=("通道",),
            known=("any", "wecom", "sms", "email", "phone"),
        ),
        Column(
            "state",
            "text",
            "granted or withdrawn",
            "状态",
            required=True,
            synonyms=("consent", "同意状态", "decision"),
            checks=(pa.Check.isin(["granted", "withdrawn"], error="state must be granted or withdrawn"),),
        ),
        Column(
            "decided_at",
            "timestamp",
            "time of the decision",
            "时间",
            required=True,
            synonyms=("at", "date", "同意时间", "授权时间", "日期"),
        ),
        Column("evidence", "text", "where it is recorded", "凭证", synonyms=("来源", "source")),
        Column("notice_version", "text", "version of the privacy notice", "告知书版本", synonyms=("version",)),
    ),
)
