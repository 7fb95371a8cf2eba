"""Long actions: the queue's promises, the worker's, and what an import on the page gives, without a page."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from models import uploads
from models.settings import Settings
from models.store import Job, JobLostError, JobRefusedError, Store
from pipelines import jobs
from pipelines.lake import Lake
from pipelines.worker import UNEXPECTED, Worker
from tests.conftest import ID_KEY, environment, scrm_command

ORDERS = """订单编号,行号,店铺编号,订单创建时间,买家手机,商家编码,购买数量,价格,买家实际支付金额
A1,1,SH01,2026-01-05 09:30,13800001111,T1,2,10.00,20.00
A1,2,SH01,2026-01-05 09:30,13800001111,T2,-1,39.90,39.90
A2,1,SH01,2026-01-06 10:00,13800002222,T1,1,10.00,10.00
合计,,,,,,2,,69.90
"""
KINDS = ("slow",)


@dataclass(frozen=True)
class Person:
    user_id: str
    roles: frozenset[str] = frozenset()


OWNER = Person("olga", frozenset({"owner"}))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", id_key=ID_KEY)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    settings.home.mkdir()
    with Store.open(settings.store_address) as opened:
        yield opened


def handed_in(settings: Settings, text: str, name: str = "orders.csv") -> dict[str, str]:
    upload = uploads.keep(BytesIO(text.encode("gb18030")), name, settings.uploads_dir, 1_000_000)
    return {"sha256": upload.sha256, "name": upload.name}


def done(settings: Settings, store: Store, kind: str, arguments: dict) -> Job:
    """Ask, let a worker do it, and read it back."""
    job = store.jobs.ask(kind, arguments, "ann")
    assert Worker(settings).work_once()
    return store.jobs.get(job.job_id)


# ---------------------------------------------------------------------- the queue


def test_the_oldest_waits_least_and_many_workers_never_share_a_job(store: Store) -> None:
    start = datetime(2026, 1, 1)
    asked = [store.jobs.ask("slow", {"n": n}, "ann", now=start - timedelta(seconds=n)).job_id for n in range(12)]
    first = store.jobs.claim("w", KINDS)
    assert first is not None and first.job_id == asked[-1]
    with ThreadPoolExecutor(6) as pool:
        claimed = list(pool.map(lambda n: store.jobs.claim(f"w{n}", KINDS), range(20)))
    ids = [job.job_id for job in claimed if job is not None]
    assert sorted([*ids, first.job_id]) == sorted(asked)
    assert store.jobs.claim("w", ("other",)) is None


def test_a_second_click_finds_the_first_job_until_it_has_ended(store: Store) -> None:
    first = store.jobs.ask("slow", {}, "ann", "key")
    assert store.jobs.ask("slow", {}, "ann", "key").job_id == first.job_id
    job = store.jobs.claim("w", KINDS)
    assert job is not None
    assert store.jobs.ask("slow", {}, "ann", "key").job_id == first.job_id
    store.jobs.finish(job, {"rows": 1})
    assert store.jobs.ask("slow", {}, "ann", "key").job_id != first.job_id
    assert store.jobs.get(first.job_id).result == {"rows": 1}


def test_a_job_is_of_who_asked_and_of_owners(store: Store) -> None:
    job = store.jobs.ask("slow", {}, "ann")
    assert store.jobs.get(job.job_id, Person("ann")).job_id == job.job_id
    assert [one.job_id for one in store.jobs.list(OWNER)] == [job.job_id]
    assert store.jobs.list(Person("bob", frozenset({"store_manager"}))) == []
    for stranger in (Person("bob"), Person("")):
        with pytest.raises(JobRefusedError, match="no job"):
            store.jobs.get(job.job_id, stranger)
        with pytest.raises(JobRefusedError, match="no job"):
            store.jobs.cancel(job.job_id, stranger)
    assert store.jobs.get(job.job_id).status == "queued"


def test_only_what_waits_can_be_cancelled(store: Store) -> None:
    waiting, begun = store.jobs.ask("slow", {}, "ann"), store.jobs.ask("other", {}, "ann")
    job = store.jobs.claim("w", ("other",))
    assert job is not None
    assert store.jobs.cancel(waiting.job_id, Person("ann")).status == "cancelled"
    with pytest.raises(JobRefusedError, match="running"):
        store.jobs.cancel(begun.job_id)
    store.jobs.finish(job, {})
    assert store.jobs.claim("w", KINDS) is None


def test_a_silent_worker_loses_its_job_and_cannot_speak_for_it_any_more(store: Store) -> None:
    start = datetime(2026, 1, 1)
    store.jobs.ask("slow", {}, "ann", now=start)
    lost = store.jobs.claim("dead", KINDS, now=start)
    assert lost is not None
    store.jobs.heartbeat(lost, {"done": 1, "steps": 2, "now": "x"}, now=start + timedelta(seconds=20))
    assert store.jobs.reclaim(timedelta(seconds=30), now=start + timedelta(seconds=40)) == 0
    assert store.jobs.reclaim(timedelta(seconds=30), now=start + timedelta(seconds=51)) == 1
    for speak in (lambda: store.jobs.finish(lost, {}), lambda: store.jobs.fail(lost, "x"),
                  lambda: store.jobs.heartbeat(lost), lambda: store.jobs.release(lost)):  # fmt: skip
        with pytest.raises(JobLostError):
            speak()
    again = store.jobs.claim("dead", KINDS, now=start + timedelta(seconds=60))
    assert again is not None and again.attempts == 2
    with pytest.raises(JobLostError):  # the same name, an earlier attempt
        store.jobs.finish(lost, {})
    store.jobs.finish(again, {"by": "the second"})
    assert store.jobs.get(lost.job_id).result == {"by": "the second"}


def test_a_job_that_kills_its_workers_is_given_up_with_words(store: Store) -> None:
    now = datetime(2026, 1, 1)
    asked = store.jobs.ask("slow", {}, "ann", "key", now=now)
    for attempt in (1, 2, 3):
        job = store.jobs.claim("w", KINDS, now=now)
        assert job is not None and job.attempts == attempt
        store.jobs.reclaim(timedelta(0), now=now)
    given_up = store.jobs.get(asked.job_id)
    assert given_up.status == "failed"
    assert "died 3 times" in (given_up.error or "")
    assert store.jobs.claim("w", KINDS, now=now) is None


def test_a_released_job_counts_as_not_begun(store: Store) -> None:
    store.jobs.ask("slow", {}, "ann")
    job = store.jobs.claim("w", KINDS)
    assert job is not None
    store.jobs.release(job)
    again = store.jobs.claim("w", KINDS)
    assert again is not None and again.attempts == 1


# ---------------------------------------------------------------------- looking at a file, importing it


def test_a_file_is_recognised_previewed_imported_and_handed_back(settings: Settings, store: Store) -> None:
    upload = handed_in(settings, ORDERS)
    look = done(settings, store, "propose_import", upload)
    assert look.result is not None, look.error
    proposal = dict(look.result)
    assert (proposal["dataset"], proposal["missing"], proposal["format"]["encoding"]) == ("orders", [], "gb18030")
    seen = proposal["preview"]
    assert (seen["rows"], seen["accepted"], seen["quarantined"], seen["skipped"]) == (4, 2, 1, 1)
    (bad,) = seen["bad"]
    assert (bad["row"], bad["column"], bad["header"], bad["value"]) == (2, "quantity", "购买数量", "-1")
    assert "13800001111" not in str(proposal), "a personal value would lie in the store"
    assert not (settings.lake_dir / "manifest.jsonl").exists(), "looking lands nothing"

    import_ = done(settings, store, "import_file", {**upload, "mapping": proposal["mapping"]})
    assert import_.result is not None, import_.error
    result = dict(import_.result)
    counted = ("rows", "accepted", "quarantined", "skipped")
    assert {name: result[name] for name in counted} == {name: seen[name] for name in counted}
    assert result["accepted"] + result["quarantined"] + result["skipped"] == result["rows"]
    assert not result["repeated"]
    repair = settings.repairs_dir / import_.job_id / result["repair"]["name"]
    handed = pl.read_csv(repair, infer_schema=False)
    assert handed["订单编号"].to_list() == ["A1", "A1"], "the rejected line and its order's other line"
    assert "13800001111" in repair.read_text(encoding="utf-8-sig"), "who repairs sees the row as it came"
    assert not any(settings.uploads_dir.iterdir()), "the lake holds the rows: the upload has gone"


def test_the_same_bytes_again_are_told_and_change_nothing(settings: Settings, store: Store) -> None:
    upload = handed_in(settings, ORDERS)
    mapping = dict(done(settings, store, "propose_import", upload).result or {})["mapping"]
    first = done(settings, store, "import_file", {**upload, "mapping": mapping}).result or {}
    time.sleep(1.1)  # a batch is dated to the second
    again = handed_in(settings, ORDERS, "renamed.csv")
    look = done(settings, store, "propose_import", again).result or {}
    assert look["imported_before"]["seq"] == first["seq"]
    assert (look["basis"], look["basis_name"]) == ("before", "orders.csv"), "as it was mapped the last time"
    second = done(settings, store, "import_file", {**again, "mapping": look["mapping"]}).result or {}
    assert (second["repeated"], second["seq"]) == (True, first["seq"])
    assert Lake(settings.lake_dir).head() == first["seq"]


def test_a_job_begun_again_after_it_had_landed_says_what_it_would_have_said(settings: Settings, store: Store) -> None:
    """The worker dies between the lake's commit and its own last word."""
    upload = handed_in(settings, ORDERS)
    mapping = dict(done(settings, store, "propose_import", upload).result or {})["mapping"]
    store.jobs.ask("import_file", {**upload, "mapping": mapping}, "ann")
    worker = Worker(settings)
    lost = store.jobs.claim("dead", ("import_file",))
    assert lost is not None
    before = jobs.handler("import_file")(lost, worker.workspace, lambda *_: None)
    store.jobs.reclaim(timedelta(0))
    assert worker.work_once()
    again = store.jobs.get(lost.job_id)
    assert again.attempts == 2
    assert dict(again.result or {}) == before
    assert Lake(settings.lake_dir).head() == 1


