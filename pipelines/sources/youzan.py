"""Youzan into the lake: trades with their lines, refunds by time of change, and what only a refund's own page says."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from pipelines.sources import records, youzan_api
from pipelines.sources.connector import Chunk, Connector, Context, Span, Stream, Verdict
from pipelines.sources.records import BOOLEAN, INTEGER, MAJOR, PRICE, QUANTITY, TEXT, Field
from pipelines.sources.windows import Limits, Page, WindowedStream
from pipelines.sources.youzan_api import YouzanClient, YouzanOptions
from pipelines.sources.youzan_details import RefundDetails

_TEXT = pl.String()
_READERS = {
    "amount": MAJOR,
    "timestamp": youzan_api.EITHER_TIME,
    "price": PRICE,
    "quantity": QUANTITY,
    "boolean": BOOLEAN,
    "integer": INTEGER,
}
#: Column of ``youzan_trades`` → (part of the record, name in it).
_TRADE = {
    **{
        name: ("order_info", name)
        for name in (
            *("tid", "status", "refund_state", "close_type", "express_type", "pay_type"),
            *("node_kdt_id", "root_kdt_id", "offline_id", "shop_name", "is_retail_order"),
        )
    },
    "trade_type": ("order_info", "type"),
    "created_at": ("order_info", "created"),
    "paid_at": ("order_info", "pay_time"),
    "consigned_at": ("order_info", "consign_time"),
    "succeeded_at": ("order_info", "success_time"),
    "modified_at": ("order_info", "update_time"),
    **{name: ("buyer_info", name) for name in ("yz_open_id", "outer_user_id", "buyer_phone", "fans_nickname")},
    **{
        name: ("address_info", name)
        for name in (
            *("receiver_name", "receiver_tel"),
            *("delivery_province", "delivery_city", "delivery_district", "delivery_address"),
        )
    },
    **{name: ("remark_info", name) for name in ("buyer_message", "trade_memo")},
    "transactions": ("pay_info", "transaction"),
    **{
        name: ("pay_info", name)
        for name in ("outer_transactions", "total_fee", "post_fee", "payment", "real_payment", "deduction_pay")
    },
    **{name: ("source_info", name) for name in ("is_offline_order", "order_mark")},
    "platform": ("source_info", "source"),
}
_PARTS = dict.fromkeys(part for part, _ in _TRADE.values())
INFO = "full_order_info"
_LOOKED_AT = 200


def _within(part: str, name: str) -> pl.Expr:
    return pl.col(INFO).struct.field(part).struct.field(name)


def _listed(text: pl.Expr) -> pl.Expr:
    """``["a", "b"]`` → ``a,b``; a text that is no list stays."""
    inner = text.str.strip_chars("[]").str.replace_all(r'["\s]', "")
    return pl.when(text.str.starts_with("[")).then(inner).otherwise(text)


def _trade_fields() -> tuple[Field, ...]:
    read = {name: _READERS.get(contract("youzan_trades").by_name[name].kind, TEXT) for name in _TRADE}
    read["deduction_pay"] = INTEGER  # in fen, while its neighbours are in yuan
    found = {name: _within(part, inner) for name, (part, inner) in _TRADE.items()}
    source = found["platform"]
    found["platform"] = (
        pl.when(source.str.starts_with("{")).then(source.str.json_path_match("$.platform")).otherwise(source)
    )
    for name in ("transactions", "outer_transactions"):
        found[name] = _listed(found[name])
    return tuple(Field(name, text, read[name]) for name, text in found.items())


def _fields(dataset: str, renamed: Mapping[str, str], without: Sequence[str]) -> tuple[Field, ...]:
    return records.fields_of(contract(dataset), _READERS, renamed, without)


TRADE_FIELDS = _trade_fields()
LINE_FIELDS = _fields("youzan_trade_lines", {}, ("shop_id", "tid", "modified_at"))
REFUND_FIELDS = _fields(
    "youzan_refunds",
    {"refund_kind": "type", "created_at": "created", "modified_at": "modified"},
    ("shop_id", "client_id"),
)


def _inner_names(frame: pl.DataFrame) -> set[str]:
    """``order_info.tid`` and the like, of the first trades of a batch."""
    found: set[str] = set()
    for raw in frame[RAW_COLUMN].head(_LOOKED_AT):
        for part, said in msgspec.json.decode(raw)[INFO].items():
            found |= {f"{part}.{name}" for name in said} if isinstance(said, dict) else {part}
    return found


class _YouzanStream(WindowedStream):
    api: ClassVar[tuple[str, str]]
    listed: ClassVar[str]
    total: ClassVar[str]

    def __init__(self, source: str, context: Context, client: YouzanClient) -> None:
        super().__init__(source, context, client.http)
        self.youzan = client

    @abstractmethod
    def asked(self, window: Span) -> dict[str, Any]:
        """The window, in the form of time that this API takes."""

    def page(self, window: Span, number: int) -> Page:
        body = {**self.asked(window), "page_no": number, "page_size": self.limits.page_size}
        return Page(*self.youzan.page(*self.api, body, self.listed, self.total))

    def _stamped(self, frame: pl.DataFrame) -> pl.DataFrame:
        options = self.youzan.options
        return frame.with_columns(
            pl.lit(options.store_id).alias("shop_id"), pl.lit(options.client_id).alias("client_id")
        )


class Trades(_YouzanStream):
    name = "trades"
    datasets = ("youzan_trades", "youzan_trade_lines")
    api = (youzan_api.TRADES, youzan_api.TRADES_VERSION)
    listed = "full_order_info_list"
    total = "total_results"
    key = _within("order_info", "tid")
    schema: ClassVar[records.Schema] = {
        INFO: pl.Struct(
            {
                **{
                    part: pl.Struct({name: _TEXT for owner, name in _TRADE.values() if owner == part})
                    for part in _PARTS
                },
                "orders": pl.List(pl.Struct({str(field.source): _TEXT for field in LINE_FIELDS})),
            }
        )
    }
    # Three months a window by one of the vendor's pages, a year by another: a month is within both. 100 pages of 100.
    limits = Limits(longest=timedelta(days=30), history=timedelta(days=3 * 365), page_size=100, deepest=10_000)

    def asked(self, window: Span) -> dict[str, Any]:
        return {"start_update": youzan_api.civil(window.start), "end_update": youzan_api.civil(window.end)}

    def read(self, since: Mapping[str, Any] | None, until: datetime, span: Span | None = None) -> Iterator[Chunk]:
        """As every stream; ``fields`` of a chunk are the names within the parts of a trade, where new ones appear."""
        for chunk in super().read(since, until, span):
            good = [part.frame for part in chunk.parts if (part.zone, part.dataset) == ("landed", "youzan_trades")]
            inner = {name for frame in good if frame is not None for name in _inner_names(frame)}
            yield replace(chunk, fields=chunk.fields | inner)

    def tables(self, frame: pl.DataFrame, file: str) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
        stamped = self._digested(self._stamped(frame))
        trades = records.table(stamped, contract("youzan_trades"), TRADE_FIELDS, file=file)
        line = pl.col(INFO).struct.field("orders").alias("line")
        lines = (
            trades[0]
            .select("shop_id", "tid", "modified_at", ROW_COLUMN)
            .join(frame.select(ROW_COLUMN, line), on=ROW_COLUMN)
            .explode("line")
            .drop_nulls("line")
            .unnest("line")
            .with_columns(pl.lit(None, dtype=pl.String).alias(RAW_COLUMN))  # the trade's row has it
        )
        return {
            "youzan_trades": trades,
            "youzan_trade_lines": records.table(lines, contract("youzan_trade_lines"), LINE_FIELDS, file=file),
        }

    def _digested(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Adds buyer_phone_digest, null unless the option is on."""
        cipher = _within("buyer_info", "buyer_phone")
        digest = pl.lit(None, dtype=pl.String)
        if self.youzan.options.digest_phones:
            ciphers = frame.select(cipher).to_series().drop_nulls()
            found = self.youzan.digests(ciphers.filter(ciphers != ""))
            digest = cipher.replace_strict(list(found), list(found.values()), default=None, return_dtype=pl.String)
        return frame.with_columns(digest.alias("buyer_phone_digest"))


