"""What the lake holds of a corp's follow-ups, so that a pass lands only what is new, has changed or is gone.

At its beginning a pass reads keys and digests of what was landed before (the newest row of each key; rows of a pass
that never ended count). What it meets is marked in its position, so that a pass which was killed still knows at its end
what it has not met. Rows of a lake that is older than the digests have none: they differ from everything and are landed
once more.
"""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from pipelines.lake import Lake

KEY = ["userid", "external_userid"]
_FOLLOW = [*KEY, "content", "is_gone", "followed_at"]
_CONTACT = ["external_userid", "content"]


@dataclass
class Known:
    """``standing``: follow-ups that stood before the pass (columns KEY, content, followed_at; sorted by key).
    ``contacts``: of every contact the content that was landed last. ``met``: keys that the pass has met so far.
    """

    standing: pl.DataFrame
    contacts: pl.DataFrame
    met: pl.DataFrame

    @classmethod
    def of(cls, lake: Lake, source: str, sync_id: str, marks: str = "") -> "Known | None":
        """For the pass ``sync_id``, of which a part may be landed already; ``marks`` is what its position says.

        None when the marks do not belong to what the lake holds (rows were taken out of it): then a pass must begin
        anew.
        """
        before = _landed(lake, source, sync_id, "wecom_follows", _FOLLOW, of_pass=False)
        newest = before.unique(KEY, keep="last", maintain_order=True)
        standing = newest.filter(~pl.col("is_gone").fill_null(False)).drop("is_gone").sort(KEY)
        marked = _marked(standing, marks)
        if marked is None:
            return None
        landed = _landed(lake, source, sync_id, "wecom_follows", KEY, of_pass=True)
        contacts = pl.concat(
            [_landed(lake, source, sync_id, "wecom_contacts", _CONTACT, of_pass=each) for each in (False, True)]
        ).unique("external_userid", keep="last", maintain_order=True)
        return cls(standing, contacts, pl.concat([marked, landed]).unique(KEY))

    def new(self, follows: pl.DataFrame) -> pl.DataFrame:
        """Of the follow-ups of a batch those to be landed: not met in this pass, and not standing just so."""
        unmet = follows.join(self.met, on=KEY, how="anti", maintain_order="left")
        once = unmet.unique(KEY, keep="first", maintain_order=True)
        return once.join(self.standing, on=[*KEY, "content"], how="anti", maintain_order="left")

    def unmet_contacts(self, follows: pl.DataFrame) -> pl.DataFrame:
        """``_row`` of the first record of each contact of a batch that the pass has not met."""
        once = follows.unique("external_userid", keep="first", maintain_order=True)
        return once.join(self.met, on="external_userid", how="anti", maintain_order="left").select(ROW_COLUMN)

    def new_contacts(self, contacts: pl.DataFrame) -> pl.DataFrame:
        return contacts.join(self.contacts, on=_CONTACT, how="anti", maintain_order="left")

    def meet(self, keys: pl.DataFrame) -> None:
        unmet = keys.unique(KEY).join(self.met, on=KEY, how="anti")
        self.met = pl.concat([self.met, unmet.select(KEY)])

    def marks(self) -> str:
        """Which of the standing follow-ups were met, packed: a bit for each, mostly runs of the same."""
        if self.standing.is_empty():
            return ""
        met = self.met.with_columns(pl.lit(True).alias("met"))
        found = self.standing.join(met, on=KEY, how="left", maintain_order="left")["met"].fill_null(False)
        packed = zlib.compress(np.packbits(found.to_numpy()).tobytes(), 9)
        return f"{self.standing.height}:{base64.b64encode(packed).decode()}"

    def unmet_staff(self) -> frozenset[str]:
        """Who had a follow-up that stood and was not met."""
        unmet = self.standing.join(self.met, on=KEY, how="anti")
        return frozenset(unmet["userid"].unique().to_list())

    def gone(self, corp_id: str, sync_id: str) -> pl.DataFrame:
        """``wecom_follows`` for what stood and was not met: a row each that says so. Only a whole pass may ask."""
        unmet = self.standing.join(self.met, on=KEY, how="anti", maintain_order="left")
        return unmet.select(
            pl.lit(corp_id).alias("corp_id"),
            pl.lit(sync_id).alias("sync_id"),
            *KEY,
            pl.lit(True).alias("is_gone"),
            "followed_at",
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW_COLUMN),
            pl.lit(None, dtype=pl.String).alias(RAW_COLUMN),
        )


def _marked(standing: pl.DataFrame, marks: str) -> pl.DataFrame | None:
    if marks == "":
        return standing.select(KEY).clear()
    height, packed = marks.split(":", 1)
    if int(height) != standing.height:
        return None
    bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(packed)), dtype=np.uint8))
    return standing.select(KEY).filter(pl.Series(bits[: standing.height].astype(bool)))


def _landed(
    lake: Lake, source: str, sync_id: str, dataset: str, columns: Sequence[str], *, of_pass: bool
) -> pl.DataFrame:
    """Columns of what the corp's passes have landed, in sequence: of the one pass, or of all others.

    The corp had one position for all its streams once: what it landed then counts.
    """
    sources = (source, source.rsplit("/", 1)[0])
    paths = [
        lake.root / file.path
        for entry, file in lake.files("landed", dataset)
        if entry.source in sources and ((entry.cursor or {}).get("sync_id") == sync_id) == of_pass
    ]
    dtypes = contract(dataset).file_dtypes
    if not paths:
        return pl.DataFrame(schema={name: dtypes[name] for name in columns})
    return (
        pl.scan_parquet(paths, schema=dtypes, missing_columns="insert", extra_columns="ignore")
        .select(columns)
        .collect()
    )


def refused_before(lake: Lake, source: str) -> pl.Series:
    """Records of the corp's follow-ups that are in quarantine: each is set apart once."""
    paths = [
        lake.root / file.path for entry, file in lake.files("quarantine", "wecom_follows") if entry.source == source
    ]
    frames = [pl.read_parquet(path, columns=["raw"]) for path in paths]
    return pl.concat([pl.DataFrame(schema={"raw": pl.String}), *frames])["raw"].drop_nulls().unique()