def test_rejected_rows_of_another_person_s_file_of_the_same_name_are_not_handed_back(
    settings: Settings, store: Store
) -> None:
    for text in (ORDERS, ORDERS.replace("A1", "B1").replace("13800001111", "13911112222")):
        upload = handed_in(settings, text)
        mapping = dict(done(settings, store, "propose_import", upload).result or {})["mapping"]
        job = done(settings, store, "import_file", {**upload, "mapping": mapping})
    repair = (settings.repairs_dir / job.job_id / "orders-repair.csv").read_text(encoding="utf-8-sig")
    assert "13911112222" in repair
    assert "13800001111" not in repair


def test_what_is_required_and_not_there_is_named_and_a_mended_mapping_is_looked_at(
    settings: Settings, store: Store
) -> None:
    upload = handed_in(settings, ORDERS.replace("店铺编号", "x"))
    look = dict(done(settings, store, "propose_import", upload).result or {})
    assert look["missing"] == ["store_id"]
    assert look["preview"] is None
    mended = {**look["mapping"], "columns": {**look["mapping"]["columns"], "store_id": {"from": "x"}}}
    again = dict(done(settings, store, "propose_import", {**upload, "mapping": mended}).result or {})
    assert (again["basis"], again["preview"]["accepted"]) == ("given", 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old binary"),
    ],
)
def test_bytes_decide_and_a_refused_kind_is_named(settings: Settings, store: Store, content: bytes, words: str) -> None:
    upload = uploads.keep(BytesIO(content), "orders.csv", settings.uploads_dir, 10_000)
    job = done(settings, store, "propose_import", {"sha256": upload.sha256, "name": upload.name})
    assert job.status == "failed"
    assert words in (job.error or "")


