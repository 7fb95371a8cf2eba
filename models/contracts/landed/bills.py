"""Bills of payment channels, as the channel writes them: WeChat Pay and Alipay.

Facts: WeChat Pay's documentation of the trade bill (format-trade), the fund bill (format-fundflow) and the split bill
(merchant/4012529628); Alipay's bills by several public parsers that agree. See ``docs/bills.md``.
"""

from models.contracts.contract import Column, Contract, not_blank
from models.contracts.landed.columns import currency_column

CHANNELS = ("wechat_pay", "alipay")
_CHANNEL = Column("channel", "text", "payment channel", "支付渠道", required=True, known=CHANNELS)
_BILL = Column("bill_id", "text", "the bill in which the line stands", "账单", required=True)
_ACCOUNT = Column(
    "account_id", "id", "merchant number there", "商户号", required=True, checks=(not_blank("account_id"),)
)
_SUB_ACCOUNT = Column("sub_account_id", "id", "merchant of a service provider, second-tier merchant", "特约商户号")
_OCCURRENCE = Column(
    "occurrence", "integer", "1, or which of several lines of the bill with one number", "序号", required=True
)
_TRANSACTION = Column("transaction_id", "id", "the channel's number of the payment", "支付渠道交易号")
_ORDER = Column("order_id", "id", "the merchant's order", "商户订单号")
_NOTE = Column("note", "text", "note", "备注")
_EXTRA = Column("extra", "text", "columns of the bill that are not known, JSON", "其他列")
_BILL_DATE = Column("bill_date", "date", "day of the bill, Beijing", "账单日期", required=True)
_OCCURRED = Column("occurred_at", "timestamp", "time of the line", "发生时间", required=True)


def _entry(en: str, zh: str) -> Column:
    return Column("entry_id", "id", en, zh, required=True, checks=(not_blank("entry_id"),))


def _amount(name: str, en: str, zh: str, *, required: bool = False) -> Column:
    return Column(name, "amount", f"{en}, minor units", zh, required=required)


BILLS = Contract(
    dataset="bills",
    en="Bills of payment channels",
    zh="支付渠道账单",
    grain="one row per bill and delivery; its totals were proven against its lines",
    key=("bill_id",),
    replaced_by=("bill_id",),
    door="bill",
    columns=(
        Column("bill_id", "text", "channel, account, kind and days", "账单编号", required=True),
        _CHANNEL,
        _ACCOUNT,
        Column(
            "bill_type",
            "text",
            "kind of bill",
            "账单类型",
            required=True,
            known=(
                "trade_all",
                "trade_success",
                "trade_refund",
                "trade",
                "fund",
                "account",
                "split",
                "split_cross_border",
            ),
        ),
        Column(
            "account_type",
            "text",
            "which of the merchant's accounts, of fund bills",
            "资金账户类型",
            known=("BASIC", "OPERATION", "FEES"),
        ),
        Column("file", "text", "name of the file", "文件名", required=True),
        Column("sha256", "id", "hash of the bill's text, unpacked, in UTF-8", "内容摘要", required=True),
        currency_column(),
        Column("lines", "integer", "lines of the bill", "行数", required=True),
        Column("quarantined_lines", "integer", "of these in quarantine", "隔离行数", required=True),
        Column("declared_lines", "integer", "lines by the bill's closing lines", "账单声明行数"),
        _amount("income_amount", "sum of what the account got, proven", "收入合计", required=True),
        _amount("expense_amount", "sum of what the account paid, negative, proven", "支出合计", required=True),
        Column("fee_e5", "integer", "fees, 1e-5 major units, negative when the company pays", "手续费合计"),
        _amount("opening_balance", "balance before the first line", "期初余额"),
        _amount("closing_balance", "balance after the last line", "期末余额"),
        Column("starts_on", "date", "first day, Beijing", "起始日期", required=True),
        Column("ends_on", "date", "last day, Beijing", "终止日期", required=True),
    ),
)

