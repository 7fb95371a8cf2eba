"""Payments as the company's own systems record them, and what goes wrong between them and the bills, with the truth.

``recorded`` are the clean books of a full company, of its payment channels without banknotes. ``planted`` spoils a
small part of both sides; ``Planted.truth`` says of each spoilt row what a reconciliation must find.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.sandbox import merchants
from pipelines.sandbox.chance import Chance
from pipelines.sandbox.full import FullWorld

#: What is planted -> the class that must be found; MATCHED: it is no difference and must not be reported.
KINDS = {
    "repeated_on_bill": "DUPLICATE",
    "repeated_in_ours": "DUPLICATE",
    "not_on_bill": "CHANNEL_MISSING",
    "not_in_ours": "PLATFORM_MISSING",
    "on_the_next_bill": "TIMING",
    "failed_in_ours": "STATUS_SHORT",
    "failed_on_bill": "STATUS_OVER",
    "other_currency": "CURRENCY_MISMATCH",
    "less_in_ours": "AMOUNT_SHORT",
    "more_in_ours": "AMOUNT_OVER",
    "other_fee": "FEE_MISMATCH",
    "refund_of_nothing": "REFUND_ORPHAN",
    "paid_in_parts": "MATCHED",
    "paid_together": "MATCHED",
    "number_not_kept": "MATCHED",
}
_REFUNDS = ("failed_on_bill", "refund_of_nothing")


@dataclass(frozen=True)
class Planted:
    """Both sides after it. ours: columns of the dataset ``payments``; lines: of ``payment_bill_lines``. truth: kind,
    class, payment_id and entry_id of the pair that was spoilt."""

    ours: pl.DataFrame
    lines: pl.DataFrame
    truth: pl.DataFrame


def recorded(full: FullWorld) -> pl.DataFrame:
    """One row per payment or refund through a channel, as the dataset ``payments``: fees are what tariffs say."""
    paid = merchants.payments(full)
    back = merchants.given_back(full, paid)
    nothing = pl.lit(None, dtype=pl.String)
    shared = ("channel", "account_id", "store_id", "order_id", "transaction_id", "currency", "amount")
    fee = pl.col("fee").alias("fee_amount")
    payments = paid.select(
        ("P" + pl.col("transaction_id")).alias("payment_id"),
        *shared,
        fee,
        pl.lit("payment").alias("kind"),
        nothing.alias("refund_id"),
        nothing.alias("platform_refund_id"),
        pl.col("paid_at").alias("occurred_at"),
    )
    refunds = back.select(
        ("R" + pl.col("refund_no")).alias("payment_id"),
        *shared,
        fee,
        pl.lit("refund").alias("kind"),
        "refund_id",
        pl.col("refund_no").alias("platform_refund_id"),
        pl.col("refunded_at").alias("occurred_at"),
    )
    return pl.concat([payments, refunds]).with_columns(pl.lit("success").alias("status"))


def planted(ours: pl.DataFrame, lines: pl.DataFrame, each: int, seed: int) -> Planted:
    """``each`` of every kind, on pairs that nothing else was done to.

    Taken from the middle of the time: refunds of the first weeks and payments of the last days are judged otherwise.
    Raises ValueError when there are too few payments or refunds.
    """
    number = pl.when(pl.col("kind") == "refund").then("platform_refund_id").otherwise("transaction_id")
    numbered = ours.with_columns(number.alias("entry_id"))
    first, last = numbered["occurred_at"].min(), numbered["occurred_at"].max()
    middle = numbered.filter(
        pl.col("occurred_at").is_between(pl.lit(first) + pl.duration(days=40), pl.lit(last) - pl.duration(days=10))
        & (pl.col("amount") >= 200)
    ).sort("entry_id")
    chosen = {}
    for kind, of_refunds in (("payment", False), ("refund", True)):
        names = [name for name in KINDS if (name in _REFUNDS) == of_refunds]
        pool = middle.filter(pl.col("kind") == kind)
        if kind == "payment":  # a payment that was given back later is judged together with its refund
            pool = pool.join(numbered.filter(pl.col("kind") == "refund"), on="transaction_id", how="anti")
        if pool.height < each * len(names):
            raise ValueError(f"{pool.height} {kind}s are too few for {each} of each kind")
        order = np.argsort(Chance(seed, f"misbilling {kind}").uniform(pool.height), kind="stable")
        for place, name in enumerate(names):
            chosen[name] = pool[order[place * each : (place + 1) * each]].select("payment_id", "entry_id")
    truth = pl.concat([frame.with_columns(pl.lit(name).alias("planted")) for name, frame in chosen.items()])
    truth = truth.with_columns(pl.col("planted").replace_strict(KINDS).alias("class"))
    for name, spoil in _SPOILED.items():
        ours, lines = spoil(ours, lines, chosen[name]["payment_id"].implode(), chosen[name]["entry_id"].implode())
    return Planted(ours, lines, truth)


Spoil = Callable[[pl.DataFrame, pl.DataFrame, pl.Series, pl.Series], tuple[pl.DataFrame, pl.DataFrame]]


def _changed(frame: pl.DataFrame, where: pl.Expr, **values: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(where).then(value).otherwise(pl.col(name)).alias(name) for name, value in values.items()
    )


def _on_bill(**values: pl.Expr) -> Spoil:
    return lambda ours, lines, _, numbers: (ours, _changed(lines, pl.col("entry_id").is_in(numbers), **values))


def _in_ours(**values: pl.Expr) -> Spoil:
    return lambda ours, lines, ids, _: (_changed(ours, pl.col("payment_id").is_in(ids), **values), lines)


def _repeated_on_bill(
    ours: pl.DataFrame, lines: pl.DataFrame, _: pl.Series, numbers: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    second = lines.filter(pl.col("entry_id").is_in(numbers)).with_columns(pl.lit(2, dtype=pl.Int64).alias("occurrence"))
    return ours, pl.concat([lines, second])


def _repeated_in_ours(
    ours: pl.DataFrame, lines: pl.DataFrame, ids: pl.Series, _: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    second = ours.filter(pl.col("payment_id").is_in(ids)).with_columns(
        pl.col("payment_id") + "-again", pl.col("occurred_at") + pl.duration(seconds=1)
    )
    return pl.concat([ours, second]), lines


def _refund_of_nothing(
    ours: pl.DataFrame, lines: pl.DataFrame, ids: pl.Series, numbers: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    nowhere = {"order_id": "nowhere-" + pl.col("order_id"), "transaction_id": "nowhere-" + pl.col("transaction_id")}
    return (
        _changed(ours, pl.col("payment_id").is_in(ids), **nowhere),
        _changed(lines, pl.col("entry_id").is_in(numbers), **nowhere),
    )


def _paid_in_parts(
    ours: pl.DataFrame, lines: pl.DataFrame, ids: pl.Series, numbers: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One payment of ours, two lines of the bill under its order."""
    half = pl.col("amount") // 2
    of_fee = pl.col("fee_amount") // 2
    it = pl.col("entry_id").is_in(numbers)
    second = lines.filter(it).with_columns(
        half.alias("amount"), of_fee.alias("fee_amount"), *(pl.col(c) + "b" for c in ("entry_id", "transaction_id"))
    )
    first = _changed(lines, it, amount=pl.col("amount") - half, fee_amount=pl.col("fee_amount") - of_fee)
    nothing = pl.lit(None, dtype=pl.String)
    return _changed(ours, pl.col("payment_id").is_in(ids), transaction_id=nothing), pl.concat([first, second])


