"""The layouts of bills: which header names mean what. A bill is known by the names in its header, nothing else.

Names are compared without case, spaces, brackets and width (``folded``), so that （元） is (元). Older names of
a column stand behind the newer one. Facts: WeChat Pay's documentation format-trade (2024-11-25),
format-fundflow and merchant/4012529628; Alipay's bills by public parsers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.sources.files.table import folded

Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Layout:
    """One kind of bill. ``columns``: our name → names in the header; ``amounts``: those that hold money.

    ``required`` must all be there, ``absent`` must not. ``totals``: our name of a closing figure → its names.
    ``closing``: a titled line of sums (WeChat Pay), or lines that begin with # (Alipay).
    """

    channel: Literal["wechat_pay", "alipay"]
    bill_type: str
    dataset: str
    columns: Names
    required: tuple[str, ...]
    amounts: tuple[str, ...]
    closing: Literal["titled", "hashed"]
    absent: tuple[str, ...] = ()
    totals: Names | None = None

    def located(self, header: Sequence[str]) -> dict[str, str]:
        """Our name → the header's, for the columns that are there."""
        there = {folded(name): name for name in reversed(header)}
        found = {}
        for ours, spellings in self.columns.items():
            name = next((there[folded(one)] for one in spellings if folded(one) in there), None)
            if name is not None:
                found[ours] = name
        return found

    def fits(self, header: Sequence[str]) -> bool:
        found = self.located(header).keys()
        return set(self.required) <= found and found.isdisjoint(self.absent)


_WECHAT_TRADE: Names = {
    "traded_at": ("交易时间",),
    "app_id": ("公众账号ID",),
    "account_id": ("商户号",),
    "sub_account_id": ("特约商户号", "子商户号"),
    "device_id": ("设备号", "终端设备号"),
    "transaction_id": ("微信订单号",),
    "order_id": ("商户订单号",),
    "payer_id": ("用户标识",),
    "trade_type": ("交易类型",),
    "trade_status": ("交易状态",),
    "bank": ("付款银行",),
    "currency": ("货币种类",),
    "settled": ("应结订单金额", "总金额"),
    "coupon": ("代金券金额", "代金券或立减优惠金额", "企业红包金额"),
    "requested_at": ("退款申请时间",),
    "refunded_at": ("退款成功时间",),
    "platform_refund_id": ("微信退款单号",),
    "refund_id": ("商户退款单号",),
    "refund": ("退款金额",),
    "refund_coupon": ("充值券退款金额", "代金券或立减优惠退款金额", "企业红包退款金额"),
    "refund_type": ("退款类型",),
    "refund_status": ("退款状态",),
    "product": ("商品名称",),
    "attach": ("商户数据包",),
    "fee": ("手续费",),
    "rate_text": ("费率",),
    "order": ("订单金额",),
    "requested_refund": ("申请退款金额",),
    "rate_note": ("费率备注",),
}
_WECHAT_TRADE_TOTALS: Names = {
    "lines": ("总交易单数",),
    "settled": ("应结订单总金额", "总交易额"),
    "refund": ("退款总金额", "总退款金额"),
    "refund_coupon": ("充值券退款总金额", "总代金券或立减优惠退款金额", "总企业红包退款金额"),
    "fee": ("手续费总金额",),
    "order": ("订单总金额",),
    "requested_refund": ("申请退款总金额", "申请退款金额"),
}
_WECHAT_REQUIRED = (
    "traded_at",
    "account_id",
    "transaction_id",
    "order_id",
    "trade_status",
    "currency",
    "settled",
    "fee",
)
_WECHAT_AMOUNTS = ("settled", "coupon", "refund", "refund_coupon", "fee", "order", "requested_refund")


def _wechat_trade(bill_type: str, required: tuple[str, ...], absent: tuple[str, ...]) -> Layout:
    return Layout(
        "wechat_pay",
        bill_type,
        "payment_bill_lines",
        _WECHAT_TRADE,
        (*_WECHAT_REQUIRED, *required),
        _WECHAT_AMOUNTS,
        "titled",
        absent,
        _WECHAT_TRADE_TOTALS,
    )


def _wechat_split(bill_type: str, columns: Names) -> Layout:
    """The titles of its sums are not documented: any sum of counts and amounts must be one of those of its lines."""
    return Layout(
        "wechat_pay",
        bill_type,
        "split_lines",
        columns,
        ("traded_at", "account_id", "transaction_id", "entry_id", "receiver_id", "moved", "business_type"),
        ("moved", "order", "settlement"),
        "titled",
    )


_ALIPAY_TRADE: Names = {
    "transaction_id": ("支付宝交易号",),
    "order_id": ("商户订单号",),
    "kind_text": ("业务类型",),
    "product": ("商品名称",),
    "created_at": ("创建时间",),
    "traded_at": ("完成时间",),
    "store_id": ("门店编号",),
    "store_name": ("门店名称",),
    "operator_id": ("操作员",),
    "device_id": ("终端号",),
    "payer_id": ("对方账户",),
    "order": ("订单金额（元）",),
    "settled": ("商家实收（元）",),
    "red_packet": ("支付宝红包（元）",),
    "points": ("集分宝（元）",),
    "platform_discount": ("支付宝优惠（元）",),
    "merchant_discount": ("商家优惠（元）",),
    "coupon": ("券核销金额（元）",),
    "coupon_name": ("券名称",),
    "merchant_red_packet": ("商家红包消费金额（元）",),
    "card": ("卡消费金额（元）",),
    "refund_id": ("退款批次号/请求号", "退款批次号", "退款请求号"),
    "fee": ("服务费（元）",),
    "share": ("分润（元）",),
    "sub_account_id": ("二级商户编号", "子商户编号", "商户编号", "二级商户号"),
    "note": ("备注",),
}

