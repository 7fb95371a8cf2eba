"""WeCom's records as frames of the contracts. What is empty, absent or of another shape is null; ``_raw`` keeps it.

``_row`` is the record's number in the batch, from 1; ``_raw`` is the untouched record.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from models.identifiers import phones_e164
from pipelines import quarantine

Record = Mapping[str, Any]
Columns = dict[str, list[Any]]
_LATEST_SECONDS = 4_102_444_800  # the year 2100
_SEEN = ["userid", "external_userid"]


@dataclass(frozen=True)
class Stamp:
    """Where rows come from: corp and pass."""

    corp_id: str
    sync_id: str


def staff(people: Sequence[Record], departments: Mapping[str, Any], stamp: Stamp) -> pl.DataFrame:
    """``wecom_staff``: one row per member; ``departments``: name by id."""
    columns: Columns = {
        "userid": [_text(p.get("userid")) for p in people],
        "name": [_text(p.get("name")) for p in people],
        "position": [_text(p.get("position")) for p in people],
        "main_department": [_text(p.get("main_department")) for p in people],
        "department_name": [_text(departments.get(str(p.get("main_department")))) for p in people],
        "status": [_integer(p.get("status")) for p in people],
    }
    return _frame("wecom_staff", columns, people, stamp)


def follows(records: Sequence[Record], stamp: Stamp) -> pl.DataFrame:
    """``wecom_follows``: one row per record of batch/get_by_user, valid or not."""
    follow = [_object(record.get("follow_info")) for record in records]
    contact = [_object(record.get("external_contact")) for record in records]
    columns: Columns = {
        "userid": [_text(f.get("userid")) for f in follow],
        "external_userid": [_text(c.get("external_userid")) for c in contact],
        "remark": [_text(f.get("remark")) for f in follow],
        "description": [_text(f.get("description")) for f in follow],
        "add_way": [_integer(f.get("add_way")) for f in follow],
        "state": [_text(f.get("state")) for f in follow],
        "oper_userid": [_text(f.get("oper_userid")) for f in follow],
    }
    seconds = pl.Series("seconds", [_integer(f.get("createtime")) for f in follow], pl.Int64)
    # 0 is what the vendor's samples hold for "unknown"; a date in 1970, or after 2100, would be a lie.
    known = pl.when(pl.col("seconds").is_between(1, _LATEST_SECONDS)).then(pl.col("seconds"))
    followed_at = pl.from_epoch(known, time_unit="s").cast(pl.Datetime("us")).alias("followed_at")
    return (
        _frame("wecom_follows", columns, records, stamp).with_columns(seconds).with_columns(followed_at).drop("seconds")
    )


def contacts(records: Sequence[Record], new: pl.DataFrame, seen: pl.DataFrame, stamp: Stamp) -> pl.DataFrame:
    """``wecom_contacts``: one row per contact of the ``new`` follow-ups that the pass has not seen before."""
    wanted = (
        new.unique("external_userid", keep="first", maintain_order=True)
        .join(seen, on="external_userid", how="anti", maintain_order="left")
        .get_column(ROW_COLUMN)
    )
    found = [records[row - 1]["external_contact"] for row in wanted]
    columns: Columns = {
        "external_userid": [_text(c.get("external_userid")) for c in found],
        "unionid": [_text(c.get("unionid")) for c in found],
        "name": [_text(c.get("name")) for c in found],
        "contact_type": [_integer(c.get("type")) for c in found],
        "gender": [_integer(c.get("gender")) for c in found],
        "corp_name": [_text(c.get("corp_name")) for c in found],
    }
    return _frame("wecom_contacts", columns, found, stamp).with_columns(wanted)


def phones(records: Sequence[Record], new: pl.DataFrame, region: str, file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(``wecom_follow_phones``: the phones that staff typed, one row each; rejects of what is no phone number)."""
    mobiles = [_object(records[row - 1].get("follow_info")).get("remark_mobiles") for row in new[ROW_COLUMN]]
    texts = [[_text(mobile) for mobile in found] if isinstance(found, list) else [] for found in mobiles]
    typed = (
        new.select("corp_id", "sync_id", *_SEEN, ROW_COLUMN, RAW_COLUMN)
        .with_columns(pl.Series("typed", texts, pl.List(pl.String())))
        .explode("typed")
        .drop_nulls("typed")
    )
    typed = typed.with_columns(phones_e164(typed["typed"], region).alias("phone"))
    bad = quarantine.rejects(
        typed.filter(pl.col("phone").is_null()),
        file=file,
        column="phone",
        rule="remark_mobiles must be phone numbers",
        value=pl.col("typed"),
        personal=True,
    )
    good = typed.drop_nulls("phone").drop("typed")
    return good.unique([*_SEEN, "phone"], keep="first", maintain_order=True), bad


def completed(what: str, stamp: Stamp) -> pl.DataFrame:
    """``wecom_syncs``: the row that says that a pass over staff or follows is whole."""
    return _frame("wecom_syncs", {"object": [what]}, [{}], stamp)


def raw(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _frame(dataset: str, columns: Columns, records: Sequence[Record], stamp: Stamp) -> pl.DataFrame:
    dtypes = contract(dataset).dtypes
    return pl.DataFrame(columns, schema={name: dtypes[name] for name in columns}).with_columns(
        pl.lit(stamp.corp_id).alias("corp_id"),
        pl.lit(stamp.sync_id).alias("sync_id"),
        pl.Series(ROW_COLUMN, range(1, len(records) + 1), dtype=pl.Int64),
        pl.Series(RAW_COLUMN, [raw(record) for record in records], dtype=pl.String),
    )


def _object(value: Any) -> Record:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    """Text as it is and whole numbers as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value != "" else None


def _integer(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62 else None