class Refunds(_YouzanStream):
    name = "refunds"
    datasets = ("youzan_refunds",)
    api = (youzan_api.REFUNDS, youzan_api.REFUNDS_VERSION)
    listed = "refunds"
    total = "total"
    key = "refund_id"
    schema: ClassVar[records.Schema] = {str(field.source): _TEXT for field in REFUND_FIELDS}
    # page_no up to 100, and no page beyond the 3000th refund
    limits = Limits(longest=timedelta(days=30), history=timedelta(days=3 * 365), page_size=50, deepest=3_000)

    def asked(self, window: Span) -> dict[str, Any]:
        return {
            "update_time_start": youzan_api.seconds(window.start),
            "update_time_end": youzan_api.seconds(window.end),
        }

    def tables(self, frame: pl.DataFrame, file: str) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
        return {
            "youzan_refunds": records.table(self._stamped(frame), contract("youzan_refunds"), REFUND_FIELDS, file=file)
        }


class YouzanConnector(Connector):
    """One shop; several shops are several connections."""

    system = "youzan"
    title = "Youzan"
    options_class = YouzanOptions
    hosts = ("open.youzanyun.com",)
    stream_datasets: ClassVar = {kind.name: kind.datasets for kind in (Trades, Refunds, RefundDetails)}
    options: YouzanOptions

    def __init__(self, options: YouzanOptions, context: Context) -> None:
        super().__init__(options, context)
        self._youzan = YouzanClient(options, self.client)

    @property
    def account(self) -> str:
        return self.options.store_id

    def streams(self) -> Sequence[Stream]:
        kinds: tuple[type[Trades | Refunds | RefundDetails], ...] = (Trades, Refunds, RefundDetails)
        return [kind(self.source(kind.name), self.context, self._youzan) for kind in kinds]

    def check(self) -> Verdict:
        return self._youzan.check()
