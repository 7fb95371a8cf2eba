"""Messages of the WeCom chat archive, from files of decrypted JSON lines, one message a line.

The archive itself is read by the vendor's kit on the company's own machine (it needs the private key); what every
wrapper of the kit writes is this form. A line is the message with its ``seq``, or an envelope ``{"seq", "msgid",
"message": {…}}``; ``corp_id`` in a line says whose it is. Facts: vendor documentation 91774.

The position is the highest ``seq`` of every record, also of those that are of an unknown kind or are refused. A file or
a message that has landed before adds nothing; numbers of the archive that no file has brought are reported as gaps.
Words of messages never stand in a message or a log of ours.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from pipelines.lake import Accounting, Lake, Part, content_key
from pipelines.sources import records
from pipelines.sources.files.table import FileRefusedError
from pipelines.sources.records import INTEGER, TEXT, Field
from pipelines.sources.wecom_frames import TEXTS, parts, text_struct

LINES_PER_BATCH = 50_000
SYSTEM = "wecom_chat"
_KEY = ["corp_id", "msgid"]

_PAYLOADS: dict[str, pl.DataType] = {
    "text": text_struct("content"),
    "image": text_struct("sdkfileid", "md5sum", "filesize"),
    "voice": text_struct("sdkfileid", "md5sum", "voice_size", "play_length"),
    "video": text_struct("sdkfileid", "md5sum", "filesize", "play_length"),
    "emotion": text_struct("sdkfileid", "md5sum", "imagesize"),
    "file": text_struct("sdkfileid", "md5sum", "filesize", "filename"),
    "link": text_struct("title", "link_url"),
    "weapp": text_struct("title", "displayname"),
    "card": text_struct("corpname", "userid"),
    "location": text_struct("title", "address"),
    "chatrecord": text_struct("title"),
    "revoke": text_struct("pre_msgid"),
    "agree": text_struct("userid", "agree_time"),
    "disagree": text_struct("userid", "disagree_time"),
    "info": text_struct("content", "title"),
    "mixed": pl.Struct({"item": pl.List(text_struct("type", "content"))}),
}
_MESSAGE: dict[str, pl.DataType] = {
    **dict.fromkeys(("msgid", "action", "from", "roomid", "msgtime", "msgtype", "time", "user"), pl.String()),
    "tolist": TEXTS,
    **_PAYLOADS,
}
_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("seq", "corp_id"), pl.String()),
    **_MESSAGE,
    "message": pl.Struct(_MESSAGE),
}
_MEDIA = ("image", "voice", "video", "file", "emotion")


@dataclass
class ChatReport:
    """What became of a file. ``rows`` = ``accepted`` + ``quarantined`` + ``skipped`` (landed before).

    ``seq``: the newest batch. ``archive_seq``: the highest number of the archive so far. ``gaps``: ranges of numbers,
    both ends in them, that neither this file nor any before has brought. ``unknown_kinds``: kept, but not yet read.
    """

    file: str
    rows: int = 0
    accepted: int = 0
    quarantined: int = 0
    skipped: int = 0
    receivers: int = 0
    seq: int = 0
    repeated: bool = True
    archive_seq: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    unknown_kinds: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def source_name(corp_id: str) -> str:
    """The name under which an archive's batches stand in the manifest."""
    return f"{SYSTEM}:{corp_id}/messages"


def import_chat(file: Path, lake: Lake, *, corp_id: str = "") -> ChatReport:
    """Land a file of messages. ``corp_id``: whose they are, where a line does not say it.

    A death in the middle costs nothing: the same file again goes on. Raises FileRefusedError when the file cannot be
    read or nobody says whose it is, FormatChangedError when most lines are no message, LakeError.
    """
    report = ChatReport(file.name)
    digest = _sha256(file)
    for number, lines in enumerate(_batches(file)):
        frame = _decoded(lines, corp_id)
        for corp in frame["corp_id"].unique().sort().to_list():
            _land(frame.filter(pl.col("corp_id") == corp), corp, (digest, number), lake, report)
    if report.rows == 0:
        raise FileRefusedError(f"{file.name} holds no message; a file of the archive has one JSON object a line")
    return report


def gaps(seqs: pl.Series, first: int) -> list[tuple[int, int]]:
    """Ranges between ``first`` and the highest number in which no number stands; both ends belong to the range."""
    known = pl.concat([pl.Series([first - 1]), seqs.filter(seqs >= first)])
    ordered = known.unique().sort().to_frame("seq").with_columns(pl.col("seq").shift(-1).alias("next"))
    broken = ordered.filter(pl.col("next") - pl.col("seq") > 1)
    return [(low + 1, high - 1) for low, high in broken.iter_rows()]


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FileRefusedError(f"{file.name} cannot be read: {error.strerror}") from None


