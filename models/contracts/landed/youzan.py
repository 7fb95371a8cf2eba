"""Datasets of the Youzan connector: trades, their lines, refunds with their details, one row per observed change.

Field facts: doc.youzanyun.com, youzan.trades.sold.get 4.0.4, youzan.trade.refund.search and refund.get 3.0.1. Names,
phones and addresses are ciphers (``$…$1$``) under the key of one shop: the same phone has another cipher in another
shop, so that they are no identity keys. ``yz_open_id`` is the platform's number of a buyer, ``outer_user_id`` the
buyer's openid in WeChat; ``buyer_phone_digest`` is the same for one phone in all shops of one application.
"""

from models.contracts.contract import CellRule, Column, Contract, not_blank

_SHOP = Column("shop_id", "id", "the shop's store number", "店铺编号", required=True, checks=(not_blank("shop_id"),))
_APP = Column("client_id", "id", "application for which the digest holds", "应用", required=True)
_TID = Column("tid", "id", "trade", "订单号", required=True, checks=(not_blank("tid"),))
_MODIFIED = Column("modified_at", "timestamp", "last change on the platform", "更新时间", required=True)

TRADE_STATES = (
    "WAIT_BUYER_PAY",
    "TRADE_PAID",
    "WAIT_CONFIRM",
    "WAIT_SELLER_SEND_GOODS",
    "WAIT_BUYER_CONFIRM_GOODS",
    "TRADE_SUCCESS",
    "TRADE_CLOSED",
)
REFUND_STATES = (
    "WAIT_SELLER_AGREE",
    "WAIT_BUYER_RETURN_GOODS",
    "WAIT_SELLER_CONFIRM_GOODS",
    "SELLER_REFUSE_BUYER",
    "SELLER_REFUSE_BUYER_RETURN_GOODS",
    "CLOSED",
    "SUCCESS",
)
#: Of a trade, not of a refund: nothing, a part under way, a part done, the whole under way, the whole done.
TRADE_REFUND_STATES = ("0", "1", "2", "11", "12")
#: Asked by the buyer, given by the seller, with one click, exchange in a store, exchange in the shop.
REFUND_KINDS = ("1", "2", "3", "4", "5")


def _money(name: str, en: str, zh: str, *, required: bool = False) -> Column:
    """Minor units of CNY."""
    rule = CellRule("ge", {"min_value": 0}, f"{name} must not be negative")
    return Column(name, "amount", f"{en}, fen", zh, required=required, checks=(rule,))


def _cipher(name: str, en: str, zh: str) -> Column:
    return Column(name, "text", f"{en}; cipher of this shop, never an identity", zh, personal=True)


YOUZAN_TRADES = Contract(
    dataset="youzan_trades",
    en="Youzan trades",
    zh="有赞订单",
    grain="one row per trade and observed change",
    key=("shop_id", "tid", "modified_at"),
    event_time="modified_at",
    door="youzan",
    columns=(
        _SHOP,
        _APP,
        _TID,
        Column("status", "text", "state of the trade", "状态", required=True, known=TRADE_STATES),
        Column("trade_type", "text", "type of the trade, a number", "订单类型"),
        Column("refund_state", "text", "how much of it was given back", "退款状态", known=TRADE_REFUND_STATES),
        Column("close_type", "text", "why it was closed, a number", "关闭类型"),
        Column("express_type", "text", "0 parcel, 1 fetched, 2 by courier, 9 nothing to send", "配送方式"),
        Column("pay_type", "text", "way of payment, a number", "支付方式"),
        Column("node_kdt_id", "id", "Youzan number of the branch", "分店kdt_id"),
        Column("root_kdt_id", "id", "Youzan number of the chain", "总店kdt_id"),
        Column("offline_id", "id", "Youzan number of the store that sold it", "网点编号"),
        Column("shop_name", "text", "name of the branch", "店铺名称"),
        Column("is_retail_order", "boolean", "sold by a shop of the retail edition", "零售订单"),
        Column("is_offline_order", "boolean", "sold in a store", "线下订单"),
        Column("platform", "text", "where the buyer came from", "来源平台"),
        Column("order_mark", "text", "application in which the buyer ordered", "订单标记"),
        Column("yz_open_id", "id", "buyer, the platform's number", "有赞用户id", personal=True),
        Column("outer_user_id", "id", "buyer's openid in WeChat", "微信openid", personal=True),
        _cipher("buyer_phone", "buyer's phone", "买家手机"),
        Column("buyer_phone_digest", "id", "digest of the buyer's phone", "买家手机摘要", personal=True),
        _cipher("fans_nickname", "buyer's nick", "买家昵称"),
        _cipher("receiver_name", "receiver", "收货人"),
        _cipher("receiver_tel", "receiver's phone", "收货手机"),
        Column("delivery_province", "text", "province", "省"),
        Column("delivery_city", "text", "city", "市"),
        Column("delivery_district", "text", "district", "区"),
        _cipher("delivery_address", "street", "地址"),
        Column("buyer_message", "text", "buyer's message", "买家留言", personal=True),
        Column("trade_memo", "text", "seller's memo", "卖家备注", personal=True),
        Column("transactions", "text", "Youzan's numbers of the payments, by commas", "支付流水号"),
        Column("outer_transactions", "text", "WeChat's or Alipay's numbers of the payments, by commas", "外部支付单号"),
        _money("total_fee", "goods before discounts", "商品金额"),
        _money("post_fee", "postage", "邮费"),
        _money("payment", "what the buyer pays, postage included", "实付金额", required=True),
        _money("real_payment", "of it, without what cards paid", "实际支付"),
        _money("deduction_pay", "paid by gift and stored-value cards", "卡抵扣"),
        Column("created_at", "timestamp", "time of the order", "下单时间", required=True),
        Column("paid_at", "timestamp", "time of payment", "付款时间"),
        Column("consigned_at", "timestamp", "time at which all of it was sent", "发货时间"),
        Column("succeeded_at", "timestamp", "time of completion", "完成时间"),
        _MODIFIED,
    ),
)

