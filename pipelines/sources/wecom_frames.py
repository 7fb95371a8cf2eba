"""WeCom's records as frames of the contracts: for each dataset where its columns stand in a record and how they read.

Values of open lists stay whole numbers; what is empty or absent is null, and ``_raw`` keeps the untouched record.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from models.identifiers import phones_e164
from pipelines import quarantine
from pipelines.lake import Part
from pipelines.sources import records
from pipelines.sources.records import INTEGER, TEXT, Field, Reader, Schema

Frames = dict[str, tuple[pl.DataFrame, pl.DataFrame]]  # by dataset: rows of the contract, reject records
SECONDS = records.epoch("s")
TRUTH = records.BOOLEAN
TEXTS = pl.List(pl.String())
_SEEN = ["userid", "external_userid"]


def text_struct(*names: str, **others: pl.DataType) -> pl.Struct:
    return pl.Struct({**dict.fromkeys(names, pl.String()), **others})


@dataclass(frozen=True)
class Shape:
    """A dataset and how its records are read."""

    dataset: str
    schema: Schema
    fields: Sequence[Field]


def shape(dataset: str, *fields: tuple[str, str, Reader], more: Schema | None = None) -> Shape:
    """The usual case: (column, name in the record, reader). ``more``: names of the record that are no column."""
    schema = {name: pl.String() for _, name, _ in fields} | dict(more or {})
    return Shape(dataset, schema, [Field(column, name, reader) for column, name, reader in fields])


@dataclass(frozen=True)
class Rows:
    """Records of one dataset with what the call says of all of them (``context``: columns of the contract).

    ``prepare`` turns the decoded frame into one with a row per row of the dataset.
    """

    shape: Shape
    records: Sequence[bytes]
    context: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[pl.DataFrame], pl.DataFrame] | None = None

    def frame(self) -> pl.DataFrame:
        decoded = records.decode(self.records, self.shape.schema)
        ready = decoded if self.prepare is None else self.prepare(decoded)
        dtypes = contract(self.shape.dataset).dtypes
        return ready.with_columns(
            pl.lit(value, dtype=dtypes.get(name)).alias(name) for name, value in self.context.items()
        )


def tables(rows: Sequence[Rows], stamp: Mapping[str, str], file: str) -> Frames:
    """All rows of a batch by dataset; ``stamp`` (corp, pass) goes on every one. Raises FormatChangedError."""
    by_dataset: dict[str, list[Rows]] = {}
    for one in rows:
        by_dataset.setdefault(one.shape.dataset, []).append(one)
    return {dataset: _table(dataset, found, stamp, f"{file}/{dataset}") for dataset, found in by_dataset.items()}


def _table(
    dataset: str, rows: Sequence[Rows], stamp: Mapping[str, str], file: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    frame = pl.concat([one.frame() for one in rows], how="vertical").with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW_COLUMN),
        *(pl.lit(value).alias(name) for name, value in stamp.items()),
    )
    return records.table(frame, contract(dataset), rows[0].shape.fields, file=file)


def parts(frames: Frames) -> list[Part]:
    """What is not empty, landed and quarantined."""
    found = []
    for dataset, (good, refused) in frames.items():
        found += [Part("landed", dataset, good)] * (good.height > 0)
        found += [Part("quarantine", dataset, refused)] * (refused.height > 0)
    return found


def digest(rows: Sequence[Rows]) -> str:
    """Over the records and their context: equal when nothing has changed."""
    total = hashlib.sha256()
    for one in rows:
        total.update(f"{one.shape.dataset}{sorted(one.context.items())}".encode())
        for record in one.records:
            total.update(len(record).to_bytes(8, "big") + record)
    return total.hexdigest()


def completed(what: str, corp_id: str, sync_id: str) -> Part:
    """``wecom_syncs``: the row that says that a pass over one kind of object is whole."""
    row = {"corp_id": corp_id, "sync_id": sync_id, "object": what, ROW_COLUMN: 1, RAW_COLUMN: "{}"}
    return Part("landed", "wecom_syncs", pl.DataFrame([row], schema_overrides={ROW_COLUMN: pl.Int64}))


# ------------------------------------------------------------------ contacts and follow-ups

_PROFILE = text_struct("external_userid", "name", "type", "gender", "unionid", "corp_name")
_TAG = text_struct("group_name", "tag_name", "tag_id", "type")
_INFO = text_struct(
    *("userid", "remark", "description", "createtime", "oper_userid", "add_way", "state"),
    tag_id=TEXTS,
    tags=pl.List(_TAG),
    remark_mobiles=TEXTS,
)
FOLLOW_SCHEMA: Schema = {"external_contact": _PROFILE, "follow_info": _INFO}


def _profile(name: str) -> pl.Expr:
    return pl.col("external_contact").struct.field(name)


def _info(name: str) -> pl.Expr:
    return pl.col("follow_info").struct.field(name)


_KEY_FIELDS = (
    Field("userid", _info("userid"), TEXT),
    Field("external_userid", _profile("external_userid"), TEXT),
)
_FOLLOWS = (
    *_KEY_FIELDS,
    Field("remark", _info("remark"), TEXT),
    Field("description", _info("description"), TEXT),
    Field("add_way", _info("add_way"), INTEGER),
    Field("state", _info("state"), TEXT),
    Field("oper_userid", _info("oper_userid"), TEXT),
    Field("followed_at", _info("createtime"), SECONDS),
)
_CONTACTS = (
    Field("external_userid", _profile("external_userid"), TEXT),
    Field("unionid", _profile("unionid"), TEXT),
    Field("name", _profile("name"), TEXT),
    Field("contact_type", _profile("type"), INTEGER),
    Field("gender", _profile("gender"), INTEGER),
    Field("corp_name", _profile("corp_name"), TEXT),
)
_TAGS = (
    Field("tag_id", "tag_id", TEXT),
    Field("tag_name", "tag_name", TEXT),
    Field("tag_group_name", "tag_group_name", TEXT),
    Field("tag_type", "tag_type", INTEGER),
)


def follows(frame: pl.DataFrame, file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``wecom_follows`` of a decoded and stamped frame: one row per follow-up."""
    return records.table(frame, contract("wecom_follows"), _FOLLOWS, file=file)


