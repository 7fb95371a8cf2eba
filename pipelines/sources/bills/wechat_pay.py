"""Lines of WeChat Pay's bills: trade (ALL, SUCCESS, REFUND), fund and split, also the English cross-border split bill.

A payment and each of its refunds are lines of their own; a payment's line has ``0`` where a refund's number would
stand. The fee of a refund goes back to the company: its sign on the bill is not documented, so its size counts.
"""

import polars as pl

from pipelines.sources.bills.amounts import rounded_minor, whole_minor
from pipelines.sources.bills.lines import (
    YUAN,
    Lines,
    cell,
    flagged,
    money,
    not_whole,
    number,
    one_of,
    scientific,
    untimed,
    utc,
)
from pipelines.sources.bills.proving import RETURNS
from pipelines.sources.bills.reading import BillText

CHANNEL = "wechat_pay"
_STATES = {"SUCCESS": "payment", "REFUND": "refund", "REVOKED": "revoked"}
_DIRECTIONS = {"收入": 1, "支出": -1}
#: 业务类型 and 业务名称 of the fund bill; the list is open.
_FUND_KINDS = {
    "交易": "payment",
    "普通支付": "payment",
    "退款": "refund",
    "扣除交易手续费": "fee",
    "手续费": "fee",
    "交易手续费": "fee",
    "退还交易手续费": "fee_return",
    "分账": "split",
    "分账回退": "split_return",
    "提现": "withdrawal",
    "充值": "deposit",
    "充值/退款": "deposit",
    "转账": "transfer",
    "企业付款": "transfer",
    "商家转账": "transfer",
}
_SPLITS = r"(?i)分账|split|shar"


_IS_RETURN = pl.col("kind").is_in(["refund", "revoked"])


def payments(bill: BillText, e5: pl.DataFrame) -> Lines:
    """Lines of a trade bill as ``payment_bill_lines``."""
    read = _with_amounts(bill, _with_kinds(bill, e5))
    currency = pl.col("currency")
    frame = read.select(
        *("account_id", "sub_account_id", "kind", "transaction_id", "order_id", "platform_refund_id", "refund_id"),
        *(
            cell(bill, name)
            for name in ("app_id", "payer_id", "device_id", "trade_type", "trade_status", "refund_type")
        ),
        *(cell(bill, name) for name in ("refund_status", "bank", "product", "attach", "rate_text", "rate_note")),
        pl.when(_IS_RETURN)
        .then(pl.coalesce("platform_refund_id", "refund_id", "transaction_id"))
        .otherwise("transaction_id")
        .alias("entry_id"),
        "extra",
        "currency",
        whole_minor(pl.col("a"), currency).alias("amount"),
        whole_minor(pl.col("o"), currency).alias("order_amount"),
        whole_minor(pl.col("c"), currency).alias("coupon_amount"),
        rounded_minor(pl.col("f"), currency).alias("fee_amount"),
        pl.col("f").alias("fee_e5"),
        pl.col("at").alias("occurred_at"),
        pl.col("requested").alias("created_at"),
        pl.col("refunded").alias("refunded_at"),
        "_row",
        "_raw",
    )
    numbers = ("transaction_id", "order_id", "platform_refund_id", "refund_id")
    problems = (
        *flagged(read, "kind", "the state is not known: it is neither SUCCESS, REFUND nor REVOKED",
                 pl.col("kind").is_null(), pl.col("trade_status")),
        *untimed(read, "occurred_at", "at", "traded_at"),
        *scientific(read, numbers),
        *not_whole(read, {"amount": "a", "order_amount": "o", "coupon_amount": "c"}, {}),
    )  # fmt: skip
    return Lines(frame, problems, _accounts(frame), _currency(frame))


def _with_kinds(bill: BillText, e5: pl.DataFrame) -> pl.DataFrame:
    return e5.with_columns(
        one_of(pl.col("trade_status"), _STATES).alias("kind"),
        pl.coalesce(pl.col("currency"), pl.lit(YUAN)).str.to_uppercase().alias("currency"),
        number(cell(bill, "platform_refund_id")).alias("platform_refund_id"),
        number(cell(bill, "refund_id")).alias("refund_id"),
        number(cell(bill, "sub_account_id")).alias("sub_account_id"),
        utc(pl.col("traded_at")).alias("traded"),
        utc(cell(bill, "requested_at")).alias("requested"),
        utc(cell(bill, "refunded_at")).alias("refunded"),
    )


