"""A connector that lives outside Siyu: receipts of a till, by time of change, into the common ``orders`` dataset.

The system is made up: ``GET /lines?since&until&page`` with an ``X-Api-Key`` header answers
``{"total": 2, "lines": [{"line": "R1-1", "receipt": "R1", …}]}``, times in seconds, money in cents.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import msgspec
import polars as pl
from pydantic import SecretStr

from models.contracts import contract
from pipelines.sources import records
from pipelines.sources.connector import ConnectionOptions, Connector, Context, Span, Verdict
from pipelines.sources.http import Answer, HttpClient, RateLimitedError, RefusedError, Request, SourceError
from pipelines.sources.records import INTEGER, QUANTITY, TEXT, Field
from pipelines.sources.windows import Limits, Page, WindowedStream

SECONDS = records.epoch("s")
FIELDS = (
    Field("order_id", "receipt", TEXT),
    Field("line_no", "line", TEXT),
    Field("ordered_at", "sold", SECONDS),
    Field("paid_at", "sold", SECONDS),
    Field("buyer_member_no", "member", TEXT),
    Field("product_id", "item", TEXT),
    Field("quantity", "pieces", QUANTITY),
    Field("paid_amount", "cents", INTEGER),
    Field("currency", "currency", TEXT),
    Field("status", "state", TEXT),
)


class TillOptions(ConnectionOptions):
    base_url: str = "https://api.till.example"
    api_key_secret: SecretStr
    store_id: str


class Lines(WindowedStream):
    name = "lines"
    datasets = ("orders",)
    key = "line"
    schema: ClassVar[records.Schema] = {str(field.source): pl.String() for field in FIELDS}
    limits = Limits(longest=timedelta(days=7), history=timedelta(days=365), page_size=50)

    def __init__(self, source: str, context: Context, client: HttpClient, options: TillOptions) -> None:
        super().__init__(source, context, client)
        self.options = options

    def page(self, window: Span, number: int) -> Page:
        return self.client.fetch(lambda: request(self.options, window, number), read)

    def tables(self, frame: pl.DataFrame, file: str) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
        stamped = frame.with_columns(pl.lit(self.options.store_id).alias("store_id"))
        return {"orders": records.table(stamped, contract("orders"), FIELDS, file=file)}


def request(options: TillOptions, window: Span, number: int) -> Request:
    times = {"since": int(window.start.timestamp()), "until": int(window.end.timestamp()), "page": number}
    return Request("GET", "/lines", times, headers={"X-Api-Key": options.api_key_secret.get_secret_value()})


def read(answer: Answer) -> Page:
    content = msgspec.json.decode(answer.content, type=dict[str, msgspec.Raw])
    if "error" in content:
        if msgspec.json.decode(content["error"]) == "slow down":
            raise RateLimitedError("till: too many requests", None)
        raise SourceError("till: refused; check api_key_secret")
    if "total" not in content:
        raise SourceError("till: the answer has no total; its format changed, the sync stops here")
    return Page(records.cut(answer.content, ("lines",)), msgspec.json.decode(content["total"], type=int))


class TillConnector(Connector):
    system = "till"
    title = "Till"
    options_class = TillOptions
    hosts = ("api.till.example",)
    stream_datasets: ClassVar = {Lines.name: Lines.datasets}
    options: TillOptions

    @property
    def account(self) -> str:
        return self.options.store_id

    def streams(self) -> Sequence[Lines]:
        return [Lines(self.source(Lines.name), self.context, self.client, self.options)]

    def check(self) -> Verdict:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        try:
            self.client.fetch(lambda: request(self.options, Span(epoch, epoch), 1), read)
        except RefusedError:
            raise SourceError("till: refused; check api_key_secret") from None
        return Verdict("ok", f"store {self.options.store_id}: the key is good")
