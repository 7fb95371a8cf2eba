"""Contacts land only what changed: what is new, another content, and what a whole pass no longer saw.

The accidents it prevents: the same hundred thousand rows landed every hour; a change of a remark that is not noticed
because it brings no event; a contact called gone because a pass was killed in the middle, or kept because it was.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.contracts import contract
from pipelines.lake import Commit, Lake, Part
from pipelines.sandbox.wecom import CORP_ID, Corp, Faults, WecomFace, WecomState
from pipelines.sources import syncing, wecom_contacts, wecom_known
from pipelines.sources.connector import Chunk, Span
from pipelines.sources.wecom_api import WecomError
from tests.wecom_company import Sandbox, few, sandbox

KEY = ["userid", "external_userid"]
SOURCE = f"wecom:{CORP_ID}/contacts"
Pairs = set[tuple[str, str]]


@pytest.fixture(scope="module")
def state() -> WecomState:
    return few(9)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def present(corp: Corp) -> Pairs:
    return {(u, e["external_contact"]["external_userid"]) for u, rows in corp.contacts.items() for e in rows}


def newest(lake: Lake) -> pl.DataFrame:
    return lake.read("landed", "wecom_follows").unique(KEY, keep="last", maintain_order=True)


def standing(lake: Lake) -> Pairs:
    return set(newest(lake).filter(~pl.col("is_gone").fill_null(False)).select(KEY).iter_rows())


def rows_of_last_pass(lake: Lake, dataset: str) -> pl.DataFrame:
    found = lake.read("landed", dataset)
    return found.filter(pl.col("sync_id") == lake.cursor(SOURCE)["sync_id"])  # type: ignore[index]


def infos(corp: Corp) -> list[dict[str, Any]]:
    return [entry["follow_info"] for rows in corp.contacts.values() for entry in rows]


# ------------------------------------------------------------------ what a pass lands


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "remark": lambda info: info.update(remark="another"),
    "description": lambda info: info.update(description="another"),
    "phone": lambda info: info.update(remark_mobiles=["13912345678"]),
    "tag": lambda info: info.update(tag_id=["et-new"]),
    "way": lambda info: info.update(add_way=202),
    "since": lambda info: info.update(createtime=info["createtime"] + 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_lands_one_follow_up_with_all_it_has(
    state: WecomState, tmp_path: Path, lake: Lake, change: str
) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
        info = infos(corp.corp)[5]
        CHANGES[change](info)
        assert corp.read(lake, "contacts") == 1
        found = rows_of_last_pass(lake, "wecom_follows")
        assert found["userid"].to_list() == [info["userid"]]
        assert rows_of_last_pass(lake, "wecom_contacts").height == 0
        assert rows_of_last_pass(lake, "wecom_follow_phones").height == len(info["remark_mobiles"])
        assert rows_of_last_pass(lake, "wecom_follow_tags").height == len(info["tag_id"])
        assert lake.read("landed", "wecom_syncs")["sync_id"].to_list() == ["000001", "000002"]
        assert corp.read(lake, "contacts") == 0


def test_what_says_nothing_new_is_no_change(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    """Another picture, another order of tags and names, an empty text where there was none."""
    with sandbox(state, tmp_path) as corp:
        for info in infos(corp.corp):
            info["tag_id"] = ["et-1", "et-2"]
        corp.read(lake, "contacts")
        before = lake.head()
        for rows in corp.corp.contacts.values():
            for entry in rows:
                info = entry["follow_info"]
                info["tag_id"] = ["et-2", "et-1"]
                entry["follow_info"] = dict(reversed(info.items())) | {"remark_pictures": []}
                entry["external_contact"] = {"corp_name": "", **entry["external_contact"], "avatar": "https://x/1"}
        assert corp.read(lake, "contacts") == 0
    assert lake.head() == before


def test_a_contact_that_changed_its_name_is_one_row_with_its_record(
    state: WecomState, tmp_path: Path, lake: Lake
) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
        entry = next(iter(corp.corp.contacts.values()))[0]
        external = entry["external_contact"]["external_userid"]
        for rows in corp.corp.contacts.values():
            for one in rows:
                if one["external_contact"]["external_userid"] == external:
                    one["external_contact"] = {**one["external_contact"], "name": "renamed"}
        assert corp.read(lake, "contacts") == 1
        assert corp.read(lake, "contacts") == 0
    found = rows_of_last_pass(lake, "wecom_contacts")
    assert found.select("external_userid", "name").rows() == [(external, "renamed")]
    assert '"renamed"' in found["_raw"][0]
    assert rows_of_last_pass(lake, "wecom_follows").height == 0
    whole = lake.read("landed", "wecom_contacts").filter(sync_id="000001")
    assert whole["_raw"].null_count() == whole.height  # there the follow-up's row holds it


def test_what_is_gone_is_said_once_and_what_returns_lands_again(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
        userid = next(iter(corp.corp.contacts))
        entry = corp.corp.contacts[userid].pop(0)
        key = (userid, entry["external_contact"]["external_userid"])
        assert corp.read(lake, "contacts") == 1
        gone = rows_of_last_pass(lake, "wecom_follows")
        assert gone.select(*KEY, "is_gone").rows() == [(*key, True)]
        assert gone["followed_at"].dt.epoch("s").to_list() == [entry["follow_info"]["createtime"]]
        assert lake.entries()[-1].details["gone"] == 1
        assert standing(lake) == present(corp.corp)
        assert corp.read(lake, "contacts") == 0
        corp.corp.contacts[userid].append(entry)
        assert corp.read(lake, "contacts") == 1
        assert standing(lake) == present(corp.corp)


def test_what_moves_to_a_page_that_was_read_is_not_gone(
    state: WecomState, tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the second page is asked for, one of the first leaves: all behind it move up, one between the pages."""
    genuine = WecomFace.contacts
    asked: list[int] = []
    left: Pairs = set()

    def contacts(face: WecomFace, of: Corp, body: Any) -> dict[str, Any]:
        asked.append(1)
        if len(asked) == pages + 2:
            userid, rows = next((userid, rows) for userid, rows in sorted(of.contacts.items()) if rows)
            left.add((userid, rows.pop(0)["external_contact"]["external_userid"]))
        return genuine(face, of, body)

    monkeypatch.setattr(WecomFace, "contacts", contacts)
    pages = -(-sum(map(len, state.contacts.values())) // 5)
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts", page_size=5)
        assert len(asked) == pages
        assert corp.read(lake, "contacts", page_size=5) == 0  # who left had been met before
        assert standing(lake) == present(corp.corp) | left
        assert (len(left), len(asked) > 2 * pages) == (1, True), "it did not look twice"
        assert corp.read(lake, "contacts", page_size=5) == 1
        assert standing(lake) == present(corp.corp)


def test_a_second_look_that_fails_leaves_the_pass_to_be_read_again(
    state: WecomState, tmp_path: Path, lake: Lake
) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
        pages = corp.counts.pages
        infos(corp.corp)[-1]["remark"] = "another"
        next(iter(corp.corp.contacts.values())).pop(0)
    with sandbox(state, tmp_path, Faults(at={3 + pages: "ip"})) as corp:
        infos(corp.corp)[-1]["remark"] = "another"
        next(iter(corp.corp.contacts.values())).pop(0)
        head = lake.head()
        with pytest.raises(WecomError, match="trusted addresses"):
            corp.read(lake, "contacts")
        assert lake.head() == head
    with sandbox(state, tmp_path) as corp:
        infos(corp.corp)[-1]["remark"] = "another"
        next(iter(corp.corp.contacts.values())).pop(0)
        assert corp.read(lake, "contacts") == 2
        assert standing(lake) == present(corp.corp)


def test_staff_who_lost_the_right_are_gone_with_their_contacts(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    lost = sorted(state.contacts)[2]
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
    with sandbox(state, tmp_path, Faults(without_right=frozenset({lost}))) as corp:
        assert corp.read(lake, "contacts") == len(state.contacts[lost])
        assert standing(lake) == {pair for pair in present(corp.corp) if pair[0] != lost}
    assert lake.entries()[-1].details["without_right"] == [lost]
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
        assert standing(lake) == present(corp.corp)


def test_a_record_that_cannot_be_read_any_more_is_not_gone_and_set_apart_once(
    state: WecomState, tmp_path: Path, lake: Lake
) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
        infos(corp.corp)[3]["createtime"] = "yesterday"
        for _ in range(3):
            assert corp.read(lake, "contacts") == 0
        assert standing(lake) == present(corp.corp)
    assert lake.read("quarantine", "wecom_follows").height == 1


def test_a_pass_that_is_not_due_again_says_when_it_read(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    """With a limit its position must move on, although nothing landed; without one it need not."""
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts", contacts_every_hours=3)
        later = corp.now + timedelta(hours=4)
        assert corp.read(lake, "contacts", later, contacts_every_hours=3) == 0
        assert lake.cursor(SOURCE)["through"] == later.isoformat()  # type: ignore[index]
        asked, head = corp.counts.requests, lake.head()
        assert corp.read(lake, "contacts", later + timedelta(hours=2), contacts_every_hours=3) == 0
        assert corp.counts.requests == asked
        again = Span(corp.now - timedelta(days=1), corp.now)
        assert corp.read(lake, "contacts", later, again, contacts_every_hours=3) == 0
        assert (corp.counts.requests > asked, lake.head()) == (True, head)


# ------------------------------------------------------------------ lakes of before


def without_digests(lake: Lake, old: Lake) -> None:
    """The first pass of a lake as a release before the digests landed it."""
    for entry in lake.entries():
        parts = []
        for file in entry.files:
            frame = pl.read_parquet(lake.root / file.path).drop("content", "is_gone", strict=False)
            parts.append(Part(file.zone, file.dataset, frame))
        old.commit(source=entry.source, key=entry.key, parts=parts, cursor=entry.cursor, accounting=entry.accounting)
    for path in old.root.glob("landed/*/*.parquet"):
        bare = pl.read_parquet(path).drop("content", "is_gone", strict=False)
        bare.write_parquet(path)


def test_a_lake_of_before_lands_everything_once_and_then_what_changed(
    state: WecomState, tmp_path: Path, lake: Lake
) -> None:
    old = Lake(tmp_path / "old")
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
        without_digests(lake, old)
        assert "content" not in old.read("landed", "wecom_follows").columns
        userid = next(iter(corp.corp.contacts))
        gone = corp.corp.contacts[userid].pop(0)["external_contact"]["external_userid"]
        truth = present(corp.corp)
        assert corp.read(old, "contacts") == len(truth) + 1
        assert standing(old) == truth
        assert newest(old).filter("is_gone").select(KEY).rows() == [(userid, gone)]
        assert corp.read(old, "contacts") == 0
        infos(corp.corp)[0]["remark"] = "another"
        assert corp.read(old, "contacts") == 1


# ------------------------------------------------------------------ death in the middle


class _KilledError(Exception):
    pass


class _DyingLake(Lake):
    """Dies before, or right after, its n-th commit from now, as a kill would."""

    left = 10_000
    after = False

    def commit(self, **batch: Any) -> Commit:
        self.left -= 1
        if self.left == 0:
            if self.after:
                super().commit(**batch)
            raise _KilledError
        return super().commit(**batch)


def second_pass(corp: Sandbox, lake: Lake) -> None:
    corp.read(lake, "contacts", page_size=8)


@pytest.mark.parametrize("after", [False, True])
def test_a_delta_killed_at_any_commit_goes_on_to_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Goes on where it was, does not ask for what it has read, and calls nothing gone that it had met before."""
    monkeypatch.setattr(
        wecom_contacts.ContactsStream.__init__, "__kwdefaults__", {"every": timedelta(0), "pages_per_chunk": 1}
    )
    monkeypatch.setattr(wecom_contacts, "CHUNKS_HELD", 1)
    found: list[tuple[int, list[tuple[Any, ...]]]] = []
    for commits in (None, *range(1, 40)):
        with sandbox(few(6), tmp_path) as corp:
            lake = _DyingLake(tmp_path / str(commits))
            second_pass(corp, lake)
            for number, info in enumerate(infos(corp.corp)):
                if number % 5 == 0:
                    info["remark"] = "another"
            for rows in list(corp.corp.contacts.values())[::3]:
                rows.pop()
            pages = corp.counts.pages
            lake.left, lake.after = commits or 10_000, after
            try:
                second_pass(corp, lake)
            except _KilledError:
                lake = _DyingLake(lake.root)
                second_pass(corp, lake)
            else:
                if commits is not None:
                    assert commits > 3, "there were no positions in between"
                    return
            assert standing(lake) == present(corp.corp)
            columns = [name for name in contract("wecom_follows").dtypes if name != "sync_id"]
            rows = lake.read("landed", "wecom_follows").select(columns)
            found.append((corp.counts.pages - pages, sorted(rows.iter_rows(), key=repr)))
            assert found[-1][1] == found[0][1], commits
            whole = found[0][0]
            assert found[-1][0] <= 2 * whole
            if commits is not None and not after and commits > 1:
                assert found[-1][0] < 2 * whole, "it began again"
    raise AssertionError("it never ended")


def test_marks_that_do_not_fit_the_lake_make_a_pass_begin_anew(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    """Rows were taken out of the lake while a pass was under way: its marks would name others."""
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
        cursor = dict(lake.cursor(SOURCE) or {})
        stopped = {
            **cursor,
            "sync_id": "000002",
            "done": False,
            "place": sorted(state.contacts)[-1],
            "met": "7:eJwDAAAAAAE=",
        }
        lake.commit(source=SOURCE, key="stopped", parts=[], cursor=stopped)
        assert wecom_known.Known.of(lake, SOURCE, "000002", stopped["met"]) is None
        assert corp.read(lake, "contacts") == 0
        assert standing(lake) == present(corp.corp)
    assert lake.cursor(SOURCE)["sync_id"] == "000003"  # type: ignore[index]


def test_a_chunk_without_anything_new_is_not_committed(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "contacts")
        connector = corp.connector(lake)
        contacts = next(stream for stream in connector.streams() if stream.name == "contacts")
        chunks: list[Chunk] = list(contacts.read(lake.cursor(SOURCE), corp.now))
        connector.close()
    assert [(chunk.parts, chunk.idle) for chunk in chunks] == [((), True)]
    assert syncing.StreamReport("it", "contacts").landed == 0
