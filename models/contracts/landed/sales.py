"""Sales that come through the file door: orders and refunds. See ``files`` for the other datasets of that door."""

import polars as pl

from models.contracts.contract import CellRule, Column, Contract, RowRule, not_blank, not_negative, positive
from models.contracts.landed.parties import STORE_NAMES, person_columns
from models.money import MAX_MINOR, minor_units

_CURRENCY = Column(
    "currency",
    "currency",
    "ISO 4217 currency",
    "币种",
    required=True,
    synonyms=("币别", "货币", "ccy"),
    checks=(CellRule("str_matches", {"pattern": r"^[A-Z]{3}$"}, "currency must be three capital letters (ISO 4217)"),),
)
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

#: To whom a parcel goes, as a platform shows it. Never an identifier: one order in sixteen is a gift.
_RECEIVER = (
    Column(
        "receiver_name",
        "text",
        "receiver, also masked",
        "收货人",
        personal=True,
        synonyms=("收货人姓名", "收件人", "收件人姓名", "收货人名称", "consignee"),
    ),
    Column(
        "receiver_phone",
        "text",
        "receiver's phone, also masked or lent by the platform",
        "收货手机",
        personal=True,
        synonyms=(
            "收货人手机",
            "收货人手机号",
            "收货人电话",
            "收件人手机",
            "收件人手机号",
            "收件人电话",
            "consignee phone",
        ),
    ),
    Column("receiver_province", "text", "province of delivery", "收货省份", synonyms=("收货人省份", "收件省份")),
    Column("receiver_city", "text", "city of delivery", "收货城市", synonyms=("收货人城市", "收件城市")),
    Column("receiver_district", "text", "district of delivery", "收货区县", synonyms=("收货人地区", "收件区县")),
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
    either=(("unit_price", "paid_amount"),),
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
            synonyms=STORE_NAMES,
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
        *_RECEIVER,
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
            "price of one, major units; empty: only the amount of the line is known",
            "单价",
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
        Column(
            "order_points_amount",
            "amount",
            "value of the points that paid a part of the order, minor units, within paid_amount; the same on each line",
            "订单积分抵扣金额",
            synonyms=("points amount", "积分抵扣金额", "积分抵扣", "points_deduction"),
            checks=(not_negative("order_points_amount"),),
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
            "paid_amount",
            "paid_amount is required where unit_price is empty",
            when=pl.col("paid_amount").is_null(),
            holds=_PRICE.is_not_null(),
        ),
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
        Column("store_id", "id", "store; empty: the order's", "店铺编号", synonyms=STORE_NAMES),
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