YOUZAN_TRADE_LINES = Contract(
    dataset="youzan_trade_lines",
    en="Lines of Youzan trades",
    zh="有赞子订单",
    grain="one row per line of a trade and observed change of the trade",
    key=("shop_id", "tid", "oid", "modified_at"),
    event_time="modified_at",
    door="youzan",
    columns=(
        _SHOP,
        _TID,
        Column("oid", "id", "line", "子订单号", required=True, checks=(not_blank("oid"),)),
        Column("item_id", "id", "item", "商品编号"),
        Column("sku_id", "id", "variant", "规格编号"),
        Column("outer_item_id", "id", "the company's number of the item", "商家编码"),
        Column("outer_sku_id", "id", "the company's number of the variant", "商家规格编码"),
        Column("title", "text", "item's title", "标题"),
        Column("sku_properties_name", "text", "variant", "规格"),
        Column("item_type", "text", "kind of item, a number", "商品类型"),
        Column("is_present", "boolean", "a present", "赠品"),
        Column("num", "quantity", "pieces", "数量", required=True),
        Column("price", "price", "price of a piece before discounts, yuan", "单价"),
        Column("discount_price", "price", "price of a piece after the item's discount, yuan", "优惠后单价"),
        _money("total_fee", "line after the discounts of its item", "商品优惠后金额"),
        _money("payment", "what the buyer pays for the line, all discounts and postage divided", "分摊后实付"),
        _MODIFIED,
    ),
)

YOUZAN_REFUNDS = Contract(
    dataset="youzan_refunds",
    en="Youzan refunds",
    zh="有赞退款",
    grain="one row per refund and observed change",
    key=("shop_id", "refund_id", "modified_at"),
    event_time="modified_at",
    door="youzan",
    columns=(
        _SHOP,
        _APP,
        Column("refund_id", "id", "refund", "退款编号", required=True, checks=(not_blank("refund_id"),)),
        _TID,
        Column("kdt_id", "id", "Youzan number of the shop", "kdt_id"),
        Column("status", "text", "state of the refund", "状态", required=True, known=REFUND_STATES),
        Column("refund_kind", "text", "who asked for it; 4 and 5 are exchanges", "售后类型", known=REFUND_KINDS),
        Column("reason", "text", "reason, a number", "原因"),
        Column("return_goods", "boolean", "goods come back", "是否退货"),
        _money("refund_fee", "given back to the buyer, postage included", "退款金额", required=True),
        Column("created_at", "timestamp", "time of the request", "申请时间", required=True),
        _MODIFIED,
    ),
)

YOUZAN_REFUND_DETAILS = Contract(
    dataset="youzan_refund_details",
    en="Details of Youzan refunds",
    zh="有赞退款详情",
    grain="one row per refund and observed change of it; without a state when the platform knows it no more",
    key=("shop_id", "refund_id", "modified_at"),
    event_time="modified_at",
    door="youzan",
    columns=(
        _SHOP,
        Column("refund_id", "id", "refund", "退款编号", required=True, checks=(not_blank("refund_id"),)),
        Column("tid", "id", "trade", "订单号"),
        Column("oid", "id", "first line of the trade that is given back", "子订单号"),
        Column("status", "text", "state of the refund when it was asked for", "状态", known=REFUND_STATES),
        Column(
            "refund_type",
            "text",
            "who asked for it",
            "退款类型",
            known=("BUYER_APPLY_REFUND", "SELLER_REFUND", "EXCHANGE_GOODS", "SYSTEM_REFUND"),
        ),
        Column("demand", "text", "1 money, 2 money for goods, 3 exchange", "诉求", known=("1", "2", "3")),
        Column("version", "integer", "version, needed for an answer to the buyer", "版本号"),
        _money("refund_fee", "given back to the buyer, postage included", "退款金额"),
        Column("refunded_at", "timestamp", "time at which the money went back", "退款成功时间"),
        Column("modified_at", "timestamp", "the change for which it was asked", "更新时间", required=True),
    ),
)