def _with_amounts(bill: BillText, lines: pl.DataFrame) -> pl.DataFrame:
    """Adds a (amount), o (of the order), c (coupons), f (fee), with our signs, and at (when the line happened)."""
    order = "order" if "order" in bill.names else "settled"  # bills of 2016 have one amount
    requested = "requested_refund" if "requested_refund" in bill.names else "refund"

    def either(paid: str, returned: str) -> pl.Expr:
        return pl.when(_IS_RETURN).then(-money(lines, returned)).otherwise(money(lines, paid))

    return lines.with_columns(
        either("settled", "refund").alias("a"),
        either(order, requested).alias("o"),
        either("coupon", "refund_coupon").alias("c"),
        pl.when(_IS_RETURN).then(money(lines, "fee").abs()).otherwise(-money(lines, "fee")).fill_null(0).alias("f"),
        pl.when(_IS_RETURN).then(pl.coalesce("requested", "traded")).otherwise("traded").alias("at"),
    )


def funds(bill: BillText, e5: pl.DataFrame) -> Lines:
    """Lines of a fund bill as ``fund_lines``. The bill does not name its merchant."""
    sign = pl.col("direction").replace_strict(_DIRECTIONS, default=None, return_dtype=pl.Int64)
    read = e5.with_columns(
        pl.lit(YUAN).alias("currency"),
        (sign * money(e5, "moved").abs()).alias("a"),
        money(e5, "balance").alias("b"),
        utc(pl.col("traded_at")).alias("at"),
    )
    named = [
        pl.col(name).replace_strict(_FUND_KINDS, default=None, return_dtype=pl.String)
        for name in ("business_type", "business_name")
        if name in bill.names
    ]
    frame = read.select(
        "entry_id",
        *(cell(bill, name) for name in ("transaction_id", "voucher_id", "business_name", "business_type", "applicant")),
        cell(bill, "note"),
        pl.coalesce(*named, pl.lit("other")).alias("kind"),
        "extra",
        "currency",
        whole_minor(pl.col("a"), pl.col("currency")).alias("amount"),
        whole_minor(pl.col("b"), pl.col("currency")).alias("balance_after"),
        pl.col("at").alias("occurred_at"),
        "_row",
        "_raw",
    )
    problems = (
        *flagged(read, "amount", "the direction is not known: it is neither 收入 nor 支出", sign.is_null(),
                 pl.col("direction")),
        *untimed(read, "occurred_at", "at", "traded_at"),
        *scientific(read, ("entry_id", "transaction_id", "voucher_id")),
        *not_whole(read, {"amount": "a", "balance_after": "b"}, {"a": "moved", "b": "balance"}),
    )  # fmt: skip
    return Lines(frame, problems, (), YUAN)


def splits(bill: BillText, e5: pl.DataFrame) -> Lines:
    """Lines of a split bill as ``split_lines``."""
    kind = (
        pl.when(pl.col("business_type").str.contains(RETURNS))
        .then(pl.lit("return"))
        .when(pl.col("business_type").str.contains(_SPLITS))
        .then(pl.lit("split"))
    )
    sign = pl.when(pl.col("kind") == "return").then(1).otherwise(-1)
    read = (
        e5.with_columns(
            kind.alias("kind"),
            pl.coalesce(cell(bill, "currency"), pl.lit(YUAN)).str.to_uppercase().alias("currency"),
            cell(bill, "settlement_currency").str.to_uppercase().alias("settlement_currency"),
            utc(pl.col("traded_at")).alias("at"),
        )
        .with_columns(
            (sign * money(e5, "moved").abs()).alias("a"),
            money(e5, "order").alias("o"),
            (sign * money(e5, "settlement").abs()).alias("s"),
        )
    )  # fmt: skip
    frame = read.select(
        *("account_id", "kind", "entry_id", "transaction_id", "receiver_id", "settlement_currency", "business_type"),
        *(cell(bill, name) for name in ("sub_account_id", "platform_split_id", "split_id", "sponsor_id", "status")),
        cell(bill, "note"),
        "extra",
        "currency",
        cell(bill, "exchange_rate").cast(pl.Decimal(20, 10), strict=False).alias("exchange_rate"),
        whole_minor(pl.col("o"), pl.col("currency")).alias("order_amount"),
        whole_minor(pl.col("a"), pl.col("currency")).alias("amount"),
        whole_minor(pl.col("s"), pl.col("settlement_currency")).alias("settlement_amount"),
        pl.col("at").alias("occurred_at"),
        "_row",
        "_raw",
    )
    problems = (
        *flagged(read, "kind", "the type is not known: it names neither a split nor a return", pl.col("kind").is_null(),
                 pl.col("business_type")),
        *untimed(read, "occurred_at", "at", "traded_at"),
        *scientific(read, ("entry_id", "transaction_id", "platform_split_id", "split_id")),
        *not_whole(read, {"amount": "a", "order_amount": "o"}, {"a": "moved"}),
    )  # fmt: skip
    return Lines(frame, problems, _accounts(frame), _currency(frame))


def _accounts(frame: pl.DataFrame) -> tuple[str, ...]:
    return tuple(frame["account_id"].drop_nulls().unique(maintain_order=True))


def _currency(frame: pl.DataFrame) -> str:
    found = frame["currency"].drop_nulls()
    return str(found.mode().sort()[0]) if len(found) else YUAN
