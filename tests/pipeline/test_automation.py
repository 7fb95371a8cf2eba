"""What happens by itself: the day's run once, files once, the dead reported, failures told, days caught up.

Faults 25, 26 (a killed run never blocks the next), 52 (inbox) and 71 (a backfill beside daily runs).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from models.serving.pointer import Pointer, read_pointer
from models.settings import Settings
from pipelines import alerts, backup
from pipelines.backfill import BackfillRefusedError, Day, backfill
from pipelines.defs import automation
from pipelines.demo import COMPANY
from pipelines.lake import Lake
from pipelines.publishing import decide
from pipelines.reaper import DEAD, GRACE_SECONDS, alive, dead_runs, failure, reap
from pipelines.warehouse import RunInProgressError, Warehouse, digests
from tests.conftest import Company, environment
from tests.faults.tiny_company import TinyCompany

ORDERS = """订单编号,行号,店铺编号,订单创建时间,买家手机,商家编码,购买数量,价格,买家实际支付金额
A1,1,SH01,2026-01-05 09:30,13800001111,T1,2,10.00,20.00
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("SCRM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Settings()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.op
def nothing() -> None:
    pass


@dg.op
def breaks() -> None:
    raise alerts.RunInProgressError("the lake ends at 3")


@dg.job
def small() -> None:
    nothing()


@dg.job
def broken() -> None:
    breaks()


# ---------------------------------------------------------------------- schedules and sensors


def test_a_day_has_one_run_in_the_company_s_civil_time(instance: dg.DagsterInstance) -> None:
    def key(utc: datetime) -> str | None:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=utc)
        request = automation.main_daily(context)
        assert isinstance(request, dg.RunRequest)
        return request.run_key

    assert key(datetime(2026, 6, 30, 19, 30, tzinfo=UTC)) == "2026-07-01"
    assert key(datetime(2026, 7, 1, 3, 0, tzinfo=UTC)) == "2026-07-01", "a late tick of the same day"
    assert key(datetime(2026, 7, 1, 19, 30, tzinfo=UTC)) == "2026-07-02"


def test_the_time_of_day_is_a_setting(tmp_path: Path) -> None:
    """Read by a process of its own: the module reads the settings once."""
    code = (
        "from pipelines.defs import automation as a; s = a.main_daily;"
        "print(s.cron_schedule, s.execution_timezone, s.default_status.value, a.sources_hourly.default_status.value)"
    )
    changed = {
        "SCRM_SCHEDULE__DAILY_AT": "05:07",
        "SCRM_TIMEZONE": "America/Bogota",
        "SCRM_CONNECTIONS__IT__SYSTEM": "wecom",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path, **changed), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "7 5 * * * America/Bogota RUNNING RUNNING"


def look(instance: dg.DagsterInstance) -> Any:
    return automation.inbox_sensor(dg.build_sensor_context(instance=instance))


