"""The WeCom connector against the sandbox over real HTTP: every fault ends in the truth, or in a clear stop."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr

from models.identifiers import masked
from models.settings import PROJECT_ROOT, Settings
from pipelines.lake import Commit, Lake
from pipelines.sandbox.server import SANDBOX_CORP, SANDBOX_SECRET, serving
from pipelines.sandbox.wecom import Counts, Faults, WecomState, create_app
from pipelines.sources import http, syncing
from pipelines.sources.connector import Chunk, Context
from pipelines.sources.wecom import WecomConnector, WecomOptions
from pipelines.sources.wecom_api import EndlessPagesError, WecomClient, WecomError
from pipelines.sources.wecom_contacts import ContactsStream

FOLLOW_KEY = ["userid", "external_userid"]
PAGE = 40
UNTIL = datetime(2026, 6, 30, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def state() -> WecomState:
    return WecomState.read(PROJECT_ROOT / "data" / "sample" / "wecom.json")


@dataclass
class Corp:
    """A sandbox with its counters, and the options and the naps of a client that talks to it."""

    options: WecomOptions
    counts: Counts
    naps: list[float]
    home: Path

    def client(self, **changes: Any) -> WecomClient:
        options = self.options.model_copy(update=changes)
        connection = http.HttpClient(options.base_url, timeout_seconds=5, sleep=self.naps.append)
        return WecomClient(options, connection)

    def sync(self, lake: Lake, client: WecomClient | None = None) -> list[Chunk]:
        """The chunks of the contacts, after the staff; every one is committed. Errors rise."""
        given = client or self.client()
        context = Context(lake, Settings(home=self.home))
        connector = WecomConnector(self.options, context)
        connector.wecom = given
        contacts = ContactsStream(connector.source("contacts"), context, given, pages_per_chunk=2)
        staff = next(stream for stream in connector.streams() if stream.name == "staff")
        try:
            found = []
            for stream in (staff, contacts):
                source, found = connector.source(stream.name), []
                before = lake.cursor(source)
                for chunk in stream.read(before, UNTIL):
                    if chunk.parts or not chunk.idle:
                        syncing._commit(lake, source, before, chunk, None)
                        before = chunk.cursor
                    found.append(chunk)
            return found
        finally:
            given.http.close()
            connector.close()


def accepted(chunks: Sequence[Chunk]) -> int:
    return sum(chunk.accounting.accepted for chunk in chunks)


def sync_id(chunks: Sequence[Chunk]) -> str:
    return str(chunks[-1].cursor["sync_id"])


@contextmanager
def corp(state: WecomState, home: Path, faults: Faults | None = None) -> Iterator[Corp]:
    app = create_app(state, faults)
    with serving(app) as address:
        options = WecomOptions(
            corp_id=SANDBOX_CORP, secret=SecretStr(SANDBOX_SECRET), base_url=address + "/cgi-bin", page_size=PAGE
        )
        yield Corp(options, app.state.face.counts, [], home)


def truth(state: WecomState) -> list[tuple[str, str]]:
    return sorted(
        (user, e["external_contact"]["external_userid"]) for user, all_ in state.contacts.items() for e in all_
    )


def landed(lake: Lake, dataset: str = "wecom_follows") -> pl.DataFrame:
    return lake.read("landed", dataset)


def assert_complete(lake: Lake, state: WecomState) -> None:
    """The lake holds the truth row for row, and every batch accounts for its rows."""
    assert sorted(landed(lake).select(FOLLOW_KEY).iter_rows()) == truth(state)
    contacts = landed(lake, "wecom_contacts")["external_userid"]
    assert contacts.is_unique().all()
    assert set(contacts) == {external for _, external in truth(state)}
    assert sorted(landed(lake, "wecom_syncs")["object"]) == ["follows", "staff"]
    for entry in lake.entries():
        assert entry.accounting is not None
        assert (
            entry.accounting.rows == entry.accounting.accepted + entry.accounting.quarantined + entry.accounting.skipped
        )


def content(lake: Lake) -> dict[str, list[tuple[Any, ...]]]:
    """Every landed row without its batch, in an order that does not depend on the batches."""
    return {
        name: sorted(landed(lake, name).drop("_batch", "_row").iter_rows(), key=repr)
        for name in lake.datasets("landed")
    }


# ------------------------------------------------------------------ what lands


def test_a_pass_lands_the_truth(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path) as sandbox:
        chunks = sandbox.sync(lake)
    assert_complete(lake, state)
    assert (accepted(chunks), sync_id(chunks)) == (len(truth(state)), "000001")
    assert [chunks[-1].details[name] for name in ("staff", "done")] == [len(state.follow_users)] * 2
    follow = landed(lake).sort(FOLLOW_KEY).row(0, named=True)
    source = state.contacts[follow["userid"]]
    info = next(e for e in source if e["external_contact"]["external_userid"] == follow["external_userid"])[
        "follow_info"
    ]
    assert follow["followed_at"].replace(tzinfo=UTC).timestamp() == info["createtime"]
    assert follow["remark"] == info["remark"]
    assert info["remark"] in follow["_raw"]
    typed = sum(len(e["follow_info"]["remark_mobiles"]) for entries in state.contacts.values() for e in entries)
    phones = landed(lake, "wecom_follow_phones")
    assert phones.height == typed > 0
    assert phones["phone"].str.contains(r"^\+\d{8,13}$").all()  # spaces that staff typed are gone


def test_staff_carry_their_stores_number(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path) as sandbox:
        sandbox.sync(lake)
    staff = landed(lake, "wecom_staff")
    assert staff.height == len(state.staff)
    stores = staff.filter(pl.col("userid").str.starts_with("s"))
    assert (stores["department_name"] == stores["userid"].str.slice(0, 4).str.to_uppercase()).all()
    assert {1, 5} <= set(staff["status"])


def test_a_second_pass_over_the_same_lands_nothing(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path) as sandbox:
        sandbox.sync(lake)
        before = lake.head()
        second = sandbox.sync(lake)
    assert sum(chunk.repeated for chunk in second) == len(truth(state))
    assert (accepted(second), sync_id(second), lake.head()) == (0, "000001", before)


def test_passes_go_on_where_a_lake_of_before_ended(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.commit(source=f"wecom:{SANDBOX_CORP}", key="old", parts=[], cursor={"sync_id": "000041", "done": True})
    with corp(state, tmp_path) as sandbox:
        assert sync_id(sandbox.sync(lake)) == "000042"
    assert set(landed(lake, "wecom_syncs")["sync_id"]) == {"000042"}


def test_bad_records_go_to_quarantine_and_are_accounted_for(state: WecomState, tmp_path: Path) -> None:
    user, entries = next((u, list(e)) for u, e in state.contacts.items() if len(e) >= 3)
    entries[0] = {**entries[0], "follow_info": {**entries[0]["follow_info"], "createtime": "yesterday"}}
    entries[1] = {"follow_info": entries[1]["follow_info"]}  # no contact at all
    info = {
        **entries[2]["follow_info"],
        "remark_mobiles": ["call me"],
        "brand_new_field": {"kept": "raw"},
        "add_way": 999,
    }
    entries[2] = {**entries[2], "follow_info": info}
    lake = Lake(tmp_path / "lake")
    changed = replace(state, contacts={**state.contacts, user: entries})
    with corp(changed, tmp_path) as sandbox:
        chunks = sandbox.sync(lake)
    assert sum(chunk.accounting.quarantined for chunk in chunks) == 2
    assert accepted(chunks) == len(truth(state)) - 2
    rules = set(lake.read("quarantine", "wecom_follows")["rule"])
    assert rules == {"followed_at must be a time in seconds", "external_userid is required"}
    phone = lake.read("quarantine", "wecom_follow_phones")
    assert phone["value"].to_list() == [masked("call me")]
    assert masked("call me") != "call me"
    kept = landed(lake).filter(pl.col("_raw").str.contains("brand_new_field"))
    assert kept["add_way"].to_list() == [999]


def test_staff_without_any_contact_are_an_empty_pass(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(replace(state, contacts={}), tmp_path) as sandbox:  # the server answers 84061
        chunks = sandbox.sync(lake)
        assert sandbox.counts.pages == 0
    assert accepted(chunks) == 0
    assert sorted(landed(lake, "wecom_syncs")["object"]) == ["follows", "staff"]


def test_one_without_the_right_is_skipped_and_named(state: WecomState, tmp_path: Path) -> None:
    lost = sorted(state.contacts)[len(state.contacts) // 2]
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(without_right=frozenset({lost}))) as sandbox:
        sandbox.sync(lake)
    expected = [pair for pair in truth(state) if pair[0] != lost]
    assert sorted(landed(lake).select(FOLLOW_KEY).iter_rows()) == expected
    assert lake.entries()[-1].details["without_right"] == [lost]


# ------------------------------------------------------------------ tokens


@pytest.mark.parametrize("calls", range(1, 9))
def test_a_token_may_end_after_any_call(state: WecomState, tmp_path: Path, calls: int, record_property: Any) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(token_calls=calls)) as sandbox:
        sandbox.sync(lake)
        answered = sandbox.counts.pages + 3  # departments, staff, follow users
        assert sandbox.counts.tokens == -(-answered // calls)  # one refresh for each expiry, no more
    assert_complete(lake, state)
    record_property("refreshes", sandbox.counts.tokens - 1)


def test_a_wrong_secret_stops_at_once_and_is_not_shown(
    state: WecomState, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with corp(state, tmp_path) as sandbox:
        client = sandbox.client(secret=SecretStr("very-secret-and-wrong"))
        with pytest.raises(WecomError, match="the secret is wrong") as stopped:
            sandbox.sync(Lake(tmp_path / "lake"), client)
        assert sandbox.counts.requests <= 3
    assert stopped.value.code == 40001
    assert "very-secret" not in str(stopped.value) + repr(stopped.value) + caplog.text
    assert Lake(tmp_path / "lake").entries() == []


def test_no_secret_or_token_is_logged_in_a_good_pass(
    state: WecomState, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(at={4: "http_500", 6: "cut"})) as sandbox:
        client = sandbox.client()
        sandbox.sync(lake, client)
        token = client.tokens.get()
    out, err = capfd.readouterr()
    for hidden in (SANDBOX_SECRET, token):
        assert hidden not in caplog.text + out + err + lake.manifest.read_text()


def test_an_address_that_is_not_trusted_stops_at_once(state: WecomState, tmp_path: Path) -> None:
    with corp(state, tmp_path, Faults(at={2: "ip"})) as sandbox:
        with pytest.raises(WecomError, match="trusted addresses"):
            sandbox.sync(Lake(tmp_path / "lake"))
        assert sandbox.counts.requests == 2


# ------------------------------------------------------------------ faults of the road


@pytest.mark.parametrize(
    "trouble", ["html", "truncated", "cut", "http_500", "http_429", "busy", "concurrency", "frequency"]
)
def test_a_passing_trouble_on_any_kind_of_call_costs_no_row(state: WecomState, tmp_path: Path, trouble: Any) -> None:
    lake = Lake(tmp_path / "lake")
    # the 2nd request is the first for departments, the 5th the first for follow users, the others for pages
    with corp(state, tmp_path, Faults(at=dict.fromkeys((2, 5, 7, 9, 10), trouble))) as sandbox:
        sandbox.sync(lake)
        assert len(sandbox.naps) == 5
    assert_complete(lake, state)


def test_a_server_that_hangs_is_left_and_asked_again(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(at={6: "slow"}, slow_seconds=1.5)) as sandbox:
        connection = http.HttpClient(sandbox.options.base_url, timeout_seconds=0.5, sleep=sandbox.naps.append)
        sandbox.sync(lake, WecomClient(sandbox.options, connection))
        assert len(sandbox.naps) == 1
    assert_complete(lake, state)


def test_html_that_stays_is_an_error_and_nothing_of_it_lands(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(at=dict.fromkeys(range(5, 99), "html"))) as sandbox:
        with pytest.raises(http.NotJsonError, match="log-in page"):
            sandbox.sync(lake)
        assert sandbox.counts.requests == 4 + http.ATTEMPTS
    assert landed(lake).height == 0
    assert "follows" not in landed(lake, "wecom_syncs")["object"]  # a partial pass is never called complete


def test_a_limit_that_stays_ends_the_pass_without_calling_it_complete(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(at=dict.fromkeys(range(7, 99), "frequency"))) as sandbox:
        with pytest.raises(http.RateLimitedError, match=r"errcode 45009 .* frequency limit"):
            sandbox.sync(lake)
        assert [60 <= nap < 63 for nap in sandbox.naps] == [True] * (http.ATTEMPTS - 1)
    assert landed(lake, "wecom_syncs")["object"].to_list() == ["staff"]


def test_pages_that_come_twice_add_nothing(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(repeat_page=2)) as sandbox:
        chunks = sandbox.sync(lake)
    assert_complete(lake, state)
    assert sum(chunk.repeated for chunk in chunks) >= PAGE


@pytest.mark.parametrize("page", [1, 3])
def test_a_cursor_that_comes_back_is_an_error(state: WecomState, tmp_path: Path, page: int) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(endless_from=page)) as sandbox:
        with pytest.raises(EndlessPagesError, match="circle"):
            sandbox.sync(lake)
        assert sandbox.counts.pages <= page + 2
    assert landed(lake).select(FOLLOW_KEY).is_unique().all()


# ------------------------------------------------------------------ kill and resume


class _KilledError(Exception):
    pass


class _DyingLake(Lake):
    """Dies before (or right after) its n-th commit, as a kill would."""

    def __init__(self, root: Path, commits: int, *, after: bool) -> None:
        super().__init__(root)
        self.left, self.after = commits, after

    def commit(self, **batch: Any) -> Commit:
        self.left -= 1
        if self.left < 0:
            if self.after:
                super().commit(**batch)
            raise _KilledError
        return super().commit(**batch)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_a_pass_killed_at_any_commit_goes_on_to_the_same_rows(state: WecomState, tmp_path: Path, after: bool) -> None:
    with corp(state, tmp_path) as sandbox:
        whole = Lake(tmp_path / "whole")
        batches = len(sandbox.sync(whole)) + 1  # the staff
        assert batches >= 4
        for commits in range(batches):
            root = tmp_path / f"{after}-{commits}"
            with pytest.raises(_KilledError):
                sandbox.sync(_DyingLake(root, commits, after=after))
            lake = Lake(root)
            chunks = sandbox.sync(lake)
            assert sync_id(chunks) == "000001"
            assert content(lake) == content(whole)
            assert [e.key for e in lake.entries()] == [e.key for e in whole.entries()]


def test_a_member_who_is_gone_when_a_killed_pass_goes_on_does_not_stop_it(state: WecomState, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    with corp(state, tmp_path) as sandbox, pytest.raises(_KilledError):
        sandbox.sync(_DyingLake(root, 2, after=False))
    group = Lake(root).cursor(f"wecom:{SANDBOX_CORP}/contacts")["group"]  # type: ignore[index]
    gone = group[-1]
    without = replace(
        state,
        staff=tuple(one for one in state.staff if one["userid"] != gone),
        follow_users=tuple(userid for userid in state.follow_users if userid != gone),
    )
    with corp(without, tmp_path) as sandbox:  # the server answers 60111 for the group
        chunks = sandbox.sync(Lake(root))
    assert (sync_id(chunks), chunks[-1].details["without_right"]) == ("000001", [gone])
    assert {pair for pair in truth(state) if pair[0] != gone} <= set(landed(Lake(root)).select(FOLLOW_KEY).iter_rows())


def test_a_page_that_the_server_forgot_starts_a_fresh_pass(state: WecomState, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    with corp(state, tmp_path) as sandbox, pytest.raises(_KilledError):
        sandbox.sync(_DyingLake(root, 2, after=False))
    with corp(state, tmp_path) as sandbox:
        client = sandbox.client(page_size=PAGE + 1)  # the server refuses cursors of other pages
        assert sync_id(sandbox.sync(Lake(root), client)) == "000002"
    assert sorted(landed(Lake(root)).select(FOLLOW_KEY).iter_rows()) == truth(state)  # the first part is there already
    assert landed(Lake(root))["sync_id"].n_unique() == 2
    completed = landed(Lake(root), "wecom_syncs").filter(pl.col("object") == "follows")
    assert completed["sync_id"].to_list() == ["000002"]
