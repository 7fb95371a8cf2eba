"""From a row of the warehouse back to the landed rows it was made of: batch, file, row number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines.lake import Entry, Lake

MOST = 5  # landed rows told of one row of the warehouse; a customer can have hundreds


@dataclass(frozen=True)
class Origin:
    """Landed rows ``l`` of a dataset belong to a row ``r`` of a table where ``on`` holds (DuckDB's SQL).

    ``through``: a table of the warehouse that is joined to ``r`` first, as ``t``, by ``t_on``. ``newest``: of several
    deliveries the newest counts; otherwise all of them are told.
    """

    dataset: str
    on: str
    through: str | None = None
    t_on: str = ""
    newest: bool = True


def _key(*columns: str) -> str:
    """A key as dbt's macro ``order_key`` writes it."""
    return " || ':' || ".join(f"replace(replace({column}, '%', '%25'), ':', '%3A')" for column in columns)


_ORDER_LINE = (
    Origin("taobao_trade_lines", "l.tid = r.order_id and l.oid = r.line_no and l.shop_id = r.store_id"),
    Origin("youzan_trade_lines", "l.tid = r.order_id and l.oid = r.line_no and l.shop_id = r.store_id"),
    Origin(
        "orders",
        "l.order_id = r.order_id and l.store_id = r.store_id and l.line_no is not distinct from r.line_no "
        "and l.product_id is not distinct from r.product_id and l.quantity is not distinct from r.quantity",
    ),
)
_REFUND_KEY = _key("coalesce(l.store_id, '')", "l.refund_id")
_SHOP_REFUND = f"l.refund_id = r.refund_id and starts_with(r.refund_line_id, {_key('l.shop_id')} || ':')"
_REFUND = (
    Origin("taobao_refunds", _SHOP_REFUND),
    Origin("youzan_refunds", _SHOP_REFUND),
    Origin(
        "refunds",
        f"l.refund_id = r.refund_id and starts_with(r.refund_line_id, {_REFUND_KEY} || ':') "
        f"and (l.line_no is null or r.refund_line_id = {_REFUND_KEY} || ':' || l.line_no)",
    ),
)
_RECORD = {
    "customers": "'customers:' || l.record_id",
    "orders": f"'orders:' || {_key('l.store_id', 'l.order_id')}",
    "refunds": f"'refunds:' || {_REFUND_KEY}",
    "taobao_trades": f"'orders:' || {_key('l.shop_id', 'l.tid')}",
    "youzan_trades": f"'orders:' || {_key('l.shop_id', 'l.tid')}",
    "members": "'members:' || l.member_no",
    "leads": "'leads:' || l.lead_id",
    "tickets": "'tickets:' || l.ticket_id",
    "wecom_contacts": "'wecom_contacts:' || l.external_userid",
}

_FOLLOW_UP = Origin(
    "wecom_follows",
    "l.corp_id = r.corp_id and l.external_userid = r.external_userid and not coalesce(l.is_gone, false) "
    f"and r.userid in (l.userid, {_key('l.corp_id')} || ':' || l.userid)",
)

_SETTLED = (
    *(
        Origin(one.dataset, one.on.replace("r.", "t."), "order_lines", "t.order_line_id = r.line_id")
        for one in _ORDER_LINE
    ),
    *(
        # a refund above what its line still holds is told apart by an end of its id
        Origin(
            one.dataset,
            one.on.replace("r.", "t."),
            "refunds",
            "t.refund_line_id = r.line_id or starts_with(r.line_id, t.refund_line_id || ':')",
        )
        for one in _REFUND
    ),
)

#: Table of the warehouse -> where its rows come from. The first dataset that has any is told.
ORIGINS: dict[str, tuple[Origin, ...]] = {
    "order_lines": _ORDER_LINE,
    "orders": (
        Origin("taobao_trades", "l.tid = r.order_id and l.shop_id = r.store_id"),
        Origin("youzan_trades", "l.tid = r.order_id and l.shop_id = r.store_id"),
        Origin("orders", "l.order_id = r.order_id and l.store_id = r.store_id"),
    ),
    "refunds": _REFUND,
    "settlement_entries": _SETTLED,
    "settlement_transfers": _SETTLED,
    "customers": tuple(
        Origin(dataset, f"{record} = t.record_id", "record_customers", "t.customer_id = r.customer_id", newest=False)
        for dataset, record in _RECORD.items()
    ),
    "stg_files__members": (Origin("members", "l.member_no = r.member_no"),),
    "stg_files__tickets": (Origin("tickets", "l.ticket_id = r.ticket_id"),),
    "stg_store__consents": (
        Origin(
            "consents",
            "l.identifier_type = r.identifier_type and l.identifier = r.identifier and l.purpose = r.purpose "
            "and l.channel = r.channel and l.state = r.state and l.decided_at = r.decided_at",
        ),
    ),
    "friendships": (_FOLLOW_UP,),
    "friend_spans": (_FOLLOW_UP,),
    "stg_wecom__events": (Origin("wecom_events", "l.corp_id = r.corp_id and l.event_id = r.event_id"),),
    "serve_identity_events": (Origin("identity_events", "l.event_id = r.event_id"),),
    "interactions": (
        Origin("orders", f"starts_with(r.kind, 'order_') and r.object_id = {_key('l.store_id', 'l.order_id')}"),
        Origin("taobao_trades", f"starts_with(r.kind, 'order_') and r.object_id = {_key('l.shop_id', 'l.tid')}"),
        Origin("youzan_trades", f"starts_with(r.kind, 'order_') and r.object_id = {_key('l.shop_id', 'l.tid')}"),
        *(
            Origin(one.dataset, one.on.replace("r.", "t."), "refunds",
                   "r.kind = 'refund' and t.refund_line_id = r.object_id")
            for one in _REFUND
        ),
        Origin(
            "wecom_follows",
            "r.kind = 'contact_added' and l.followed_at = r.occurred_at and contains(r.object_id, l.external_userid) "
            "and not coalesce(l.is_gone, false)",
        ),
        Origin("customers", "r.kind = 'registered' and l.record_id = r.object_id"),
        Origin(
            "consents",
            "starts_with(r.kind, 'consent_') and l.decided_at = r.occurred_at and 'consent_' || l.state = r.kind "
            "and l.channel = r.channel and l.identifier_type = t.identifier_type and l.identifier = t.identifier",
            "customer_identifiers",
            "t.customer_id = r.customer_id",
        ),
        Origin("chat_messages", "starts_with(r.kind, 'message_') and l.sent_at = r.occurred_at "
                                "and contains(r.object_id, l.msgid)"),
        Origin("members", "r.kind = 'member_joined' and l.member_no = r.object_id"),
        Origin("tickets", "starts_with(r.kind, 'ticket_') and l.ticket_id = r.object_id"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Landed:
    """One landed row: its dataset, the batch's number and source, the file handed in (None: not of a file), its row."""

    dataset: str
    seq: int
    source: str
    path: str
    file: str | None
    row: int | None


def landed_rows(
    connection: duckdb.DuckDBPyConnection, mart: str, shown: pl.DataFrame, inputs: Path, lake: Lake
) -> list[tuple[Landed, ...]]:
    """Of each row of ``shown`` (rows of the table ``mart`` of the warehouse attached as ``built``) what it came from.

    Empty: the table is not traced to landed rows (a score), or the row was decided by the run itself.
    """
    told: list[list[Landed]] = [[] for _ in range(shown.height)]
    if shown.is_empty():
        return []
    connection.register("shown", shown.with_row_index("ordinal"))
    for origin in ORIGINS.get(mart, ()):
        if not list((inputs / origin.dataset).glob("[!_]*.parquet")):
            continue  # the dataset has never landed
        found = connection.sql(_statement(origin, inputs), params={"most": MOST}).fetchall()
        entries = {batch: lake.find(batch) for _, batch, _ in found}
        answered = {ordinal for ordinal, rows in enumerate(told) if rows and origin.newest}
        for ordinal, batch, row in found:
            if (entry := entries[batch]) is not None and ordinal not in answered:
                told[ordinal].append(_landed(origin.dataset, entry, row))
    connection.unregister("shown")
    return [tuple(sorted(rows, key=lambda one: (one.seq, one.row or 0))[:MOST]) for rows in told]


def _statement(origin: Origin, inputs: Path) -> str:
    files = str(inputs / origin.dataset / "*.parquet").replace("'", "''")
    batches = str(inputs / "lake_batches" / "*.parquet").replace("'", "''")
    joined = f"join built.{origin.through} as t on {origin.t_on}" if origin.through else ""
    kept = "qualify rank() over (partition by r.ordinal order by b.seq desc) = 1" if origin.newest else ""
    return f"""
        select ordinal, batch, row_number from (
            select distinct r.ordinal, b.batch, b.seq, l._row as row_number
            from shown as r {joined}
            join read_parquet('{files}', union_by_name = true) as l on {origin.on}
            join read_parquet('{batches}') as b on b.batch = l._batch
            {kept}
        )
        qualify row_number() over (partition by ordinal order by seq, row_number) <= $most
        order by ordinal, seq, row_number
    """  # noqa: S608 - names and conditions of this module


def _landed(dataset: str, entry: Entry, row: int | None) -> Landed:
    paths = [file.path for file in entry.files if file.dataset == dataset and file.zone in ("landed", "decided")]
    return Landed(dataset, entry.seq, entry.source, ", ".join(paths), _file(entry.details), row)


def _file(details: Mapping[str, object]) -> str | None:
    name = details.get("file")
    return str(name) if name else None


def datasets_of(mart: str) -> Sequence[str]:
    """Datasets that a table's rows can come from."""
    return list(dict.fromkeys(origin.dataset for origin in ORIGINS.get(mart, ())))
