"""The WeCom connector against the sandbox over real HTTP: every fault ends in the truth, or in a clear stop."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from models.identifiers import masked
from models.settings import PROJECT_ROOT, Settings
from pipelines.lake import Commit, Lake
from pipelines.sandbox.server import SANDBOX_CORP, SANDBOX_SECRET, serving
from pipelines.sandbox.wecom import Counts, Faults, WecomState, create_app
from pipelines.sources import http, wecom
from pipelines.sources.wecom_api import EndlessPagesError, WecomClient, WecomError

FOLLOW_KEY = ["userid", "external_userid"]
PAGE = 40


@pytest.fixture(scope="module")
def state() -> WecomState:
    return WecomState.read(PROJECT_ROOT / "data" / "sample" / "wecom.json")


@dataclass
class Corp:
    """A sandbox with its counters, and the settings and the naps of a client that talks to it."""

    settings: Settings
    counts: Counts
    naps: list[float]

    def client(self, secret: str = SANDBOX_SECRET) -> WecomClient:
        values = self.settings.wecom.model_copy(update={"secret": type(self.settings.wecom.secret)(secret)})
        connection = http.JsonClient(values.base_url, timeout_seconds=5, sleep=self.naps.append)
        return WecomClient(values, connection, sleep=self.naps.append)

    def sync(self, lake: Lake, **options: Any) -> wecom.SyncReport:
        client = self.client()
        try:
            return wecom.sync(lake, self.settings, client=client, pages_per_batch=2, **options)
        finally:
            client.http.close()


@contextmanager
def corp(state: WecomState, home: Path, faults: Faults | None = None) -> Iterator[Corp]:
    app = create_app(state, faults)
    with serving(app) as address:
        where = {"corp_id": SANDBOX_CORP, "secret": SANDBOX_SECRET, "base_url": address + "/cgi-bin", "page_size": PAGE}
        yield Corp(Settings(home=home, wecom=where), app.state.face.counts, [])  # type: ignore[arg-type]


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
    lake, seen = Lake(tmp_path / "lake"), []
    with corp(state, tmp_path) as sandbox:
        report = sandbox.sync(lake, progress=seen.append)
    assert_complete(lake, state)
    assert (report.follows, report.sync_id, report.resumed) == (len(truth(state)), "000001", False)
    assert seen[-1] == wecom.Progress(len(truth(state)), len(state.follow_users), len(state.follow_users))
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


def test_a_second_pass_is_a_new_observation(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path) as sandbox:
        first, second = sandbox.sync(lake), sandbox.sync(lake)
    assert (first.sync_id, second.sync_id) == ("000001", "000002")
    assert landed(lake).group_by("sync_id").len()["len"].to_list() == [len(truth(state))] * 2


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
        report = sandbox.sync(lake)
    assert report.quarantined == 2
    assert report.follows == len(truth(state)) - 2
    rules = set(lake.read("quarantine", "wecom_follows")["rule"])
    assert rules == {"followed_at is required", "external_userid is required"}
    phone = lake.read("quarantine", "wecom_follow_phones")
    assert phone["value"].to_list() == [masked("call me")]
    assert masked("call me") != "call me"
    kept = landed(lake).filter(pl.col("_raw").str.contains("brand_new_field"))
    assert kept["add_way"].to_list() == [999]


def test_staff_without_any_contact_are_an_empty_pass(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(replace(state, contacts={}), tmp_path) as sandbox:  # the server answers 84061
        report = sandbox.sync(lake)
    assert (report.follows, report.pages) == (0, 0)
    assert sorted(landed(lake, "wecom_syncs")["object"]) == ["follows", "staff"]


def test_one_without_the_right_is_skipped_and_named(state: WecomState, tmp_path: Path) -> None:
    lost = sorted(state.contacts)[len(state.contacts) // 2]
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(without_right=frozenset({lost}))) as sandbox:
        report = sandbox.sync(lake)
    assert report.without_right == [lost]
    expected = [pair for pair in truth(state) if pair[0] != lost]
    assert sorted(landed(lake).select(FOLLOW_KEY).iter_rows()) == expected
    assert lake.entries()[-1].details["without_right"] == [lost]


# ------------------------------------------------------------------ tokens


@pytest.mark.parametrize("calls", range(1, 9))
def test_a_token_that_expires_after_any_call_costs_no_row(state: WecomState, tmp_path: Path, calls: int) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(token_calls=calls)) as sandbox:
        report = sandbox.sync(lake)
        answered = report.pages + 3  # departments, staff, follow users
        assert sandbox.counts.tokens == -(-answered // calls)  # one refresh for each expiry, no more
    assert_complete(lake, state)


def test_a_wrong_secret_stops_at_once_and_is_not_shown(
    state: WecomState, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with corp(state, tmp_path) as sandbox:
        client = sandbox.client(secret="very-secret-and-wrong")
        with pytest.raises(WecomError, match="SCRM_WECOM__SECRET") as stopped:
            wecom.sync(Lake(tmp_path / "lake"), sandbox.settings, client=client)
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
        wecom.sync(lake, sandbox.settings, client=client)
        token = client.tokens.get()
    out, err = capfd.readouterr()
    for hidden in (SANDBOX_SECRET, token):
        assert hidden not in caplog.text + out + err + lake.manifest.read_text()


def test_an_address_that_is_not_trusted_stops_at_once(state: WecomState, tmp_path: Path) -> None:
    with corp(state, tmp_path, Faults(at={2: "ip"})) as sandbox:
        with pytest.raises(WecomError, match="trusted addresses"):
            sandbox.sync(Lake(tmp_path / "lake"))
        assert sandbox.counts.requests == 2


def test_no_corp_id_means_off(tmp_path: Path) -> None:
    with pytest.raises(wecom.NotConfiguredError, match="SCRM_WECOM__CORP_ID"):
        wecom.sync(Lake(tmp_path / "lake"), Settings(home=tmp_path))


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
        values = sandbox.settings.wecom
        with http.JsonClient(values.base_url, timeout_seconds=0.5, sleep=sandbox.naps.append) as connection:
            wecom.sync(lake, sandbox.settings, client=WecomClient(values, connection))
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
        with pytest.raises(WecomError, match="frequency limit") as stopped:
            sandbox.sync(lake)
        assert sandbox.naps == [60.0] * 4
    assert stopped.value.code == 45009
    assert landed(lake, "wecom_syncs")["object"].to_list() == ["staff"]


def test_pages_that_come_twice_add_nothing(state: WecomState, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with corp(state, tmp_path, Faults(repeat_page=2)) as sandbox:
        report = sandbox.sync(lake)
    assert_complete(lake, state)
    assert report.skipped >= PAGE


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


@pytest.mark.parametrize("after", [False, True])
def test_a_pass_killed_at_any_commit_goes_on_to_the_same_rows(state: WecomState, tmp_path: Path, after: bool) -> None:
    with corp(state, tmp_path) as sandbox:
        whole = Lake(tmp_path / "whole")
        batches = sandbox.sync(whole).batches
        assert batches >= 4
        for commits in range(batches):
            root = tmp_path / f"{after}-{commits}"
            with pytest.raises(_KilledError):
                sandbox.sync(_DyingLake(root, commits, after=after))
            lake = Lake(root)
            report = sandbox.sync(lake)
            finished = after and commits == batches - 1
            assert report.sync_id == ("000002" if finished else "000001")
            assert report.resumed == (not finished and (commits > 0 or after))
            if not finished:
                assert content(lake) == content(whole)
                assert [e.key for e in lake.entries()] == [e.key for e in whole.entries()]


def test_a_page_that_the_server_forgot_starts_a_fresh_pass(state: WecomState, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    with corp(state, tmp_path) as sandbox, pytest.raises(_KilledError):
        sandbox.sync(_DyingLake(root, 2, after=False))
    with corp(state, tmp_path) as sandbox:
        settings = sandbox.settings.wecom.model_copy(update={"page_size": PAGE + 1})  # refuses cursors of other pages
        client = WecomClient(settings, http.JsonClient(settings.base_url, sleep=sandbox.naps.append))
        report = wecom.sync(Lake(root), sandbox.settings, client=client)
    assert (report.sync_id, report.resumed) == ("000002", False)
    whole = landed(Lake(root)).filter(pl.col("sync_id") == "000002")
    assert sorted(whole.select(FOLLOW_KEY).iter_rows()) == truth(state)
    completed = landed(Lake(root), "wecom_syncs").filter(pl.col("object") == "follows")
    assert completed["sync_id"].to_list() == ["000002"]


# ------------------------------------------------------------------ the sandbox itself


def test_the_sandbox_checks_what_the_real_server_checks(state: WecomState, tmp_path: Path) -> None:
    with corp(state, tmp_path) as sandbox, httpx.Client(base_url=sandbox.settings.wecom.base_url) as raw:

        def code(method: str, path: str, params: Mapping[str, str], body: Any = None) -> int:
            return int(raw.request(method, path, params=params, json=body).json()["errcode"])

        pages = "/externalcontact/batch/get_by_user"
        token = sandbox.client().tokens.get()
        assert sandbox.client().tokens.get() == token  # the same one while it is valid
        good = {"access_token": token}
        users = list(state.follow_users)
        assert code("GET", "/gettoken", {"corpid": "other", "corpsecret": SANDBOX_SECRET}) == 40013
        assert code("GET", "/user/list", {"access_token": "invented", "department_id": "1"}) == 40014
        assert code("POST", pages, good, {"userid_list": users, "limit": 101}) == 40058
        assert code("POST", pages, good, {"userid_list": ["x"] * 101}) == 40058
        assert code("POST", pages, good, {"userid_list": ["nobody"]}) == 60111
        assert code("POST", pages, good, {"userid_list": users, "cursor": "invented"}) == 40058
        default = raw.post(pages, params=good, json={"userid_list": users}).json()
        assert len(default["external_contact_list"]) == 50
        assert set(default["external_contact_list"][0]["follow_info"]) >= {
            "userid",
            "createtime",
            "tag_id",
            "remark_mobiles",
        }