LAYOUTS: tuple[Layout, ...] = (
    _wechat_trade("trade_refund", ("refund", "platform_refund_id", "requested_at"), ()),
    _wechat_trade("trade_all", ("refund", "platform_refund_id"), ("requested_at",)),
    _wechat_trade("trade_success", (), ("refund", "platform_refund_id")),
    Layout(
        "wechat_pay",
        "fund",
        "fund_lines",
        {
            "traded_at": ("记账时间",),
            "transaction_id": ("微信支付业务单号",),
            "entry_id": ("资金流水单号",),
            "business_name": ("业务名称",),
            "business_type": ("业务类型",),
            "direction": ("收支类型",),
            "moved": ("收支金额(元)",),
            "balance": ("账户结余(元)",),
            "applicant": ("资金变更提交申请人",),
            "note": ("备注",),
            "voucher_id": ("业务凭证号",),
        },
        ("traded_at", "entry_id", "business_type", "direction", "moved", "balance"),
        ("moved", "balance"),
        "titled",
        totals={
            "lines": ("资金流水总笔数",),
            "income_lines": ("收入笔数",),
            "income": ("收入金额",),
            "expense_lines": ("支出笔数",),
            "expense": ("支出金额",),
        },
    ),
    _wechat_split(
        "split",
        {
            "traded_at": ("分账时间",),
            "account_id": ("分账发起方",),
            "sponsor_id": ("分账方",),
            "transaction_id": ("微信订单号",),
            "platform_split_id": ("微信分账/回退单号",),
            "entry_id": ("分账明细单号",),
            "split_id": ("商户分账/回退单号",),
            "order": ("订单金额",),
            "receiver_id": ("分账接收方",),
            "moved": ("金额",),
            "business_type": ("业务类型",),
            "status": ("处理状态",),
            "note": ("备注",),
        },
    ),
    _wechat_split(
        "split_cross_border",
        {
            "traded_at": ("create_time",),
            "account_id": ("initiator",),
            "sponsor_id": ("sponsor",),
            "sub_account_id": ("sub_mchid",),
            "transaction_id": ("transaction_id",),
            "platform_split_id": ("order_id",),
            "split_id": ("out_order_no",),
            "entry_id": ("detail_id", "detaill_id"),  # a page of the documentation spells it so
            "receiver_id": ("receiver_account",),
            "moved": ("amount",),
            "currency": ("currency",),
            "settlement": ("settlement_amount",),
            "settlement_currency": ("settlement_currency",),
            "exchange_rate": ("exchange_rate",),
            "business_type": ("business_type",),
            "status": ("status",),
            "note": ("description",),
        },
    ),
    Layout(
        "alipay",
        "trade",
        "payment_bill_lines",
        _ALIPAY_TRADE,
        ("transaction_id", "order_id", "kind_text", "traded_at", "order", "settled", "refund_id", "fee"),
        (
            "order",
            "settled",
            "red_packet",
            "points",
            "platform_discount",
            "merchant_discount",
            "coupon",
            "merchant_red_packet",
            "card",
            "fee",
            "share",
        ),
        "hashed",
    ),
    Layout(
        "alipay",
        "account",
        "fund_lines",
        {
            "entry_id": ("账务流水号",),
            "transaction_id": ("业务流水号",),
            "order_id": ("商户订单号",),
            "product": ("商品名称",),
            "traded_at": ("发生时间",),
            "counterparty": ("对方账号", "对方账户"),
            "income": ("收入金额（+元）",),
            "expense": ("支出金额（-元）",),
            "balance": ("账户余额（元）",),
            "trade_channel": ("交易渠道",),
            "business_type": ("业务类型",),
            "note": ("备注",),
            "base_order_id": ("业务基础订单号",),
            "business_order_id": ("业务订单号",),
            "business_source": ("业务账单来源",),
            "business_description": ("业务描述",),
        },
        ("entry_id", "traded_at", "income", "expense", "balance", "business_type"),
        ("income", "expense", "balance"),
        "hashed",
    ),
)

#: Bills of sums, a row per store: they come beside a bill of lines and hold nothing of their own.
SUMMARIES: tuple[tuple[str, ...], ...] = (
    ("门店编号", "交易订单总笔数", "退款订单总笔数"),
    ("业务类型", "收入笔数", "收入金额（+元）", "支出笔数"),
)


def layout_of(header: Sequence[str]) -> Layout | None:
    """The layout that a header has, or None."""
    return next((layout for layout in LAYOUTS if layout.fits(header)), None)


def is_summary(header: Sequence[str]) -> bool:
    there = {folded(name) for name in header}
    return any({folded(name) for name in names} <= there for names in SUMMARIES)
