"""Taobao / Tmall into the lake: trades with their lines, and refunds, by time of change."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

import numpy as np
import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from pipelines.sources import records
from pipelines.sources.connector import Connector, Context, Span, Verdict
from pipelines.sources.records import BOOLEAN, MAJOR, PRICE, QUANTITY, Field
from pipelines.sources.taobao_api import TaobaoClient, TaobaoOptions, civil
from pipelines.sources.windows import Limits, Page, WindowedStream

BEIJING_TIME = records.civil("Asia/Shanghai")
_TEXT = pl.String()

#: Column of ``taobao_trades`` → name in the record, for those that differ.
_TRADE = {
    "trade_type": "type",
    "created_at": "created",
    "paid_at": "pay_time",
    "consigned_at": "consign_time",
    "ended_at": "end_time",
    "modified_at": "modified",
}
_REFUND = {"created_at": "created", "modified_at": "modified"}
_ADDED = ("shop_id", "app_key")
_READERS = {"amount": MAJOR, "timestamp": BEIJING_TIME, "price": PRICE, "quantity": QUANTITY, "boolean": BOOLEAN}


def _fields(dataset: str, renamed: dict[str, str], without: Sequence[str] = _ADDED) -> tuple[Field, ...]:
    return records.fields_of(contract(dataset), _READERS, renamed, without)


TRADE_FIELDS = _fields("taobao_trades", _TRADE)
LINE_FIELDS = _fields("taobao_trade_lines", {}, (*_ADDED, "tid", "modified_at"))
REFUND_FIELDS = _fields("taobao_refunds", _REFUND)
LINE_SCHEMA: records.Schema = {str(field.source): _TEXT for field in LINE_FIELDS}


class _TaobaoStream(WindowedStream):
    method: ClassVar[str]
    path: ClassVar[tuple[str, ...]]
    asked: ClassVar[tuple[str, ...]]

    def __init__(self, source: str, context: Context, client: TaobaoClient) -> None:
        super().__init__(source, context, client.http)
        self.top = client

    def page(self, window: Span, number: int) -> Page:
        params = {
            "fields": ",".join(self.asked),
            "start_modified": civil(window.start),
            "end_modified": civil(window.end),
            "page_no": str(number),
            "page_size": str(self.limits.page_size),
            "use_has_next": "false",  # with it, the total is not counted
        }
        return Page(*self.top.call(self.method, params, self.path))

    def _stamped(self, frame: pl.DataFrame) -> pl.DataFrame:
        options = self.top.options
        return frame.with_columns(pl.lit(options.store_id).alias("shop_id"), pl.lit(options.app_key).alias("app_key"))


class Trades(_TaobaoStream):
    name = "trades"
    datasets = ("taobao_trades", "taobao_trade_lines")
    method = "taobao.trades.sold.increment.get"
    path = ("trades", "trade")
    key = "tid"
    schema: ClassVar[records.Schema] = {str(field.source): _TEXT for field in TRADE_FIELDS}
    asked = (*(str(field.source) for field in TRADE_FIELDS), "orders")
    # three months, less a day for calendars that have short months
    limits = Limits(longest=timedelta(days=1), history=timedelta(days=88), page_size=100)

    def tables(self, frame: pl.DataFrame, file: str) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
        lines = records.inner(frame[RAW_COLUMN], ("orders", "order"))
        stamped = self._stamped(frame).with_columns(
            pl.Series("has_lines", [bool(found) for found in lines], dtype=pl.Boolean)
        )
        good, refused = records.table(stamped.filter("has_lines"), contract("taobao_trades"), TRADE_FIELDS, file=file)
        without = records.refused(
            stamped.filter(~pl.col("has_lines")), file=file, column="orders", rule="orders.order must list the lines"
        )
        counts = [len(found or ()) for found in lines]
        # the trade's row holds the untouched bytes of its lines
        decoded = records.decode([line for found in lines for line in found or ()], LINE_SCHEMA, raws=False)
        of_good = decoded.with_columns(frame[ROW_COLUMN].gather(np.repeat(np.arange(frame.height), counts))).join(
            good.select("shop_id", "tid", "modified_at", ROW_COLUMN), on=ROW_COLUMN, maintain_order="left"
        )
        rows, bad = records.table(of_good, contract("taobao_trade_lines"), LINE_FIELDS, file=file)
        return {
            "taobao_trades": (good, pl.concat([refused, without])),
            "taobao_trade_lines": (rows, _with_raw_of_trade(bad, frame)),
        }


def _with_raw_of_trade(bad: pl.DataFrame, trades: pl.DataFrame) -> pl.DataFrame:
    raws = trades.select(pl.col(ROW_COLUMN).alias("row"), pl.col(RAW_COLUMN).alias("raw"))
    return bad.drop("raw").join(raws, on="row", how="left", maintain_order="left")


class Refunds(_TaobaoStream):
    name = "refunds"
    datasets = ("taobao_refunds",)
    method = "taobao.refunds.receive.get"
    path = ("refunds", "refund")
    key = "refund_id"
    schema: ClassVar[records.Schema] = {str(field.source): _TEXT for field in REFUND_FIELDS}
    asked = tuple(schema)
    limits = Limits(longest=timedelta(days=1), history=timedelta(days=88), page_size=100)

    def tables(self, frame: pl.DataFrame, file: str) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
        return {
            "taobao_refunds": records.table(self._stamped(frame), contract("taobao_refunds"), REFUND_FIELDS, file=file)
        }


class TaobaoConnector(Connector):
    """One shop; several shops are several connections."""

    system = "taobao"
    title = "Taobao / Tmall"
    options_class = TaobaoOptions
    hosts = ("gw.api.taobao.com", "eco.taobao.com")
    stream_datasets: ClassVar = {kind.name: kind.datasets for kind in (Trades, Refunds)}
    options: TaobaoOptions

    def __init__(self, options: TaobaoOptions, context: Context) -> None:
        super().__init__(options, context)
        self._top = TaobaoClient(options, self.client)

    @property
    def account(self) -> str:
        return self.options.store_id

    def streams(self) -> Sequence[_TaobaoStream]:
        return [kind(self.source(kind.name), self.context, self._top) for kind in (Trades, Refunds)]

    def check(self) -> Verdict:
        return self._top.check()
