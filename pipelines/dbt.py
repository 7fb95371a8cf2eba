"""dbt, run inside this process: parsed once, then one invocation per tag. No Dagster here.

A dbt process costs six seconds of imports before any work, an invocation in a process that has parsed a quarter of one
(docs/decisions/0005-dbt-in-process.md). The engine is released after each invocation, so that a Python step may read
what it built.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner, dbtRunnerResult
from filelock import FileLock

from models.settings import Engine
from pipelines.engines import RunningEngine

PARSE_SECONDS = 300
BUILDING = "SCRM_BUILDING"
#: The places that dbt is told while it parses. dbt parses anew when they differ from the last time, so they never do.
PARSED_FOR = {
    BUILDING: "folder-of-the-build",
    "SCRM_WAREHOUSE": "warehouse.duckdb",  # its name is the name of the database
    "SCRM_WAREHOUSE_MEMORY": "3GB",
}
FAILED = {"error", "fail", "runtime error"}


class DbtFailedError(Exception):
    """A model or test failed; the message names it and says what the engine said."""


@dataclass(frozen=True)
class Node:
    """One finished model or test. ``status`` is dbt's own word (success, pass, warn, fail, error, skipped)."""

    unique_id: str
    name: str
    kind: str  # model, test, unit_test
    status: str
    failures: int
    seconds: float
    message: str

    @property
    def passed(self) -> bool:
        return self.status in ("success", "pass")


class DbtProject:
    """A dbt project with its manifest, which is the same for every home: SCRM_WAREHOUSE and SCRM_BUILDING say where a
    build takes place, and are read when it begins."""

    def __init__(self, folder: Path, kind: Engine = Engine.DUCKDB) -> None:
        self.folder = folder
        self.kind = kind
        # apart, because a parse for the other engine would throw away what dbt remembers of this one
        self.target = folder / "target" if kind is Engine.DUCKDB else folder / "target" / kind
        self.manifest_path = self.target / "manifest.json"

    @cached_property
    def manifest(self) -> Any:
        """Parsed, with what dbt remembers of the last time; also written to ``manifest_path``.

        Raises DbtFailedError with dbt's words.
        """
        self.target.mkdir(parents=True, exist_ok=True)
        with FileLock(self.target / ".parsing", timeout=PARSE_SECONDS), environment(PARSED_FOR):
            parsed = dbtRunner().invoke(["parse", *self._options(), "--target-path", str(self.target)])
        _raise(parsed, [])
        return parsed.result

    def build(
        self, tag: str, target: Path, engine: RunningEngine, *, before: Path | None = None, graph: bool = False
    ) -> Iterator[Node]:
        """Build and test everything with a tag, nodes as they finish; compiled SQL goes to ``target``, and with
        ``graph`` a manifest.json. ``before``: tables of the run that this one goes on from (``pipelines.increments``).

        Raises DbtFailedError at the end when anything failed: what stands beside it has been built all the same.
        """
        engine.ready()
        finished: queue.SimpleQueue[Node | dbtRunnerResult] = queue.SimpleQueue()

        def hear(event: Any) -> None:
            if event.info.name == "NodeFinished":
                finished.put(_node(event.data))
            elif event.info.level in ("warn", "error"):
                sys.stdout.write(f"{event.info.msg}\n")  # it goes into the run's log

        arguments = ["build", "--select", f"tag:{tag}", "--exclude-resource-type", "unit_test"]
        if before is not None:
            arguments += ["--vars", json.dumps({"before": str(before)})]
        if not graph:
            arguments.append("--no-write-json")  # half a second for files that nobody reads

        def work() -> None:
            finished.put(self.invoke(arguments, target, hear))

        worker = threading.Thread(target=work, name=f"dbt-{tag}")
        worker.start()
        nodes: list[Node] = []
        while isinstance(found := finished.get(), Node):
            nodes.append(found)
            yield found
        worker.join()
        engine.release()
        _raise(found, nodes)

    def invoke(self, arguments: Sequence[str], target: Path, *callbacks: Callable[[Any], None]) -> dbtRunnerResult:
        """One invocation of dbt on what was parsed, in the places that the environment names; nothing is raised."""
        runner = dbtRunner(manifest=self.manifest_here(), callbacks=list(callbacks))
        return runner.invoke([*arguments, *self._options(), "--target-path", str(target)])

    def manifest_here(self) -> Any:
        """A manifest for one invocation, which compiles into it, with the sources in the building folder of now."""
        manifest = self.manifest.deepcopy()
        building = os.environ[BUILDING].replace("'", "''")
        for source in manifest.sources.values():
            place = source.meta["external_location"]
            source.meta["external_location"] = place.replace(PARSED_FOR[BUILDING], building)
        return manifest

    def _options(self) -> list[str]:
        here = str(self.folder)
        places = ["--project-dir", here, "--profiles-dir", here, "--target", str(self.kind)]
        # dbt would write a line for each of its ten thousand events, and then drop it
        return [*places, "--log-level", "none", "--log-level-file", "none"]


def _node(data: Any) -> Node:
    info, result = data.node_info, data.run_result
    return Node(
        unique_id=info.unique_id,
        name=info.node_name,
        kind=info.resource_type,
        status=str(info.node_status).lower(),
        failures=int(result.num_failures),
        seconds=float(result.execution_time),
        message=str(result.message),
    )


def _raise(result: dbtRunnerResult, nodes: list[Node]) -> None:
    if result.success:
        return
    failed = [f"{node.kind} {node.name}: {node.message.strip()}" for node in nodes if node.status in FAILED]
    if failed:
        raise DbtFailedError("; ".join(failed))
    raise DbtFailedError(f"dbt could not start: {result.exception}") from result.exception


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for a while; then they are what they were."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
