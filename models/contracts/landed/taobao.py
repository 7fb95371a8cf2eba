"""Datasets of the Taobao / Tmall connector: trades, their lines, refunds, one row per observed change.

Field facts: TOP documentation of taobao.trades.sold.increment.get and taobao.refunds.receive.get. Receiver and nick are
masked by the platform, ``oaid`` differs by shop, app and week: none of them is an identity key. ``buyer_open_uid`` is
stable for one app.
"""

from models.contracts.contract import CellRule, Column, Contract, not_blank

_SHOP = Column("shop_id", "id", "the shop's store number", "店铺编号", required=True, checks=(not_blank("shop_id"),))
_APP = Column("app_key", "id", "application for which buyer_open_uid holds", "应用", required=True)
_TID = Column("tid", "id", "trade", "订单号", required=True, checks=(not_blank("tid"),))
_MODIFIED = Column("modified_at", "timestamp", "last change on the platform", "修改时间", required=True)
_OPEN_UID = Column("buyer_open_uid", "id", "buyer, stable for one application", "买家open_uid", personal=True)
_NICK = Column("buyer_nick", "text", "buyer's nick, masked", "买家昵称", personal=True)

TRADE_STATES = (
    "TRADE_NO_CREATE_PAY",
    "WAIT_BUYER_PAY",
    "PAY_PENDING",
    "WAIT_SELLER_SEND_GOODS",
    "SELLER_CONSIGNED_PART",
    "WAIT_BUYER_CONFIRM_GOODS",
    "TRADE_BUYER_SIGNED",
    "TRADE_FINISHED",
    "TRADE_CLOSED",
    "TRADE_CLOSED_BY_TAOBAO",
    "PAID_FORBID_CONSIGN",
)
REFUND_STATES = (
    "WAIT_SELLER_AGREE",
    "WAIT_BUYER_RETURN_GOODS",
    "WAIT_SELLER_CONFIRM_GOODS",
    "SELLER_REFUSE_BUYER",
    "CLOSED",
    "SUCCESS",
)


def _money(name: str, en: str, zh: str, *, required: bool = False, signed: bool = False) -> Column:
    """Minor units of CNY."""
    rules = () if signed else (CellRule("ge", {"min_value": 0}, f"{name} must not be negative"),)
    return Column(name, "amount", f"{en}, fen", zh, required=required, checks=rules)


TAOBAO_TRADES = Contract(
    dataset="taobao_trades",
    en="Taobao and Tmall trades",
    zh="淘宝天猫订单",
    grain="one row per trade and observed change",
    key=("shop_id", "tid", "modified_at"),
    event_time="modified_at",
    door="taobao",
    columns=(
        _SHOP,
        _APP,
        _TID,
        Column("status", "text", "state of the trade", "状态", required=True, known=TRADE_STATES),
        Column("trade_type", "text", "type of the trade", "类型"),
        _OPEN_UID,
        _NICK,
        Column("oaid", "id", "cipher of the receiver for this week; never an identity", "收件人密文", personal=True),
        Column("receiver_name", "text", "receiver, masked", "收货人", personal=True),
        Column("receiver_mobile", "text", "receiver's mobile, masked", "收货手机", personal=True),
        Column("receiver_phone", "text", "receiver's other phone, masked", "收货电话", personal=True),
        Column("receiver_state", "text", "province", "省"),
        Column("receiver_city", "text", "city", "市"),
        Column("receiver_district", "text", "district", "区"),
        Column("receiver_town", "text", "town", "镇", personal=True),
        Column("receiver_address", "text", "street, masked", "地址", personal=True),
        Column("buyer_message", "text", "buyer's message", "买家留言", personal=True),
        Column("seller_memo", "text", "seller's memo", "卖家备注", personal=True),
        Column("step_trade_status", "text", "state of a deposit", "定金状态"),
        Column("o2o_shop_id", "id", "store that sold it", "门店编号"),
        Column("o2o_guide_id", "id", "guide who sold it", "导购编号"),
        _money("payment", "what the buyer pays", "实付金额", required=True),
        _money("total_fee", "goods before discounts", "商品金额"),
        _money("post_fee", "postage", "邮费"),
        _money("discount_fee", "discount", "优惠金额", signed=True),
        _money("adjust_fee", "adjustment by hand", "手工调整", signed=True),
        _money("received_payment", "received by the seller", "卖家实收"),
        Column("created_at", "timestamp", "time of the order", "下单时间", required=True),
        Column("paid_at", "timestamp", "time of payment", "付款时间"),
        Column("consigned_at", "timestamp", "time of shipment", "发货时间"),
        Column("ended_at", "timestamp", "time of completion or closing", "结束时间"),
        _MODIFIED,
    ),
)

TAOBAO_TRADE_LINES = Contract(
    dataset="taobao_trade_lines",
    en="Lines of Taobao and Tmall trades",
    zh="淘宝天猫子订单",
    grain="one row per line of a trade and observed change of the trade",
    key=("shop_id", "tid", "oid", "modified_at"),
    event_time="modified_at",
    door="taobao",
    columns=(
        _SHOP,
        _TID,
        Column("oid", "id", "line", "子订单号", required=True, checks=(not_blank("oid"),)),
        Column("num_iid", "id", "item", "商品编号"),
        Column("sku_id", "id", "variant", "规格编号"),
        Column("outer_iid", "id", "the company's number of the item", "商家编码"),
        Column("outer_sku_id", "id", "the company's number of the variant", "商家规格编码"),
        Column("title", "text", "item's title", "标题"),
        Column("status", "text", "state of the line", "状态", known=TRADE_STATES),
        Column("refund_status", "text", "state of its refund", "退款状态", known=("NO_REFUND", *REFUND_STATES)),
        Column("refund_id", "id", "its newest refund", "退款编号"),
        Column("cid", "id", "category", "类目"),
        Column("num", "quantity", "pieces", "数量", required=True),
        Column("price", "price", "price of a piece, yuan", "单价"),
        _money("payment", "what the buyer pays for the line", "实付金额"),
        _money("total_fee", "line before discounts of the trade", "应付金额"),
        _money("divide_order_fee", "paid after the trade's discounts were divided", "分摊后实付"),
        _money("part_mjz_discount", "share of the trade's discount", "优惠分摊"),
        _money("discount_fee", "discount of the line", "优惠金额", signed=True),
        _MODIFIED,
    ),
)

TAOBAO_REFUNDS = Contract(
    dataset="taobao_refunds",
    en="Taobao and Tmall refunds",
    zh="淘宝天猫退款",
    grain="one row per refund and observed change",
    key=("shop_id", "refund_id", "modified_at"),
    event_time="modified_at",
    door="taobao",
    columns=(
        _SHOP,
        _APP,
        Column("refund_id", "id", "refund", "退款编号", required=True, checks=(not_blank("refund_id"),)),
        _TID,
        Column("oid", "id", "line", "子订单号"),
        Column("status", "text", "state of the refund", "状态", required=True, known=REFUND_STATES),
        Column("refund_phase", "text", "onsale or aftersale", "阶段", known=("onsale", "aftersale")),
        Column("reason", "text", "reason", "原因"),
        _OPEN_UID,
        _NICK,
        Column("has_good_return", "boolean", "goods come back", "是否退货"),
        _money("total_fee", "total of the trade's line", "交易金额"),
        _money("payment", "left to the seller", "支付给卖家"),
        _money("refund_fee", "given back to the buyer", "退款金额", required=True),
        Column("created_at", "timestamp", "time of the request", "申请时间", required=True),
        _MODIFIED,
    ),
)
