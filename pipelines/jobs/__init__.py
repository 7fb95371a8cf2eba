"""What the worker can do: one handler per kind of job, imported when it is first asked for.

A handler gets the job, the workspace and ``tell``; it returns the job's result, which is JSON. It may be begun again
after any death, so it must be a no-op the second time. Errors that a person can mend are ExpectedError.
"""

import importlib
from collections.abc import Callable
from typing import Any

from models.store import Job
from pipelines.workspace import Workspace

#: ``tell(done, steps, now)``: how far a job is, for the person who waits; cheap, call it as often as you like.
Tell = Callable[[int, int, str], None]
Handler = Callable[[Job, Workspace, Tell], dict[str, Any]]

#: kind → module of ``pipelines.jobs`` that has the function ``handle_<kind>``
KINDS = {
    "propose_import": "proposals",
    "import_file": "imports",
    "run": "runs",
    "export_audience": "exports",
    "simulate_identity": "simulations",
    "simulate_settlement": "simulations",
    "propose_rulebook": "publications",
    "approve_rulebook": "publications",
}


def handler(kind: str) -> Handler:
    """The handler of a kind. Raises KeyError for an unknown one."""
    module = importlib.import_module(f"pipelines.jobs.{KINDS[kind]}")
    found: Handler = getattr(module, f"handle_{kind}")
    return found
