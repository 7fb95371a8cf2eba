"""Jobs, schedules and sensors: when the road is walked, and who is told when it ends badly.

Everything is on as soon as `scrm up` runs, unless ``schedule.enabled`` is off.
"""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg

from models.settings import Settings
from pipelines import alerts, inbox
from pipelines.lake import Lake
from pipelines.reaper import failure
from pipelines.sources.connections import connector_class, systems

MAIN_JOB = "main"
SOURCES_JOB = "sources"
INBOX_JOB = "inbox"
SETTINGS = Settings()
_ON = SETTINGS.schedule.enabled
_PULLS = _ON and bool(SETTINGS.connections)
UNDERWAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
HOUR, MINUTE = (int(part) for part in SETTINGS.schedule.daily_at.split(":"))

pulled = dg.AssetSelection.assets(
    *(f"{system}_{stream}" for system in systems() for stream in connector_class(system).stream_datasets),
)
from_outside = pulled | dg.AssetSelection.assets("inbox_files")

main = dg.define_asset_job(
    MAIN_JOB,
    selection=dg.AssetSelection.all() - from_outside,
    description="Land what people wrote, freeze the pair, build, decide, publish.",
)
sources = dg.define_asset_job(SOURCES_JOB, selection=pulled, description="Pull from systems outside.")
inbox_job = dg.define_asset_job(
    INBOX_JOB, selection=dg.AssetSelection.assets("inbox_files"), description="Import the files of the drop folder."
)


def civil_key(context: dg.ScheduleEvaluationContext, form: str) -> str:
    """A tick's civil time as the key of its run: a tick that comes twice (restart, clock set back) runs once."""
    return context.scheduled_execution_time.astimezone(ZoneInfo(SETTINGS.timezone)).strftime(form)


@dg.schedule(
    cron_schedule=f"{MINUTE} {HOUR} * * *",
    execution_timezone=SETTINGS.timezone,
    job=main,
    name="main_schedule",
    default_status=dg.DefaultScheduleStatus.RUNNING if _ON else dg.DefaultScheduleStatus.STOPPED,
    description="The main job, daily at schedule.daily_at in the company's civil time.",
)
def main_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=civil_key(context, "%Y-%m-%d"))


@dg.schedule(
    cron_schedule=f"{SETTINGS.schedule.sync_minute} * * * *",
    execution_timezone=SETTINGS.timezone,
    job=sources,
    name="sources_schedule",
    default_status=dg.DefaultScheduleStatus.RUNNING if _PULLS else dg.DefaultScheduleStatus.STOPPED,
    description="Systems outside, every hour; on when there is a connection.",
)
def sources_hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=civil_key(context, "%Y-%m-%dT%H%z"))


@dg.sensor(
    job=inbox_job,
    name="inbox_sensor",
    minimum_interval_seconds=SETTINGS.inbox.look_seconds,
    default_status=dg.DefaultSensorStatus.RUNNING if _ON else dg.DefaultSensorStatus.STOPPED,
    description="Asks for one import run when files have come to rest in the drop folder.",
)
def inbox_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """The cursor is where the lake stands, for people to see; which run a file gets is decided by content."""
    settings = Settings()
    inbox.prepare(settings)
    files, fresh = inbox.waiting(settings, datetime.now(UTC))
    if not files:
        return dg.SkipReason(f"nothing has come to rest; {fresh} file(s) still being written")
    underway = context.instance.get_runs_count(dg.RunsFilter(job_name=INBOX_JOB, statuses=UNDERWAY))
    if underway:
        return dg.SkipReason("the run before still imports")
    head = Lake(settings.lake_dir).head()
    key = inbox.run_key(files, head)
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key)], cursor=json.dumps({"lake": head}))


@dg.run_failure_sensor(
    name="failure_alerts",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="One alert per failed run, by log, webhook and mail as set.",
)
def failure_alerts(context: dg.RunFailureSensorContext) -> None:
    run = context.dagster_run
    found = failure(context.instance, run.run_id)
    alerts.failed(
        Settings(),
        job=run.job_name,
        run_id=run.run_id,
        step=found.step,
        words=found.for_alert(),
        now=datetime.now(UTC),
    )


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    name="recovery_alerts",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="One notice when a job that had failed runs again.",
)
def recovery_alerts(context: dg.RunStatusSensorContext) -> None:
    run = context.dagster_run
    alerts.recovered(Settings(), job=run.job_name, run_id=run.run_id, now=datetime.now(UTC))
