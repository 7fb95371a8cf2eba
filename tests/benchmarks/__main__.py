"""``make bench``: every ``bench_*.py`` beside this file, one JSON document on stdout.

A module's ``measure()`` returns figures with a named alternative measured in the same run, or None when its data is
not here. Names given as arguments choose modules: ``make bench ARGS="import"``.
"""

import importlib
import json
import os
import platform
import sys
from pathlib import Path


def main(names: list[str]) -> None:
    found = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    chosen = [module for module in found if not names or module.removeprefix("bench_") in names]
    results: dict[str, object] = {"machine": {"cores": os.cpu_count(), "python": platform.python_version()}}
    for module in chosen:
        print(f"measuring {module.removeprefix('bench_')} …", file=sys.stderr)
        results[module.removeprefix("bench_")] = importlib.import_module(f"tests.benchmarks.{module}").measure()
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
