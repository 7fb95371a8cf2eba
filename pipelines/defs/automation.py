"""Jobs and schedules: when the road is walked."""

import dagster as dg

MAIN_JOB = "main"
SOURCES_JOB = "sources"

from_outside = dg.AssetSelection.assets("wecom_observations")

main = dg.define_asset_job(
    MAIN_JOB,
    selection=dg.AssetSelection.all() - from_outside,
    description="Land what people wrote, freeze the pair, build, decide, publish.",
)
sources = dg.define_asset_job(SOURCES_JOB, selection=from_outside, description="Pull from systems outside.")

sources_hourly = dg.ScheduleDefinition(job=sources, cron_schedule="40 * * * *", execution_timezone="Asia/Shanghai")
main_hourly = dg.ScheduleDefinition(job=main, cron_schedule="0 * * * *", execution_timezone="Asia/Shanghai")