def _batches(file: Path) -> Iterator[list[bytes]]:
    """Lines that are not empty, without their ends; a byte order mark is no part of the first."""
    with file.open("rb") as stream:
        if stream.read(3) != b"\xef\xbb\xbf":
            stream.seek(0)
        while lines := list(islice(stream, LINES_PER_BATCH)):
            yield [_utf8(line) for line in (one.strip() for one in lines) if line]


def _utf8(line: bytes) -> bytes:
    """The line, or, of one that is not UTF-8, a text that is no JSON: it is set apart and nothing else is."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("utf-8", "backslashreplace").encode()
    return line


def _decoded(lines: Sequence[bytes], corp_id: str) -> pl.DataFrame:
    """One row per line, the message's fields at the top whether it came in an envelope or not."""
    frame = records.decode(lines, _SCHEMA)
    inner = pl.col("message")
    merged = frame.with_columns(pl.coalesce(name, inner.struct.field(name)).alias(name) for name in _MESSAGE).drop(
        "message"
    )
    named = merged.with_columns(pl.coalesce(pl.when(pl.col("corp_id") != "").then("corp_id"), pl.lit(corp_id)))
    if (named["corp_id"] == "").any():
        raise FileRefusedError("nobody says whose messages these are; name the corp (`--corp`), or write corp_id in")
    return named


def _land(frame: pl.DataFrame, corp_id: str, piece: tuple[str, int], lake: Lake, report: ChatReport) -> None:
    source = source_name(corp_id)
    file = f"{source}/{report.file}"
    good, refused = records.table(_columns(frame), contract("chat_messages"), _FIELDS, file=file)
    new = good.unique(_KEY, keep="first", maintain_order=True).join(
        _landed(lake, source, good), on=_KEY, how="anti", maintain_order="left"
    )
    receivers = _receivers(frame, new)
    before = int((lake.cursor(source) or {}).get("seq", 0))
    seqs = frame["seq"].cast(pl.Int64, strict=False).drop_nulls()
    numbers: list[int] = seqs.sort().to_list()[:: max(seqs.len() - 1, 1)]  # the first and the last
    after = max(before, *numbers, 0)
    accounting = Accounting(
        rows=frame.height,
        accepted=new.height,
        quarantined=frame.height - good.height,
        skipped=good.height - new.height,
    )
    unknown = records.unknown_values(new.select("kind", "action"), contract("chat_messages"))
    missing = gaps(seqs, before + 1 if before or not numbers else numbers[0])
    commit = lake.commit(
        source=source,
        key=content_key(source, piece[0], str(piece[1])),
        parts=[
            *parts({"chat_messages": (new, refused)}),
            *([Part("landed", "chat_receivers", receivers)] * (receivers.height > 0)),
        ],
        accounting=accounting,
        cursor={"seq": after, "through": str(after)},
        details={"file": report.file, "gaps": missing, **({"unknown": unknown} if unknown else {})},
    )
    _count(report, accounting, commit.repeated, receivers.height, missing, unknown)
    report.seq, report.archive_seq = commit.entry.seq, max(report.archive_seq, after)


def _count(
    report: ChatReport,
    accounting: Accounting,
    repeated: bool,
    receivers: int,
    missing: Sequence[tuple[int, int]],
    unknown: Mapping[str, Sequence[str]],
) -> None:
    report.rows += accounting.rows
    report.accepted += 0 if repeated else accounting.accepted
    report.quarantined += accounting.quarantined
    report.skipped += accounting.skipped + (accounting.accepted if repeated else 0)
    report.receivers += 0 if repeated else receivers
    report.repeated = report.repeated and repeated
    report.gaps += missing
    report.unknown_kinds = sorted({*report.unknown_kinds, *unknown.get("kind", ())})


def _landed(lake: Lake, source: str, good: pl.DataFrame) -> pl.DataFrame:
    """Keys of messages that have landed, among those with the numbers of these: a message keeps its number."""
    low, high = good["seq"].min(), good["seq"].max()
    found = [
        pl.read_parquet(lake.root / file.path, columns=[*_KEY, "seq"])
        .filter(pl.col("seq").is_between(low, high))
        .select(_KEY)
        for entry, file in lake.files("landed", "chat_messages")
        if entry.source == source
    ]
    return pl.concat([pl.DataFrame(schema=dict.fromkeys(_KEY, pl.String)), *found])


# ------------------------------------------------------------------ columns


