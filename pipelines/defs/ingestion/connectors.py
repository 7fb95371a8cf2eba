"""One multi-asset per installed connector: an asset for each of its streams, read for every connection of the settings.

Connectors of other packages are met here like those of this one, so the module has definitions and no loose assets.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from pipelines.defs.resources import Company, fresh_hourly
from pipelines.sources import connections, syncing

OWNERS = ["team:data"]
NETWORK_RETRIES, RETRY_SECONDS = 2, 120


def observations(system: str) -> dg.AssetsDefinition:
    """``<system>_observations``: assets ``<system>_<stream>``; a failed stream fails the step, once the others landed.

    A step that met a broken network is tried again twice; each stream goes on where it was.
    """
    kind = connections.connector_class(system)

    @dg.multi_asset(
        name=f"{system}_observations",
        group_name="ingestion",
        can_subset=True,
        specs=[
            dg.AssetSpec(
                f"{system}_{stream}",
                owners=OWNERS,
                kinds={system},
                description=f"{kind.title}: {stream}, of every connection; positions are committed with the rows.",
                freshness_policy=fresh_hourly(),
            )
            for stream in kind.stream_datasets
        ],
    )
    def read(context: dg.AssetExecutionContext, company: Company) -> Iterator[dg.MaterializeResult]:
        workspace = company.workspace
        wanted = [key.path[-1].removeprefix(f"{system}_") for key in context.selected_asset_keys]
        chosen = [one for one in connections.enabled(workspace.settings) if one.settings.system == system]
        reports = syncing.sync(workspace, chosen, datetime.now(UTC), streams=wanted)
        try:
            syncing.raise_failures(reports)
        except syncing.SyncError as error:
            if error.transient:
                raise dg.RetryRequested(max_retries=NETWORK_RETRIES, seconds_to_wait=RETRY_SECONDS) from error
            raise
        for stream in sorted(wanted):
            mine = [report for report in reports if report.stream == stream]
            yield dg.MaterializeResult(asset_key=f"{system}_{stream}", metadata=_metadata(mine))

    return read


def _metadata(reports: list[syncing.StreamReport]) -> dict[str, int | str]:
    if not reports:
        return {"state": "off: no connection of this system in the settings"}
    drift = sorted({name for report in reports for name in report.new_fields})
    return {
        "connections": len(reports),
        "rows": sum(report.landed for report in reports),
        "quarantined": sum(report.quarantined for report in reports),
        "known before": sum(report.repeated for report in reports),
        "bytes": sum(report.bytes for report in reports),
        "requests": sum(report.requests for report in reports),
        **({"new fields": ", ".join(drift)} if drift else {}),
    }


@dg.definitions
def connectors() -> dg.Definitions:
    return dg.Definitions(assets=[observations(system) for system in connections.systems()])
