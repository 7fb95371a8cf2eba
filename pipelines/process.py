"""Process analytics of any log, by the very SQL that the warehouse uses: dbt_project/macros/process.sql, put into words
by dbt's Jinja and run in a database of its own. No lake, no run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from models.settings import PROJECT_ROOT
from pipelines.dbt import DbtFailedError, DbtProject, environment
from pipelines.event_logs import EventLog
from pipelines.warehouse import DATABASE, ENGINE_CONFIG

_NEXT = "\n-- next figure\n"  # between two statements of one compilation
TARGETS_SCHEMA: Mapping[str, pl.DataType] = {
    "activity": pl.String(),
    "next_activity": pl.String(),
    "target_seconds": pl.Int64(),
    "waits_for": pl.String(),
}


@dataclass(frozen=True)
class ProcessFigures:
    """What the macros give, see there for the columns; durations are seconds.

    steps: grain event. cases: grain case. throughput: one row; working: the same in working time, None when no hours
    were given. edges, bottlenecks: grain (activity, next_activity); waiting and work: edges until the next activity
    began, and from then until it was done, where the log says when. rework: grain activity. variants: grain variant,
    the commonest first, with ``path`` (the activities of a case of it). ends: grain (place, activity). deadlines: one
    row.
    """

    steps: pl.DataFrame
    cases: pl.DataFrame
    throughput: pl.DataFrame
    working: pl.DataFrame | None
    edges: pl.DataFrame
    waiting: pl.DataFrame
    work: pl.DataFrame
    rework: pl.DataFrame
    variants: pl.DataFrame
    ends: pl.DataFrame
    bottlenecks: pl.DataFrame
    deadlines: pl.DataFrame


def analyse(
    log: EventLog, scratch: Path, targets: pl.DataFrame | None = None, hours: tuple[int, int] | None = None
) -> ProcessFigures:
    """Figures of a log. ``targets``: TARGETS_SCHEMA. ``hours``: working hours of Monday to Friday in the log's zone,
    for ``working`` and for bottlenecks. ``scratch``: a folder for what dbt writes.

    Raises DbtFailedError with the words of what failed.
    """
    tables = {
        "steps": "process_steps('events', started='started_at'" + (_clock(hours) if hours else "") + ")",
        "cases": f"process_cases('steps', working={bool(hours)})",
        "throughput": "process_throughput('cases')",
        **({"working": "process_throughput('cases', micros='working_micros')"} if hours else {}),
        "edges": "process_edges('steps')",
        "waiting": "process_edges('steps', micros='waiting_micros')",
        "work": "process_edges('steps', micros='work_micros')",
        "rework": "process_rework('steps')",
        "variants": "process_variants('cases')",
        "ends": "process_ends('cases')",
        "bottlenecks": "process_bottlenecks('steps', 'targets'" + (", micros='working_micros'" if hours else "") + ")",
        "deadlines": "process_deadlines('cases', 'due')",
    }
    statements = dict(zip(tables, _compiled(list(tables.values()), scratch.absolute()), strict=True))
    given = pl.DataFrame(schema=TARGETS_SCHEMA) if targets is None else targets.select(list(TARGETS_SCHEMA))
    with duckdb.connect(config=ENGINE_CONFIG) as connection:
        for name, frame in (("events", log.events), ("due", log.cases), ("targets", given)):
            connection.register(name, frame)
        found = {}
        for name, statement in statements.items():
            connection.execute(f"create table {name} as {statement}")
            found[name] = connection.table(name).pl()
    return _ordered(found)


def _clock(hours: tuple[int, int]) -> str:
    return f", opens={hours[0]}, closes={hours[1]}, clock='civil_at'"


def _ordered(found: dict[str, pl.DataFrame]) -> ProcessFigures:
    steps = found["steps"].sort("case_id", "step_no")
    variants = found["variants"].sort("cases_count", "example_case_id", descending=[True, False])
    examples = steps.join(variants, left_on="case_id", right_on="example_case_id", how="semi")
    paths = examples.group_by("case_id", maintain_order=True).agg(path=pl.col("activity"))
    return ProcessFigures(
        steps=steps,
        cases=found["cases"].sort("case_id"),
        throughput=found["throughput"],
        working=found.get("working"),
        edges=_by_share(found["edges"]),
        waiting=_by_share(found["waiting"]),
        work=_by_share(found["work"]),
        rework=found["rework"].sort("rework_cases", "activity", descending=[True, False]),
        variants=variants.join(paths, left_on="example_case_id", right_on="case_id", how="left", maintain_order="left"),
        ends=found["ends"].sort("place", "cases_count", "activity", descending=[True, True, False]),
        bottlenecks=found["bottlenecks"].sort("waits_for", "place", descending=[True, False]),
        deadlines=found["deadlines"],
    )


def _by_share(edges: pl.DataFrame) -> pl.DataFrame:
    return edges.sort("share", "activity", "next_activity", descending=[True, False, False])


def _compiled(calls: list[str], scratch: Path) -> list[str]:
    """The SQL of macro calls, by one invocation of dbt, for DuckDB."""
    inline = _NEXT.join("{{ " + call + " }}" for call in calls)
    arguments = ["compile", "--inline", inline, "--log-level", "none"]
    with environment({"SCRM_BUILDING": str(scratch), "SCRM_WAREHOUSE": str(scratch / DATABASE)}):
        done = DbtProject(PROJECT_ROOT / "dbt_project").invoke(arguments, scratch / "target")
    if not done.success:
        raise DbtFailedError(f"dbt could not read the process macros: {done.exception}") from done.exception
    compiled = str(done.result.results[0].node.compiled_code)  # type: ignore[union-attr]
    return compiled.split(_NEXT)