def _of(kind: str, name: str) -> pl.Expr:
    return pl.col(kind).struct.field(name)


def who(ids: pl.Expr) -> pl.Expr:
    """staff, external or robot, by the form of an id: external people and robots have a mark and a long code."""
    return (
        pl.when(ids.str.contains(r"^w[om][0-9A-Za-z_-]{20,}$"))
        .then(pl.lit("external"))
        .when(ids.str.contains(r"^wb[0-9A-Za-z_-]{20,}$"))
        .then(pl.lit("robot"))
        .when(ids != "")
        .then(pl.lit("staff"))
    )


def _columns(frame: pl.DataFrame) -> pl.DataFrame:
    """The decoded frame with the columns that are worked out; numbers stay text until they are read."""
    sender = pl.coalesce(pl.when(pl.col("from") != "").then("from"), "user")
    return frame.with_columns(
        sender.alias("sender"),
        who(sender).alias("from_kind"),
        pl.coalesce("msgtime", "time").alias("at"),
        pl.coalesce(_of("text", "content"), _of("info", "content"), _mixed(frame)).alias("words"),
        pl.coalesce(
            _of("file", "filename"),
            *(_of(kind, "title") for kind in ("link", "weapp", "location", "chatrecord", "info")),
            _of("weapp", "displayname"),
            _of("card", "corpname"),
        ).alias("title"),
        pl.coalesce(_of(kind, "sdkfileid") for kind in _MEDIA).alias("media_id"),
        pl.coalesce(_of(kind, "md5sum") for kind in _MEDIA).alias("media_md5"),
        pl.coalesce(
            *(_of(kind, "filesize") for kind in ("image", "video", "file")),
            _of("voice", "voice_size"),
            _of("emotion", "imagesize"),
        ).alias("media_bytes"),
        pl.coalesce(_of("voice", "play_length"), _of("video", "play_length")).alias("play_seconds"),
        pl.coalesce(_of("agree", "userid"), _of("disagree", "userid")).alias("agreed_by"),
        pl.col("msgid").str.contains("_(external|updown_stream)$").cast(pl.String).alias("is_external"),
        pl.col("tolist").list.unique().list.len().fill_null(0).cast(pl.String).alias("receivers_count"),
    )


def _mixed(frame: pl.DataFrame) -> pl.Series:
    """The texts of mixed messages, joined; the content of a part is JSON text once more."""
    items = (
        frame.select(ROW_COLUMN, _of("mixed", "item").alias("item"))
        .explode("item")
        .with_columns(pl.col("item").struct.unnest())
        .filter(pl.col("type") == "text")
    )
    words = items.with_columns(pl.col("content").str.json_path_match("$.content"))
    joined = words.group_by(ROW_COLUMN, maintain_order=True).agg(pl.col("content").drop_nulls().str.join(" "))
    return frame.select(ROW_COLUMN).join(joined, on=ROW_COLUMN, how="left", maintain_order="left")["content"]


_FIELDS = (
    Field("msgid", "msgid", TEXT),
    Field("seq", "seq", INTEGER),
    Field("action", "action", TEXT),
    Field("kind", "msgtype", TEXT),
    Field("from_id", "sender", TEXT),
    Field("from_kind", "from_kind", TEXT),
    Field("room_id", "roomid", TEXT),
    Field("text", "words", TEXT),
    Field("title", "title", TEXT),
    Field("url", _of("link", "link_url"), TEXT),
    Field("media_id", "media_id", TEXT),
    Field("media_md5", "media_md5", TEXT),
    Field("media_bytes", "media_bytes", INTEGER),
    Field("play_seconds", "play_seconds", INTEGER),
    Field("recalled_msgid", _of("revoke", "pre_msgid"), TEXT),
    Field("agreed_by", "agreed_by", TEXT),
    Field("is_external", "is_external", records.BOOLEAN),
    Field("receivers_count", "receivers_count", INTEGER),
    Field("sent_at", "at", records.epoch("ms")),
)


def _receivers(frame: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """``chat_receivers``: one row per new message and receiver."""
    return (
        frame.join(new.select(ROW_COLUMN), on=ROW_COLUMN, how="semi", maintain_order="left")
        .select("corp_id", "msgid", pl.col("tolist").alias("receiver_id"), ROW_COLUMN)
        .explode("receiver_id")
        .filter(pl.col("receiver_id") != "")
        .unique([*_KEY, "receiver_id"], keep="first", maintain_order=True)
        .with_columns(who(pl.col("receiver_id")).alias("receiver_kind"), pl.lit(None, pl.String).alias(RAW_COLUMN))
    )