# ---------------------------------------------------------------------- the worker


def test_a_fault_of_the_program_is_a_plain_word_and_a_log_without_values(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> dict:
        raise ValueError(f"cannot read {'138' + '0' * 4 + '1111'}")

    monkeypatch.setattr("pipelines.jobs.proposals.handle_propose_import", breaks)
    job = done(settings, store, "propose_import", {})
    assert (job.status, job.error) == ("failed", UNEXPECTED)
    assert "ValueError" in caplog.text and "in breaks" in caplog.text
    assert "13800001111" not in caplog.text


def test_a_role_that_is_gone_when_the_job_begins_is_refused(settings: Settings, store: Store) -> None:
    now = datetime(2026, 1, 1)
    owner = store.users.add("olga", "Olga", None, roles=["owner"], scopes=[], by="setup", at=now)
    clerk = store.users.add("fay", "Fay", None, roles=["finance"], scopes=[], by=owner, at=now)
    upload = handed_in(settings, ORDERS)
    refused = store.jobs.ask("propose_import", upload, clerk)
    allowed = store.jobs.ask("propose_import", upload, owner)
    stranger = store.jobs.ask("propose_import", upload, "nobody")
    worker = Worker(settings)
    for _ in range(3):
        worker.work_once()
    assert "do not include" in (store.jobs.get(refused.job_id).error or "")
    assert "no account" in (store.jobs.get(stranger.job_id).error or "")
    assert store.jobs.get(allowed.job_id).status == "done"


def test_a_stopping_worker_gives_back_what_it_cannot_end(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, end = threading.Event(), threading.Event()

    def long(*_: object) -> dict:
        begun.set()
        end.wait(30)
        return {}

    monkeypatch.setattr("pipelines.jobs.proposals.handle_propose_import", long)
    monkeypatch.setattr("pipelines.worker.STOP_SECONDS", 0.2)
    job = store.jobs.ask("propose_import", {}, "ann")
    worker = Worker(settings)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(worker.work)
        assert begun.wait(20)
        worker.stop()
        assert working.result(20) is False
        end.set()
    given_back = store.jobs.get(job.job_id)
    assert (given_back.status, given_back.attempts) == ("queued", 0)


@pytest.mark.slow
def test_a_killed_worker_s_job_is_done_by_the_next_one_and_sigterm_ends_it_well(
    settings: Settings, store: Store
) -> None:
    """SIGKILL in the middle; a second worker stands by, takes over the lock and the job; SIGTERM: exit code 0."""
    upload = handed_in(settings, ORDERS)
    look = dict(done(settings, store, "propose_import", upload).result or {})

    def worker() -> subprocess.Popen[str]:
        return subprocess.Popen(
            scrm_command("jobs", "work"), env=environment(settings.home), stderr=subprocess.PIPE, text=True
        )

    first = worker()
    try:
        assert first.stderr is not None and "at work" in first.stderr.readline()
        second = worker()
        job = store.jobs.ask("import_file", {**upload, "mapping": look["mapping"]}, "ann")
        while (state := store.jobs.get(job.job_id)).status == "queued":
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait()
        deadline = time.monotonic() + 60
        while store.jobs.get(job.job_id).is_open and time.monotonic() < deadline:
            time.sleep(0.2)
        state = store.jobs.get(job.job_id)
        assert state.status == "done", state.error
        assert (state.result or {})["accepted"] == 2
        assert Lake(settings.lake_dir).head() == 1
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0
    finally:
        for process in (first, second):
            if process.poll() is None:
                process.kill()
                process.wait()


def test_a_draft_of_who_is_who_is_refused_by_field_and_without_a_run(settings: Settings, store: Store) -> None:
    wrong = done(settings, store, "simulate_identity", {"draft": "identifiers: [{name: phone, prioritty: 1}]"})
    assert (wrong.status, "prioritty" in str(wrong.error)) == ("failed", True)
    early = done(settings, store, "simulate_identity", {"draft": "identifiers: [{name: phone}]"})
    assert (early.status, "no run was promoted yet" in str(early.error)) == ("failed", True)
