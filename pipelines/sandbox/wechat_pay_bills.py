"""What WeChat Pay would bill a merchant: payments and refunds, its account's movements and its splits.

Derived from the orders and refunds of the demo's mini-program shop, or from the payments of the full company. Fees are
0.60 %, rounded to the fen; the fee of a refund goes back. In the demo every seventh payment is split with a partner;
every Monday the account is paid out down to its float.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.sandbox import merchants
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.world import World

SHOP = "S022"  # the mini-program shop
APP_ID = "wx5a0d8e1f00c22b77"
MERCHANT, PARTNER = "1900022001", "1900077001"
FEE_PPM = 6_000
SPLIT_PERCENT = 10
FLOAT = 5_000_000  # fen that stay on the account
_E5_OF_FEN = 1_000


@dataclass(frozen=True)
class MerchantBooks:
    """One merchant at WeChat Pay, amounts in fen, times Beijing civil.

    payments (transaction_id): order_id, openid, paid_at, amount, fee, product, app_id, trade_type, attach. refunds
    (refund_no): transaction_id, order_id, openid, refund_id, at and the payment's others. movements (flow_id): at,
    transaction_id, name, direction, amount, balance, voucher. splits (detail_id): at, transaction_id, split_no, out_no,
    order_amount, amount, kind.
    """

    merchant_id: str
    payments: pl.DataFrame
    refunds: pl.DataFrame
    movements: pl.DataFrame
    splits: pl.DataFrame

    @classmethod
    def of(cls, world: World, merchant_id: str = MERCHANT) -> "MerchantBooks":
        """The books of the mini-program shop of a world."""
        paid = _payments(world)
        returned = _refunds(world, paid)
        splits = _splits(paid)
        return cls(merchant_id, paid, returned, _movements(merchant_id, paid, returned, splits), splits)

    @classmethod
    def of_company(cls, full: FullWorld) -> "MerchantBooks":
        """The books of the full company's merchant account in yuan; it splits with nobody."""
        merchant_id = merchants.account(merchants.WECHAT_PAY, "CNY", full.part)
        of_all = merchants.payments(full)
        there = of_all.filter(pl.col("account_id") == merchant_id)
        shared = {"openid": "payer", "attach": "store_id"}
        columns = ["transaction_id", "order_id", "openid", "amount", "fee", "product", "app_id", "trade_type", "attach"]
        named = there.with_columns(pl.col(old).alias(new) for new, old in shared.items())
        paid = named.sort("paid_at", "order_id").select(*columns, _beijing(pl.col("paid_at")).alias("paid_at"))
        back = merchants.given_back(full, there).with_columns(pl.col(old).alias(new) for new, old in shared.items())
        returned = back.sort("refunded_at", "refund_id").select(
            *columns, "refund_no", "refund_id", _beijing(pl.col("refunded_at")).alias("at")
        )
        splits = _splits(paid).clear()
        return cls(merchant_id, paid, returned, _movements(merchant_id, paid, returned, splits), splits)

    # ------------------------------------------------------------------ bills, as text

    def trade_bill(self, day: date, bill_type: str) -> str | None:
        """The text of a trade bill (ALL, SUCCESS, REFUND); None when nothing happened that day."""
        paid, returned = _on(self.payments, "paid_at", day), _on(self.refunds, "at", day)
        lines = {"ALL": [paid, returned], "SUCCESS": [paid], "REFUND": [returned]}[bill_type]
        if not any(frame.height for frame in lines):
            return None
        rows = pl.concat([self._trade_lines(frame) for frame in lines]).sort("at", "微信订单号", descending=True)
        columns = _TRADE_COLUMNS[bill_type]
        money = {name: _fen(pl.col(short).sum()) for name, short in _TRADE_SUMS[bill_type].items() if short != "fee"}
        sums = rows.select(
            pl.len().cast(pl.String).alias("总交易单数"),
            *(expression.alias(name) for name, expression in money.items()),
            _five(pl.col("fee").sum()).alias("手续费总金额"),
        ).select("总交易单数", *_TRADE_SUMS[bill_type])
        return _text(rows.select(columns), sums)

    def fund_bill(self, day: date, account_type: str) -> str | None:
        """The text of a fund bill; only the basic account moves."""
        rows = _on(self.movements, "at", day)
        if rows.is_empty() or account_type != "BASIC":
            return None
        income, expense = (rows.filter(pl.col("direction") == word) for word in ("收入", "支出"))
        sums = pl.DataFrame(
            {
                "资金流水总笔数": [f"{rows.height}.0"],
                "收入笔数": [f"{income.height}.0"],
                "收入金额": [income.select(_fen(pl.col("amount").sum())).item()],
                "支出笔数": [f"{expense.height}.0"],
                "支出金额": [expense.select(_fen(pl.col("amount").sum())).item()],
            }
        )
        lines = rows.select(
            _civil("at").alias("记账时间"),
            pl.col("transaction_id").alias("微信支付业务单号"),
            pl.col("flow_id").alias("资金流水单号"),
            pl.col("name").alias("业务名称"),
            pl.col("name").alias("业务类型"),
            pl.col("direction").alias("收支类型"),
            _fen(pl.col("amount")).alias("收支金额(元)"),
            _fen(pl.col("balance")).alias("账户结余(元)"),
            pl.lit("system").alias("资金变更提交申请人"),
            pl.lit("").alias("备注"),
            pl.col("voucher").alias("业务凭证号"),
        )
        return _text(lines, sums)

    def split_bill(self, day: date) -> str | None:
        """The text of a split bill."""
        rows = _on(self.splits, "at", day)
        if rows.is_empty():
            return None
        lines = rows.select(
            _civil("at").alias("分账时间"),
            pl.lit(self.merchant_id).alias("分账发起方"),
            pl.lit(self.merchant_id).alias("分账方"),
            pl.col("transaction_id").alias("微信订单号"),
            pl.col("split_no").alias("微信分账/回退单号"),
            pl.col("detail_id").alias("分账明细单号"),
            pl.col("out_no").alias("商户分账/回退单号"),
            _fen(pl.col("order_amount")).alias("订单金额"),
            pl.lit(PARTNER).alias("分账接收方"),
            _fen(pl.col("amount")).alias("金额"),
            pl.col("kind").alias("业务类型"),
            pl.lit("处理成功").alias("处理状态"),
            pl.lit("合作分账").alias("备注"),
        )
        sums = rows.select(
            pl.len().cast(pl.String).alias("分账总笔数"), _fen(pl.col("amount").sum()).alias("分账总金额")
        )
        return _text(lines, sums)

    def _trade_lines(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Payments or refunds under the names of the bill, and ``settled``, ``refund`` and ``fee`` in fen."""
        back = "refund_no" in frame.columns
        none = pl.lit(0, dtype=pl.Int64)
        moment = "at" if back else "paid_at"
        sized = frame.with_columns(
            (none if back else pl.col("amount")).alias("settled"),
            (pl.col("amount") if back else none).alias("refund"),
            (-pl.col("fee") if back else pl.col("fee")).alias("fee"),
            none.alias("nothing"),
        )
        return sized.select(
            pl.col(moment).alias("at"),
            *("settled", "refund", "fee", "nothing"),
            _civil(moment).alias("交易时间"),
            pl.col("app_id").alias("公众账号ID"),
            pl.lit(self.merchant_id).alias("商户号"),
            pl.lit("0").alias("特约商户号"),
            pl.lit("").alias("设备号"),
            pl.col("transaction_id").alias("微信订单号"),
            pl.col("order_id").alias("商户订单号"),
            pl.col("openid").alias("用户标识"),
            pl.col("trade_type").alias("交易类型"),
            pl.lit("REFUND" if back else "SUCCESS").alias("交易状态"),
            pl.lit("OTHERS").alias("付款银行"),
            pl.lit("CNY").alias("货币种类"),
            _fen(pl.col("settled")).alias("应结订单金额"),
            pl.lit("0.00").alias("代金券金额"),
            _civil(moment).alias("退款申请时间"),
            (_civil_of(pl.col(moment) + pl.duration(minutes=3))).alias("退款成功时间"),
            (pl.col("refund_no") if back else pl.lit("0")).alias("微信退款单号"),
            (pl.col("refund_id") if back else pl.lit("0")).alias("商户退款单号"),
            _fen(pl.col("refund")).alias("退款金额"),
            pl.lit("0.00").alias("充值券退款金额"),
            pl.lit("ORIGINAL" if back else "").alias("退款类型"),
            pl.lit("SUCCESS" if back else "").alias("退款状态"),
            pl.col("product").alias("商品名称"),
            pl.col("attach").alias("商户数据包"),
            _five(pl.col("fee")).alias("手续费"),
            pl.lit("0.60%").alias("费率"),
            _fen(pl.col("settled")).alias("订单金额"),
            _fen(pl.col("refund")).alias("申请退款金额"),
            pl.lit("").alias("费率备注"),
        )


_BEFORE = ("交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识",
           "交易类型", "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额")  # fmt: skip
_REFUND = ("微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态")
_GOODS, _TAIL = ("商品名称", "商户数据包", "手续费", "费率", "订单金额"), ("费率备注",)
_TRADE_COLUMNS: Mapping[str, Sequence[str]] = {
    "ALL": (*_BEFORE, *_REFUND, *_GOODS, "申请退款金额", *_TAIL),
    "SUCCESS": (*_BEFORE, *_GOODS, *_TAIL),
    "REFUND": (*_BEFORE, "退款申请时间", "退款成功时间", *_REFUND, *_GOODS, "申请退款金额", *_TAIL),
}
_ALL_SUMS = {"应结订单总金额": "settled", "退款总金额": "refund", "充值券退款总金额": "nothing", "手续费总金额": "fee",
             "订单总金额": "settled", "申请退款总金额": "refund"}  # fmt: skip
_TRADE_SUMS: Mapping[str, Mapping[str, str]] = {
    "ALL": _ALL_SUMS,
    "REFUND": _ALL_SUMS,
    "SUCCESS": {"应结订单总金额": "settled", "手续费总金额": "fee", "订单总金额": "settled"},
}


def _payments(world: World) -> pl.DataFrame:
    paid = world.orders.filter((pl.col("store_id") == SHOP) & pl.col("paid_at").is_not_null())
    lines = world.order_lines.filter(pl.col("store_id") == SHOP)
    totals = lines.group_by("order_id", maintain_order=True).agg(
        pl.col("paid_amount").sum().alias("amount"), pl.col("product_name").first().alias("product")
    )
    known = pl.coalesce(pl.col("buyer_unionid"), pl.lit("u0") + pl.col("person_id").cast(pl.String))
    return (
        paid.join(totals, on="order_id", maintain_order="left")
        .filter(pl.col("amount") > 0)
        .sort("paid_at", "order_id")
        .select(
            ("420000" + pl.lit(SHOP).str.slice(1) + "0000" + pl.col("order_id").str.pad_end(15, "0")).alias(
                "transaction_id"
            ),
            "order_id",
            # an openid is the person's own in one app: made from the unionid, and never equal to it
            ("o5a0" + known.str.reverse()).alias("openid"),
            _beijing(pl.col("paid_at")).alias("paid_at"),
            "amount",
            _fee(pl.col("amount")).alias("fee"),
            "product",
            pl.lit(APP_ID).alias("app_id"),
            pl.lit("JSAPI").alias("trade_type"),
            pl.lit(SHOP).alias("attach"),
        )
    )


def _refunds(world: World, paid: pl.DataFrame) -> pl.DataFrame:
    given = world.refunds.filter(pl.col("store_id") == SHOP).join(
        paid.drop("amount", "fee", "paid_at"), on="order_id", maintain_order="left"
    )
    return given.sort("refunded_at", "refund_id").select(
        ("50300000" + pl.col("refund_id").str.slice(1).str.zfill(20)).alias("refund_no"),
        "transaction_id",
        "order_id",
        "openid",
        "refund_id",
        _beijing(pl.col("refunded_at")).alias("at"),
        pl.col("refund_amount").alias("amount"),
        _fee(pl.col("refund_amount")).alias("fee"),
        *("product", "app_id", "trade_type", "attach"),
    )


def _splits(paid: pl.DataFrame) -> pl.DataFrame:
    chosen = paid.with_row_index("n").filter((pl.col("n") % 7 == 3) & (pl.col("amount") >= 1_000))
    return chosen.select(
        ("36000" + pl.col("transaction_id").str.slice(5)).alias("detail_id"),
        (pl.col("paid_at") + pl.duration(minutes=2)).alias("at"),
        "transaction_id",
        ("30000" + pl.col("transaction_id").str.slice(5)).alias("split_no"),
        (pl.lit("P") + pl.col("order_id")).alias("out_no"),
        pl.col("amount").alias("order_amount"),
        (pl.col("amount") * SPLIT_PERCENT // 100).alias("amount"),
        pl.lit("分账").alias("kind"),
    )


def _movements(merchant_id: str, paid: pl.DataFrame, returned: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Every movement in its order with the balance after it."""

    def moved(
        frame: pl.DataFrame, moment: str, amount: str, name: str, sign: int, rank: int, voucher: str
    ) -> pl.DataFrame:
        return frame.filter(pl.col(amount) > 0).select(
            pl.col(moment).alias("at"),
            "transaction_id",
            pl.lit(name).alias("name"),
            (pl.col(amount) * sign).alias("change"),
            pl.col(voucher).alias("voucher"),
            pl.lit(rank).alias("rank"),
        )

    ledger = pl.concat(
        [
            moved(paid, "paid_at", "amount", "交易", 1, 0, "order_id"),
            moved(paid, "paid_at", "fee", "扣除交易手续费", -1, 1, "order_id"),
            moved(returned, "at", "amount", "退款", -1, 2, "refund_no"),
            moved(returned, "at", "fee", "退还交易手续费", 1, 3, "refund_no"),
            moved(splits, "at", "amount", "分账", -1, 4, "out_no"),
        ]
    )
    ledger = pl.concat([ledger, _payouts(ledger)]).sort("at", "transaction_id", "rank")
    return ledger.select(
        (pl.lit(merchant_id[:7]) + pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(21)).alias("flow_id"),
        "at",
        "transaction_id",
        "name",
        pl.when(pl.col("change") > 0).then(pl.lit("收入")).otherwise(pl.lit("支出")).alias("direction"),
        pl.col("change").abs().alias("amount"),
        (FLOAT + pl.col("change").cum_sum()).alias("balance"),
        "voucher",
    )


def _payouts(ledger: pl.DataFrame) -> pl.DataFrame:
    """On each Monday at 02:00 what came in since the one before, when it is more than went out."""
    due = (pl.col("at").dt.offset_by("-2h").dt.truncate("1w") + pl.duration(weeks=1, hours=2)).alias("at")
    weeks = ledger.group_by(due).agg(pl.col("change").sum()).filter(pl.col("change") > 0).sort("at")
    number = (pl.lit("WD") + pl.col("at").dt.strftime("%Y%m%d")).alias("transaction_id")
    return weeks.select(
        "at", number, pl.lit("提现").alias("name"), (-pl.col("change")).alias("change"),
        number.alias("voucher"), pl.lit(5).alias("rank"),
    )  # fmt: skip


def _fee(amount: pl.Expr) -> pl.Expr:
    return (amount * FEE_PPM + 500_000) // 1_000_000


def _beijing(moment: pl.Expr) -> pl.Expr:
    return moment.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Shanghai").dt.replace_time_zone(None)


def _on(frame: pl.DataFrame, moment: str, day: date) -> pl.DataFrame:
    return frame.filter(pl.col(moment).dt.date() == day)


def _civil(moment: str) -> pl.Expr:
    return _civil_of(pl.col(moment))


def _civil_of(moment: pl.Expr) -> pl.Expr:
    return moment.dt.strftime("%Y-%m-%d %H:%M:%S")


def _fen(amount: pl.Expr) -> pl.Expr:
    """Fen as a bill prints them, in yuan."""
    size = amount.abs()
    sign = pl.when(amount < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.concat_str(sign, size // 100, pl.lit("."), (size % 100).cast(pl.String).str.zfill(2))


def _five(amount: pl.Expr) -> pl.Expr:
    """Fees are printed with five decimals."""
    return pl.concat_str(_fen(amount), pl.lit("000"))


def _text(lines: pl.DataFrame, sums: pl.DataFrame) -> str:
    """Titles, lines, titles of the sums, sums; a backtick before every cell of the lines."""

    def ticked(frame: pl.DataFrame) -> list[str]:
        cells = [pl.lit("`") + pl.col(name).fill_null("") for name in frame.columns]
        return frame.select(pl.concat_str(cells, separator=",")).to_series().to_list()

    rows = [",".join(lines.columns), *ticked(lines), ",".join(sums.columns), *ticked(sums)]
    return "\ufeff" + "\r\n".join(rows) + "\r\n"