def keys(frame: pl.DataFrame) -> pl.DataFrame:
    """userid and external_userid of every decoded record that says both, whether the rest of it can be read or not."""
    return frame.select(field.reader.parse(field.text).alias(field.column) for field in _KEY_FIELDS).drop_nulls()


def contacts(
    frame: pl.DataFrame, unmet: pl.DataFrame, landed: pl.DataFrame, file: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``wecom_contacts``: one row per record in ``unmet`` (``_row``); those whose follow-up is not in ``landed`` keep
    the record, because no other row of the batch does."""
    found = frame.join(unmet, on=ROW_COLUMN, how="semi", maintain_order="left").with_columns(content=_PROFILE_SAYS)
    good, refused = records.table(_digested(found), contract("wecom_contacts"), _CONTACTS, file=file)
    elsewhere = pl.col(ROW_COLUMN).is_in(landed[ROW_COLUMN].implode())
    return good.with_columns(pl.when(~elsewhere).then(RAW_COLUMN).alias(RAW_COLUMN)), refused


def with_content(frame: pl.DataFrame) -> pl.DataFrame:
    """A decoded frame with the digest of what each follow-up says: its own columns, phones and tags, in any order."""
    return _digested(frame.with_columns(content=_INFO_SAYS))


def _said(*texts: pl.Expr) -> pl.Expr:
    """One text for all that was said; absent and empty are the same. Not JSON: its form may change with a release."""
    return pl.concat_str([text.fill_null("") for text in texts], separator=_BETWEEN)


def _digested(frame: pl.DataFrame) -> pl.DataFrame:
    found = [hashlib.blake2b(text.encode(), digest_size=8).hexdigest() for text in frame["content"]]
    return frame.with_columns(pl.Series("content", found, dtype=pl.String))


_BETWEEN, _WITHIN = "\x1f", "\x1e"
_TAG_SAYS = pl.concat_str(
    [pl.element().struct.field(name).fill_null("") for name in ("tag_id", "tag_name", "group_name", "type")],
    separator=_WITHIN,
)
_INFO_SAYS = _said(
    *(_info(name) for name in ("remark", "description", "createtime", "oper_userid", "add_way", "state")),
    _info("tag_id").list.sort().list.join(_WITHIN),
    _info("tags").list.eval(_TAG_SAYS).list.sort().list.join(_WITHIN),
    _info("remark_mobiles").list.sort().list.join(_WITHIN),
)
_PROFILE_SAYS = _said(*(_profile(name) for name in ("name", "type", "gender", "unionid", "corp_name")))


def follow_tags(frame: pl.DataFrame, new: pl.DataFrame, file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``wecom_follow_tags``: ids as batch/get_by_user gives them, or objects as externalcontact/get does."""
    base = _of_new(frame, new)
    ids = base.select(*_BASE, _info("tag_id").alias("tag_id")).explode("tag_id").drop_nulls("tag_id")
    named = base.select(*_BASE, _info("tags").alias("tag")).explode("tag").filter(pl.col("tag").is_not_null())
    rows = pl.concat(
        [
            ids.with_columns(
                pl.lit(None, dtype=pl.String).alias(name) for name in ("tag_name", "tag_group_name", "tag_type")
            ),
            named.select(
                *_BASE,
                pl.col("tag").struct.field("tag_id"),
                pl.col("tag").struct.field("tag_name"),
                pl.col("tag").struct.field("group_name").alias("tag_group_name"),
                pl.col("tag").struct.field("type").alias("tag_type"),
            ),
        ]
    ).unique([*_SEEN, "tag_id", "tag_name"], keep="first", maintain_order=True)
    return records.table(rows, contract("wecom_follow_tags"), _TAGS, file=file)


def phones(frame: pl.DataFrame, new: pl.DataFrame, region: str, file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(``wecom_follow_phones``: the phones that staff typed, one row each; rejects of what is no phone number)."""
    typed = (
        _of_new(frame, new)
        .select(*_BASE, _info("remark_mobiles").alias("typed"))
        .explode("typed")
        .filter(pl.col("typed") != "")
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


_BASE = ("corp_id", "sync_id", *_SEEN, ROW_COLUMN, RAW_COLUMN)


def _of_new(frame: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The decoded rows of the follow-ups that were accepted, with their key."""
    return frame.join(new.select(ROW_COLUMN, *_SEEN), on=ROW_COLUMN, how="inner", maintain_order="left")