def test_the_sensor_asks_once_for_files_that_have_come_to_rest(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert isinstance(look(instance), dg.SkipReason)
    path = settings.inbox_dir / "orders" / "a.csv"
    path.write_text(ORDERS, encoding="utf-8")
    assert isinstance(look(instance), dg.SkipReason), "it may still be written"
    old = SettledClock(automation)
    with old:
        first, second = look(instance), look(instance)
    assert first.run_requests[0].run_key == second.run_requests[0].run_key
    assert json.loads(first.cursor) == {"lake": 0}
    instance.create_run_for_job(small, status=dg.DagsterRunStatus.STARTED)
    with old:
        assert look(instance).run_requests, "runs of other jobs do not hold the inbox up"


class SettledClock:
    """A minute later, for whoever asks the automation's clock."""

    def __init__(self, module: Any) -> None:
        self._module, self._patch = module, pytest.MonkeyPatch()

    def __enter__(self) -> None:
        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return datetime.now(tz) + timedelta(minutes=1)

        self._patch.setattr(self._module, "datetime", Later)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


def test_a_failed_run_alerts_once_and_the_next_success_says_so(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    failed = broken.execute_in_process(instance=instance, raise_on_error=False)
    ended = instance.get_run_by_id(failed.run_id)
    assert ended is not None
    event = next(iter(instance.get_records_for_run(failed.run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records))
    context = dg.build_run_status_sensor_context(
        sensor_name="failure_alerts",
        dagster_instance=instance,
        dagster_run=ended,
        dagster_event=event.event_log_entry.dagster_event,  # type: ignore[arg-type]
    ).for_run_failure()
    for _ in range(2):
        automation.failure_alerts(context)
    (record,) = alerts.logged(settings)
    assert (record["step"], record["words"]) == ("breaks", "the lake ends at 3")
    found = failure(instance, failed.run_id)
    assert found.own and str(found) == "breaks: the lake ends at 3"


# ---------------------------------------------------------------------- the dead

HOLDER = """
import sys, time
from models.settings import Settings
from pipelines.reaper import alive
with alive(Settings(), sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def started(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.create_run_for_job(small, run_id=run_id, status=dg.DagsterRunStatus.STARTED)
    assert run.run_id == run_id


def test_the_dead_are_told_from_the_living_and_reported_within_seconds(
    settings: Settings, instance: dg.DagsterInstance, record_property: Callable[[str, object], None]
) -> None:
    killed, living = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
    started(instance, killed)
    started(instance, living)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, killed],
        env=environment(settings.home),
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder, alive(settings, living):
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert dead_runs(instance, settings, datetime.now(UTC)) == []
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        since = time.monotonic()
        assert [run.run_id for run in reap(instance, settings)] == [killed]
        seconds = time.monotonic() - since
    record_property("recovery_seconds", round(seconds, 1))
    assert seconds < 60, "fault 25: a killed run must not hold up the next for longer"
    statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {killed: dg.DagsterRunStatus.FAILURE, living: dg.DagsterRunStatus.STARTED}
    assert failure(instance, killed).words == DEAD
    assert reap(instance, settings)[0].run_id == living, "its process has given the lock back without an end"
    assert list((settings.dagster_dir / "alive").iterdir()) == []


def test_a_worker_that_dagster_saw_die_is_called_dead_and_one_that_never_began_is_not(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    """Dagster's own words are "marked as failed from outside"; of a run ended for its length it says so."""
    begun, never, long = (f"{digit * 8}-1111-1111-1111-111111111111" for digit in "456")
    for run_id, words in ((begun, None), (never, None), (long, "Exceeded maximum runtime of 14400 seconds.")):
        started(instance, run_id)
        if run_id != never:
            instance.report_dagster_event(dg.DagsterEvent(dg.DagsterEventType.STEP_START.value, small.name), run_id)
        run = instance.get_run_by_id(run_id)
        assert run is not None
        instance.report_run_failed(run, words)
    assert failure(instance, begun).words == DEAD
    assert "before its first step" in failure(instance, never).words
    assert failure(instance, long).words == "Exceeded maximum runtime of 14400 seconds."


def test_a_run_that_dagster_is_still_starting_is_given_time(settings: Settings, instance: dg.DagsterInstance) -> None:
    started(instance, "33333333-3333-3333-3333-333333333333")
    assert dead_runs(instance, settings, datetime.now(UTC)) == []
    assert len(dead_runs(instance, settings, datetime.now(UTC) + timedelta(seconds=GRACE_SECONDS + 60))) == 1


def test_a_run_waits_for_the_one_before_when_it_is_told_to(settings: Settings) -> None:
    code = (
        "import time; from models.settings import Settings; from pipelines.warehouse import Warehouse\n"
        "with Warehouse(Settings()).exclusive(): print('held', flush=True); time.sleep(1.5)"
    )
    env = environment(settings.home)
    with subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(RunInProgressError), Warehouse(settings).exclusive():
            pass
        with Warehouse(settings).exclusive(wait_seconds=60):
            assert other.wait(10) == 0


# ---------------------------------------------------------------------- days caught up


class Runs:
    """The main job's place in a backfill, on the tiny company."""

    def __init__(self, company: TinyCompany) -> None:
        self.company = company
        self.asked: list[tuple[str, bool]] = []

    def __call__(self, day: date, publish: bool) -> tuple[int, float, str]:
        self.asked.append((day.isoformat(), publish))
        plan = self.company.build(1, business_date=day)
        if publish:
            return plan.to_seq, 0.0, self.company.publish(plan).version
        decide(self.company.warehouse, self.company.lake, plan, self.company.published)
        return plan.to_seq, 0.0, ""


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyCompany:
    monkeypatch.setattr("pipelines.backfill.GIVE_WAY_SECONDS", 0)
    made = TinyCompany(tmp_path / "home")
    made.run(1, business_date=date(2026, 7, 1))
    return made


def caught_up(company: TinyCompany, runs: Runs, first: date, last: date, **options: bool) -> list[Day]:
    return list(backfill(company.settings, first, last, runs, **options))


def current(company: TinyCompany) -> Pointer:
    pointer = read_pointer(company.published)
    assert pointer is not None
    return pointer


def test_past_days_are_decided_and_readers_are_not_moved(company: TinyCompany) -> None:
    before, runs = current(company), Runs(company)
    found = caught_up(company, runs, date(2026, 6, 28), date(2026, 6, 30))
    assert runs.asked == [("2026-06-28", False), ("2026-06-29", False), ("2026-06-30", False)]
    assert [day.state for day in found] == ["run"] * 3
    assert current(company) == before
    assert list(company.published.glob("*.tmp*")) == []
    dates = Lake(company.settings.lake_dir).read("decided", "scores")["business_date"].unique().sort().to_list()
    assert dates == [date(2026, 6, 28), date(2026, 6, 29), date(2026, 6, 30), date(2026, 7, 1)]


def test_a_backfill_goes_on_where_it_ended_and_again_when_facts_came(company: TinyCompany) -> None:
    caught_up(company, Runs(company), date(2026, 6, 28), date(2026, 6, 29))
    runs = Runs(company)
    found = caught_up(company, runs, date(2026, 6, 28), date(2026, 6, 30))
    assert [day.state for day in found] == ["skipped", "skipped", "run"]
    company.land(2)
    runs = Runs(company)
    assert [day.state for day in caught_up(company, runs, date(2026, 6, 28), date(2026, 6, 28))] == ["run"]
    runs = Runs(company)
    assert [d.state for d in caught_up(company, runs, date(2026, 6, 28), date(2026, 6, 28), again=True)] == ["run"]


def test_only_the_last_day_is_published_and_never_over_a_newer_one(company: TinyCompany) -> None:
    runs = Runs(company)
    found = caught_up(company, runs, date(2026, 7, 1), date(2026, 7, 3), publish_last=True)
    assert runs.asked == [("2026-07-02", False), ("2026-07-03", True)], "the first day is decided already"
    assert found[-1].snapshot == current(company).version
    assert current(company).business_date == date(2026, 7, 3)
    with pytest.raises(BackfillRefusedError, match="readers see 2026-07-03"):
        caught_up(company, runs, date(2026, 7, 1), date(2026, 7, 2), publish_last=True)
    with pytest.raises(BackfillRefusedError, match="ends before it begins"):
        caught_up(company, runs, date(2026, 7, 2), date(2026, 7, 1))
    with pytest.raises(BackfillRefusedError, match="mistyped"):
        caught_up(company, runs, date(1026, 7, 2), date(2026, 7, 1))


# ---------------------------------------------------------------------- the sample


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_backed_up_restored_elsewhere_and_run_again_gives_the_same_tables(
    published_sample: Company, copied_sample: Callable[[], Company], tmp_path: Path
) -> None:
    """The same pair on the company and on what a backup gives back: every table is equal."""
    company = copied_sample()
    settings = company.settings
    backup.back_up(settings, tmp_path / "kept", now=datetime(2026, 7, 2, tzinfo=UTC))
    elsewhere = Company(tmp_path / "elsewhere")
    backup.restore(tmp_path / "kept", elsewhere.home)
    pointer = read_pointer(published_sample.settings.published_dir)
    assert pointer is not None
    as_demo = {"SCRM_COMPANY": COMPANY, "SCRM_ID_KEY": "demo"}  # what the demo sets beside the files
    pair = ["--business-date", pointer.business_date.isoformat(), "--to-seq", str(pointer.sequence)]
    elsewhere.scrm("run", *pair, **as_demo)
    restored = read_pointer(elsewhere.settings.published_dir)
    assert restored is not None
    original = digests(published_sample.settings.published_dir / pointer.file)
    assert digests(elsewhere.settings.published_dir / restored.file) == original
    lakes = [Lake(one.settings.lake_dir) for one in (company, elsewhere)]
    assert lakes[0].manifest.read_bytes() == lakes[1].manifest.read_bytes(), "running again decided nothing new"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_day_caught_up_on_the_sample_has_its_scores_and_no_model_of_its_future(
    copied_sample: Callable[[], Company],
) -> None:
    company = copied_sample()
    before = read_pointer(company.settings.published_dir)
    (day,) = company.scrm_json("backfill", "--from", "2026-06-01", "--to", "2026-06-01")["days"]
    assert day["state"] == "run"
    assert read_pointer(company.settings.published_dir) == before
    scores = (
        Lake(company.settings.lake_dir).read("decided", "scores").filter(pl.col("business_date") == date(2026, 6, 1))
    )
    assert scores.height > 0
    trained = {
        str(entry.details["artifact_id"]): str(entry.details["trained_on"])
        for entry, _ in Lake(company.settings.lake_dir).files("artifacts", "churn")
    }
    assert {trained[artifact] for artifact in scores["artifact_id"].unique()} == {"2026-06-01"}