def _paid_together(
    ours: pl.DataFrame, lines: pl.DataFrame, ids: pl.Series, _: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two payments of ours, one line of the bill with their number."""
    half, of_fee = pl.col("amount") // 2, pl.col("fee_amount") // 2
    it = pl.col("payment_id").is_in(ids)
    second = ours.filter(it).with_columns(
        half.alias("amount"), of_fee.alias("fee_amount"), *(pl.col(c) + "-2" for c in ("payment_id", "order_id"))
    )
    first = _changed(ours, it, amount=pl.col("amount") - half, fee_amount=pl.col("fee_amount") - of_fee)
    return pl.concat([first, second]), lines


_DAY = pl.duration(days=1)
_SPOILED: dict[str, Spoil] = {
    "repeated_on_bill": _repeated_on_bill,
    "repeated_in_ours": _repeated_in_ours,
    "not_on_bill": lambda ours, lines, _, numbers: (ours, lines.filter(~pl.col("entry_id").is_in(numbers))),
    "not_in_ours": lambda ours, lines, ids, _: (ours.filter(~pl.col("payment_id").is_in(ids)), lines),
    "on_the_next_bill": _on_bill(
        occurred_at=pl.col("occurred_at") + _DAY, bill_date=pl.col("bill_date").dt.offset_by("1d")
    ),
    "failed_in_ours": _in_ours(status=pl.lit("failed")),
    "failed_on_bill": _on_bill(refund_status=pl.lit("FAIL")),
    "other_currency": _on_bill(
        currency=pl.when(pl.col("currency") == "USD").then(pl.lit("EUR")).otherwise(pl.lit("USD"))
    ),
    "less_in_ours": _in_ours(amount=pl.col("amount") - 100),
    "more_in_ours": _in_ours(amount=pl.col("amount") + 100),
    "other_fee": _on_bill(fee_amount=pl.col("fee_amount") - 8),
    "refund_of_nothing": _refund_of_nothing,
    "paid_in_parts": _paid_in_parts,
    "paid_together": _paid_together,
    "number_not_kept": _in_ours(transaction_id=pl.lit(None, dtype=pl.String)),
}
