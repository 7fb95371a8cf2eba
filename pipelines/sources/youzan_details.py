"""What only a refund's own page says: which line it is for, what the buyer asked, when the money went back.

The list of refunds does not hold it. The work to do is read from the lake: changes of refunds that were landed, without
a detail for them yet. A kill or a failure costs one chunk of calls at most, and nothing else has to be remembered.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from models.contracts import RAW_COLUMN, contract
from pipelines.lake import Accounting, Part
from pipelines.sources import records, youzan_api
from pipelines.sources.connector import Chunk, Context, Span, StateError, Stream
from pipelines.sources.records import INTEGER, MAJOR, TEXT, Field
from pipelines.sources.windows import CLOCKS_APART
from pipelines.sources.youzan_api import EITHER_TIME, NO_REFUND, YouzanClient, YouzanError

REFUNDS, DETAILS = "youzan_refunds", "youzan_refund_details"
CALLS_PER_CHUNK = 200
_TEXT = pl.String()
_ADDED = ("shop_id", "refund_id", "modified_at")
_READERS = {"amount": MAJOR, "integer": INTEGER, "timestamp": EITHER_TIME}
FIELDS = tuple(
    Field(column.name, "refund_success_time" if column.name == "refunded_at" else column.name, reader)
    for column in contract(DETAILS).columns
    if column.name not in _ADDED
    for reader in (_READERS.get(column.kind, TEXT),)
)
SCHEMA: records.Schema = {str(field.source): _TEXT for field in FIELDS}


class RefundDetails(Stream):
    """One call for the newest landed change of each refund."""

    name = "refund_details"
    datasets = (DETAILS,)

    def __init__(self, source: str, context: Context, client: YouzanClient) -> None:
        self.source = source
        self.context = context
        self.youzan = client

    def read(self, since: Mapping[str, Any] | None, until: datetime, span: Span | None = None) -> Iterator[Chunk]:
        """What was landed and has no detail is asked for, whatever the position: that only says when it was done last.

        With ``span``: refunds that changed in that time once more; details that are the same are left.
        """
        through = None if since is None else since.get("through")
        if through is not None and datetime.fromisoformat(through) > until + CLOCKS_APART:
            raise StateError(f"{self.source}: the last sync was after {until}; set this machine's clock right")
        if not self.youzan.options.refund_details:
            return
        wanted = self._wanted(span)
        known = self._known(span)
        position = {"through": until.isoformat()} if span is None else dict(since or {"through": None})
        for start in range(0, wanted.height, CALLS_PER_CHUNK):
            yield self._chunk(wanted[start : start + CALLS_PER_CHUNK], known, position)

    def _wanted(self, span: Span | None) -> pl.DataFrame:
        """refund_id, modified_at: the newest change of each refund that is to be asked for, oldest first."""
        newest = self._landed(REFUNDS).group_by("refund_id").agg(pl.col("modified_at").max())
        if span is None:
            wanted = newest.join(self._landed(DETAILS), on=["refund_id", "modified_at"], how="anti")
        else:
            wanted = newest.filter(_changed_in(span))
        return wanted.sort("modified_at", "refund_id")

    def _landed(self, dataset: str) -> pl.DataFrame:
        paths = [self.context.lake.root / file.path for _, file in self.context.lake.files("landed", dataset)]
        kept = pl.col("shop_id") == self.youzan.options.store_id
        frames = [pl.read_parquet(path, columns=list(_ADDED)).filter(kept).drop("shop_id") for path in paths]
        return pl.concat([contract(dataset).empty().select("refund_id", "modified_at"), *frames])

    def _known(self, span: Span | None) -> pl.Series:
        """Details in quarantine, which every pass asks for and which are set apart once; of a span the landed too."""
        lake = self.context.lake
        raws = [pl.read_parquet(lake.root / file.path)["raw"] for _, file in lake.files("quarantine", DETAILS)]
        if span is not None:
            for _, file in lake.files("landed", DETAILS):
                within = pl.scan_parquet(lake.root / file.path).filter(_changed_in(span))
                raws.append(within.select(pl.col(RAW_COLUMN).alias("raw")).collect().to_series())
        return pl.concat([pl.Series("raw", [], pl.String), *raws])

    def _chunk(self, wanted: pl.DataFrame, known: pl.Series, position: Mapping[str, Any]) -> Chunk:
        bodies = [self._detail(refund_id) for refund_id in wanted["refund_id"]]
        first, last = wanted["modified_at"][0], wanted["modified_at"][-1]
        decoded = records.decode(bodies, SCHEMA).with_columns(
            wanted["refund_id"], wanted["modified_at"], pl.lit(self.youzan.options.store_id).alias("shop_id")
        )
        fresh = decoded.filter(~pl.col(RAW_COLUMN).is_in(known.implode()))
        repeated = decoded.height - fresh.height
        file = f"{self.source}/{first:%Y%m%dT%H%M%S}-{last:%Y%m%dT%H%M%S}"
        good, refused = records.table(fresh, contract(DETAILS), FIELDS, file=file)
        parts = [Part("landed", DETAILS, good)] * (good.height > 0)
        parts += [Part("quarantine", DETAILS, refused)] * (refused.height > 0)
        return Chunk(
            parts=tuple(parts),
            accounting=Accounting(
                rows=wanted.height, accepted=good.height, quarantined=fresh.height - good.height, skipped=repeated
            ),
            cursor=position,
            details={"from": first.isoformat(), "to": last.isoformat()},
            fields=records.names(bodies),
            unknown={f"{DETAILS}.{k}": v for k, v in records.unknown_values(good, contract(DETAILS)).items()},
            repeated=repeated,
            idle=fresh.height == 0,
        )

    def _detail(self, refund_id: str) -> bytes:
        """The detail, or the platform's own word that there is none: such a refund is not asked for again."""
        try:
            return bytes(self.youzan.call(youzan_api.REFUND, youzan_api.REFUND_VERSION, {"refund_id": refund_id}))
        except YouzanError as error:
            if error.code in NO_REFUND:
                return error.body
            raise


def _changed_in(span: Span) -> pl.Expr:
    start, end = (moment.astimezone(UTC).replace(tzinfo=None) for moment in (span.start, span.end))
    return pl.col("modified_at").is_between(start, end)