PAYMENT_BILL_LINES = Contract(
    dataset="payment_bill_lines",
    en="Payments and refunds on the bills of payment channels",
    zh="支付渠道交易账单明细",
    grain="one row per line of a trade bill; a payment and its refunds are lines of their own",
    key=("channel", "account_id", "kind", "transaction_id", "entry_id", "occurrence"),
    event_time="occurred_at",
    replaced_by=("channel", "account_id", "kind", "transaction_id", "entry_id"),
    door="bill",
    columns=(
        _BILL,
        _CHANNEL,
        _ACCOUNT,
        _SUB_ACCOUNT,
        Column("app_id", "id", "app of the payment", "应用ID"),
        Column("kind", "text", "payment, refund or revoked (a payment taken back at the till)", "类别", required=True),
        _entry("the payment's number; of a refund its own, else the payment's", "流水号"),
        _OCCURRENCE,
        Column(
            "transaction_id",
            "id",
            "the channel's number of the payment",
            "支付渠道交易号",
            required=True,
            checks=(not_blank("transaction_id"),),
        ),
        _ORDER,
        Column("platform_refund_id", "id", "the channel's number of the refund", "渠道退款单号"),
        Column("refund_id", "id", "the merchant's number of the refund", "商户退款单号"),
        Column("payer_id", "id", "who paid: openid, or an account masked by the channel", "付款用户", personal=True),
        Column("store_id", "id", "store as the channel knows it", "门店编号"),
        Column("device_id", "id", "device or till", "设备号"),
        Column("operator_id", "id", "operator", "操作员"),
        Column("trade_type", "text", "way of payment", "交易类型"),
        Column("trade_status", "text", "state as printed", "交易状态", required=True),
        Column("refund_type", "text", "where the refund went", "退款类型"),
        Column(
            "refund_status",
            "text",
            "state of the refund on the day of the bill; it is never updated",
            "退款状态",
            known=("SUCCESS", "PROCESSING", "FAIL", "CHANGE"),
        ),
        Column("bank", "text", "bank or purse", "付款银行"),
        Column("product", "text", "what was paid for", "商品名称"),
        Column("attach", "text", "the merchant's own data", "商户数据包"),
        Column("coupon_name", "text", "coupon", "券名称"),
        Column("rate_text", "text", "rate of the fee as printed", "费率"),
        Column("rate_note", "text", "note on the rate", "费率备注"),
        _NOTE,
        _EXTRA,
        currency_column(),
        _amount("amount", "what the company gets, negative for refunds", "应结金额", required=True),
        _amount("order_amount", "order's amount, negative for refunds", "订单金额"),
        _amount("coupon_amount", "paid by coupons, negative for refunds", "代金券金额"),
        _amount("platform_discount_amount", "discount that the channel bears, negative for refunds", "平台优惠"),
        _amount("merchant_discount_amount", "discount that the company bears, negative for refunds", "商家优惠"),
        _amount("card_amount", "paid by cards, negative for refunds", "卡消费金额"),
        _amount("share_amount", "share of the profit", "分润"),
        _amount("fee_amount", "fee rounded half up, negative when the company pays it", "手续费", required=True),
        Column("fee_e5", "integer", "fee as printed, 1e-5 major units, the same sign", "手续费精确值", required=True),
        _BILL_DATE,
        Column("occurred_at", "timestamp", "payment succeeded, or refund accepted", "交易时间", required=True),
        Column("created_at", "timestamp", "payment or refund asked for", "创建时间"),
        Column("refunded_at", "timestamp", "refund arrived", "退款成功时间"),
    ),
)

FUND_LINES = Contract(
    dataset="fund_lines",
    en="Movements of merchant accounts at payment channels",
    zh="支付渠道资金流水",
    grain="one row per movement of an account",
    key=("channel", "account_id", "account_type", "entry_id", "occurrence"),
    event_time="occurred_at",
    replaced_by=("channel", "account_id", "account_type", "entry_id"),
    blank_in_key=("account_type",),
    door="bill",
    columns=(
        _BILL,
        _CHANNEL,
        _ACCOUNT,
        Column("account_type", "text", "which of the merchant's accounts; empty at Alipay", "资金账户类型"),
        _entry("number of the movement", "资金流水单号"),
        _OCCURRENCE,
        _TRANSACTION,
        _ORDER,
        Column("voucher_id", "id", "voucher: the merchant's number or the refund's", "业务凭证号"),
        Column("base_order_id", "id", "order from which it came", "业务基础订单号"),
        Column("business_order_id", "id", "orders of the business, as printed", "业务订单号"),
        Column("counterparty", "text", "the other account, masked by the channel", "对方账号", personal=True),
        Column(
            "kind",
            "text",
            "payment, refund, fee, fee_return, split, split_return, withdrawal, deposit, transfer or other",
            "类别",
            required=True,
        ),
        Column("business_name", "text", "name as printed", "业务名称"),
        Column("business_type", "text", "type as printed (open list)", "业务类型"),
        Column("business_source", "text", "where the order comes from", "业务账单来源"),
        Column("business_description", "text", "description", "业务描述"),
        Column("trade_channel", "text", "channel of the trade", "交易渠道"),
        Column("applicant", "text", "who asked for it", "资金变更提交申请人"),
        Column("product", "text", "what was paid for", "商品名称"),
        _NOTE,
        _EXTRA,
        currency_column(),
        _amount("amount", "positive when the account gets it", "收支金额", required=True),
        _amount("balance_after", "balance after it", "账户结余", required=True),
        _BILL_DATE,
        _OCCURRED,
    ),
)

SPLIT_LINES = Contract(
    dataset="split_lines",
    en="Splits of payments to receivers, and their returns",
    zh="支付渠道分账明细",
    grain="one row per receiver of a split, or per return",
    key=("channel", "account_id", "kind", "entry_id", "occurrence"),
    event_time="occurred_at",
    replaced_by=("channel", "account_id", "kind", "entry_id"),
    door="bill",
    columns=(
        _BILL,
        _CHANNEL,
        _ACCOUNT,
        _SUB_ACCOUNT,
        Column("kind", "text", "split, or return", "类别", required=True),
        _entry("number of the detail", "分账明细单号"),
        _OCCURRENCE,
        _TRANSACTION,
        Column("platform_split_id", "id", "the channel's number of the split or return", "微信分账/回退单号"),
        Column("split_id", "id", "the merchant's number of the split or return", "商户分账/回退单号"),
        Column("sponsor_id", "id", "whose money is split", "分账方"),
        Column("receiver_id", "id", "who gets it", "分账接收方", personal=True),
        Column("business_type", "text", "type as printed", "业务类型"),
        Column("status", "text", "state as printed", "处理状态"),
        _NOTE,
        _EXTRA,
        currency_column(),
        Column("settlement_currency", "text", "currency in which it was settled, cross-border", "结算币种"),
        Column("exchange_rate", "rate", "rate of the settlement, cross-border", "汇率"),
        _amount("order_amount", "amount of the order", "订单金额"),
        _amount("amount", "negative when the sponsor pays it", "金额", required=True),
        _amount("settlement_amount", "in the settlement currency, the same sign", "结算金额"),
        _BILL_DATE,
        _OCCURRED,
    ),
)
