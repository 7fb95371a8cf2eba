"""Run inside a mount namespace of its own: a small file system, filled to every level, or read-only.

``python -m tests.faults.small_disk full|readonly FOLDER`` prints one JSON document.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.conftest import ID_KEY, scrm_command
from tests.faults.conftest import EVERYTHING, KILLS
from tests.faults.tiny_company import COUNTS, TinyCompany
from tests.faults.works import WORKS, Work, marts

MEGABYTE = 1 << 20
DISK = 96 * MEGABYTE
#: Every level in the benchmark, every second one in `make test`.
EVERY = 1 if KILLS >= EVERYTHING else 2
#: Free space at which each work is tried. Fine steps first: small files and the journals of SQLite end there.
FREE = [
    *(step * 16384 for step in range(0, 12, EVERY)),
    *(step * 131072 for step in range(2, 8, EVERY)),
    *(4 * MEGABYTE, 32 * MEGABYTE),
]
STEPS_OF_A_RUN = [0, 65536, 262144, MEGABYTE, 2 * MEGABYTE, 4 * MEGABYTE, 64 * MEGABYTE][::EVERY]


def mount(folder: Path, name: str) -> Path:
    """A file system of its own; it goes with the namespace."""
    disk = folder / name
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)], check=True)
    return disk


def leave(disk: Path, free: int) -> Path:
    """Fill the disk but for so many bytes."""
    filler = disk / "filler"
    state = os.statvfs(disk)
    size = max(0, state.f_bavail * state.f_frsize - free)
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, size)
    return filler


def doors(folder: Path, work: Work) -> Counter[str]:
    """The work at every level of free space; then again with space."""
    ready, disk = folder / f"{work.name}-ready", mount(folder, f"disk-{work.name}")
    work.prepare(ready)
    clean = shutil.copytree(ready, folder / f"{work.name}-clean")
    work.act(clean)
    expected, outcomes = work.state(clean), Counter[str]()
    for free in FREE:
        home = shutil.copytree(ready, disk / "home")
        filler = leave(disk, free)
        try:
            work.act(home)
            outcomes["through"] += 1
        except Exception as error:  # noqa: BLE001 - each engine has its own; what counts is what they leave
            assert is_about_space(error), f"{work.name} with {free} bytes: {error!r}"
            outcomes["refused"] += 1
        filler.unlink()
        work.holds(home)
        work.act(home)
        assert work.state(home) == expected, f"{work.name} with {free} bytes free"
        shutil.rmtree(home)
    return outcomes


def runs(folder: Path) -> Counter[str]:
    """A run's own steps at several levels: readers keep generation 1 or get generation 2, whole."""
    disk = mount(folder, "disk-run")
    clean = TinyCompany(folder / "clean-run")
    clean.run(1)
    clean.run(2)
    outcomes = Counter[str]()
    for free in STEPS_OF_A_RUN:
        company = TinyCompany(disk / "home")
        company.run(1)
        filler = leave(disk, free)
        try:
            company.run(2, fresh=True)
            outcomes["through"] += 1
        except Exception as error:  # noqa: BLE001 - the same
            assert is_about_space(error), f"a run with {free} bytes: {error!r}"
            outcomes["refused"] += 1
        filler.unlink()
        assert len(set(_shown(company))) == 1
        assert company.lake.verify() == []
        company.run(2, fresh=True)
        assert marts(company.published) == marts(clean.published), f"a run with {free} bytes free"
        shutil.rmtree(company.home)
    return outcomes


def _shown(company: TinyCompany) -> tuple[int, ...]:
    from models.serving import Snapshots

    return Snapshots(company.published).current().query(COUNTS, {}).row(0)


def is_about_space(error: BaseException | None) -> bool:
    """Somewhere in the chain stand the words of the system, of DuckDB or of SQLite."""
    while error is not None:
        words = str(error).lower()
        if any(known in words for known in ("no space left", "disk is full", "disk i/o error", "could not write")):
            return True
        error = error.__cause__ or error.__context__
    return False


def readonly(folder: Path) -> dict[str, tuple[int, str]]:
    """What commands say on a file system that was mounted read-only: exit code and words."""
    disk = mount(folder, "disk")
    home = disk / "home"
    WORKS["import"].prepare(home)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    settings = {**os.environ, "SCRM_HOME": str(home), "SCRM_ID_KEY": ID_KEY}
    mapping = folder / "orders.map.yaml"
    mapping.write_text(
        "dataset: orders\nconstants: {currency: CNY, timezone: Asia/Shanghai, store_id: S1}\n"
        "columns: {order_id: order, ordered_at: at, product_id: sku, quantity: pieces, unit_price: price}\n"
    )
    answers = {}
    for command in (["import", str(home / "orders.csv"), "--as", "orders", "--map", str(mapping)], ["run"]):
        done = subprocess.run(scrm_command(*command), env=settings, capture_output=True, text=True, timeout=300)
        answers[command[0]] = (done.returncode, done.stderr)
    return answers


if __name__ == "__main__":
    kind, where = sys.argv[1], Path(sys.argv[2])
    if kind == "full":
        found = {name: dict(doors(where, work)) for name, work in WORKS.items()} | {"run": dict(runs(where))}
    else:
        found = readonly(where)
    print(json.dumps(found))  # noqa: T201 - the answer to the test that started this
