"""What is wrong with an installation, and what to do: each check answers with a state, words and a remedy.

Looking changes nothing: nothing is created, migrated, swept or reaped. The quick look reads the lake's manifest and the
sizes of its files; ``full`` reads every byte of the lake, the store and the current snapshot.
"""

import importlib.metadata
import json
import os
import re
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from filelock import FileLock, Timeout

from models.errors import ExpectedError
from models.files import file_sha256
from models.serving.pointer import available, read_pointer
from models.settings import PROJECT_ROOT, Settings
from models.store.tables import HEAD
from pipelines import alerts, inbox
from pipelines.backup import LAST_BACKUP
from pipelines.lake import ZONES, Lake
from pipelines.warehouse import Warehouse

State = Literal["ok", "warning", "error"]
LITTLE_SPACE, TOO_LITTLE_SPACE = 5 << 30, 1 << 30
BACKUP_DAYS = 7
LOCK_FILE = PROJECT_ROOT / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)\s*(;[^\\]*)?", flags=re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """``remedy`` is empty when the state is ok."""

    check: str
    state: State
    words: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


Check = Callable[[Settings, bool, datetime], Iterator[Finding]]


def examine(settings: Settings, *, full: bool, now: datetime) -> list[Finding]:
    """Every check, in order. ``now`` is aware. A check that cannot be made because of damage says so itself."""
    return [finding for check in CHECKS for finding in _checked(check, settings, full, now)]


def _checked(check: Check, settings: Settings, full: bool, now: datetime) -> list[Finding]:
    name = check.__name__.strip("_").replace("_", " ")
    try:
        return list(check(settings, full, now))
    except ExpectedError as error:
        return [
            Finding(name, "error", str(error), "the message says what to do; `scrm restore` when nothing else helps")
        ]
    except (OSError, sqlite3.Error, ValueError) as error:
        return [Finding(name, "error", str(error), "check that the user who runs `scrm` owns the home and may read it")]


def _home(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    home = settings.home
    standing = next(path for path in (home, *home.parents) if path.exists())
    if not standing.is_dir():
        yield Finding("home", "error", f"{standing} is a file", "set SCRM_HOME to a folder")
        return
    if not os.access(standing, os.W_OK | os.X_OK):
        yield Finding("home", "error", f"{standing} cannot be written", "give it to the user who runs `scrm`")
        return
    yield Finding("home", "ok", str(home) if home.exists() else f"{home} is not there yet; the first import makes it")
    free = shutil.disk_usage(standing).free
    state: State = "error" if free < TOO_LITTLE_SPACE else "warning" if free < LITTLE_SPACE else "ok"
    remedy = "" if state == "ok" else "free space, or move the home to a larger disk; the next run may fail"
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free", remedy)


def _lake(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:
    lake = Lake(settings.lake_dir)
    entries = lake.entries()
    files = [file for entry in entries for file in entry.files]
    if full:
        problems = lake.verify()
    else:
        sizes = {file.path: (lake.root / file.path).stat().st_size for file in files if _there(lake.root / file.path)}
        problems = [f"{file.path}: missing or of another size" for file in files if sizes.get(file.path) != file.bytes]
    how = "every byte read" if full else "sizes compared; --full reads every byte"
    if problems:
        shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        yield Finding("lake", "error", shown, "put the named files back from a backup; no run uses them until then")
    else:
        yield Finding("lake", "ok", f"{len(entries)} batches, {len(files)} files ({how})")
    if entries:
        ahead = datetime.fromisoformat(entries[-1].landed_at) - now
        if ahead > timedelta(minutes=5):
            yield Finding(
                "clock", "error", f"the newest batch landed {ahead} in the future", "set this machine's clock right"
            )
        else:
            yield Finding("clock", "ok", f"newest batch {entries[-1].landed_at}")
    named = {file.path for file in files}
    extra = [str(p.relative_to(lake.root)) for zone in ZONES for p in (lake.root / zone).glob("*/*")]
    left = [path for path in extra if path not in named] + [p.name for p in (lake.root / "writing").glob("*")]
    if left:
        yield Finding("leftovers", "warning", f"{len(left)} file(s) of imports that died or still go on",
                      "nothing: the next `scrm run` sweeps them")  # fmt: skip


def _there(path: Path) -> bool:
    return path.is_file()


def _store(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    database = sa.make_url(settings.store_address).database or ""
    if not Path(database).exists():
        yield Finding("store", "ok", "not there yet; the first consent or user makes it")
        return
    with closing(sqlite3.connect(f"{Path(database).resolve().as_uri()}?mode=ro", uri=True)) as connection:
        pragma = "integrity_check" if full else "quick_check"
        (verdict,) = connection.execute(f"pragma {pragma}").fetchone()
        (version,) = connection.execute("select version_num from alembic_version").fetchone()
    if verdict != "ok":
        yield Finding("store", "error", f"{database}: {verdict}", "restore it from a backup")
    elif version != HEAD:
        yield Finding("store", "warning", f"tables of version {version}, this release has {HEAD}",
                      "nothing when older: the next command migrates it; when newer, upgrade this release")  # fmt: skip
    else:
        yield Finding("store", "ok", f"{database}, version {version}")
    if (mode := Path(database).stat().st_mode & 0o077) != 0:
        yield Finding("store", "warning", f"others may read {database} (mode {mode:o})", f"chmod 600 {database}")


def _snapshot(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    folder = settings.published_dir
    current = read_pointer(folder) if folder.exists() else None
    if current is None:
        yield Finding("snapshot", "warning", "nothing is published", "import files, then `scrm run`")
        return
    path = folder / current.file
    damaged = not path.exists() or path.stat().st_size != current.bytes or file_sha256(path) != current.sha256
    if damaged:
        yield Finding("snapshot", "error", f"{current.file} is missing or damaged; readers get an older one",
                      "`scrm run` publishes anew")  # fmt: skip
    else:
        kept = len(available(folder))
        yield Finding("snapshot", "ok", f"{current.version}, data to {current.business_date}, {kept} kept")
    if drafts := [item.name for item in folder.glob("*.tmp*")]:
        yield Finding("drafts", "warning", f"left in {folder}: {', '.join(drafts)}",
                      "nothing: the next `scrm run` sweeps them")  # fmt: skip


def _runs(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    lock = Warehouse(settings).building.parent / ".lock"
    if lock.exists():
        try:
            with FileLock(lock, blocking=False):
                yield Finding("warehouse", "ok", "free")
        except Timeout:
            yield Finding("warehouse", "warning", "a run builds here now", "wait for it; it frees itself when it ends")
    if not (settings.dagster_dir / "dagster.yaml").exists():
        return
    from pipelines.runner import dead  # Dagster takes seconds to import

    gone = dead(settings, now)
    if gone:
        yield Finding("dead runs", "warning", f"{len(gone)} run(s) whose process is gone: {', '.join(gone)}",
                      "nothing: the next `scrm run` or `scrm up` reports them and frees their slots")  # fmt: skip
    else:
        yield Finding("dead runs", "ok", "none")


def _alerts(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    known = alerts.logged(settings)
    lost = [record for record in known if any(result != "ok" for result in record["delivered"].values())]
    if lost:
        why = "; ".join(f"{name}: {result}" for name, result in lost[-1]["delivered"].items() if result != "ok")
        yield Finding("alerts", "warning", f"{len(lost)} alert(s) did not get through, the last because {why}",
                      "mend [alerts] in the settings")  # fmt: skip
    newest = {record["job"]: record for record in known}
    for job, record in newest.items():
        if record["kind"] == "failed":
            yield Finding("last run", "error", f"{job} failed at {record['at']}: {record['step']} {record['words']}",
                          "mend what it names, then run again")  # fmt: skip
    if not settings.alerts.webhook_url.get_secret_value() and not settings.alerts.smtp_host:
        yield Finding("alerts", "warning", "a failure is written to logs/alerts.jsonl only", "set [alerts]")
    host = urlsplit(settings.alerts.webhook_url.get_secret_value()).hostname
    if host and host not in settings.alerts.webhook_hosts:
        yield Finding("alerts", "error", f"{host} is not in alerts.webhook_hosts: nothing is sent", "add it there")


def _inbox(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    ready, fresh = inbox.waiting(settings, now)
    broken = list((settings.inbox_dir / inbox.FAILED).glob("*/*.note.txt"))
    if ready:
        yield Finding("inbox", "warning", f"{len(ready)} file(s) wait", "`scrm inbox`, or leave `scrm up` running")
    if broken:
        yield Finding(
            "inbox", "warning", f"{len(broken)} refused file(s) in inbox/failed", "read the notes beside them"
        )
    if not ready and not broken:
        yield Finding("inbox", "ok", f"{fresh} file(s) being written" if fresh else "empty")


def _backups(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    if not settings.lake_dir.exists():
        return
    try:
        last = json.loads((settings.home / LAST_BACKUP).read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield Finding("backup", "warning", "there has been none", "`scrm backup FOLDER`, on another disk, every day")
        return
    age = now - datetime.fromisoformat(last["made_at"])
    words = f"{last['name']} in {last['folder']}, {age.days} day(s) old"
    if age > timedelta(days=BACKUP_DAYS):
        yield Finding("backup", "warning", words, f"`scrm backup {last['folder']}`")
    else:
        yield Finding("backup", "ok", words)


def _settings(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    local = now.astimezone(ZoneInfo(settings.timezone))
    yield Finding("time zone", "ok", f"{settings.timezone}, now {local:%Y-%m-%d %H:%M %z}")
    if not settings.rulebooks.is_dir():
        yield Finding("rule documents", "error", f"{settings.rulebooks} is not there", "set SCRM_RULEBOOKS right")


def _connections(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    """Each configured credential, tried with one cheap call."""
    if not settings.connections:
        yield Finding("connections", "ok", "none: files only")
        return
    from pipelines.sources import connections  # the connectors take a second to import
    from pipelines.sources.connector import Context

    context = Context(Lake(settings.lake_dir), settings)
    for name, given in settings.connections.items():
        if not given.enabled:
            yield Finding(name, "ok", f"{given.system}: off")
            continue
        try:
            with connections.opened(connections.Named(name, given), context) as connector:
                verdict = connector.check()
        except ExpectedError as error:
            yield Finding(name, "error", str(error), "mend what it names, then `scrm sources --check`")
        else:
            yield Finding(name, verdict.state, verdict.words, verdict.remedy)


def _ports(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    port = settings.dashboard.port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            yield Finding("port", "warning", f"port {port} is in use, perhaps by the dashboard that runs",
                          "nothing: the next free port is taken; or set dashboard.port")  # fmt: skip
        else:
            yield Finding("port", "ok", f"{port} is free")


def _packages(settings: Settings, full: bool, now: datetime) -> Iterator[Finding]:  # noqa: ARG001
    python = ".".join(str(part) for part in sys.version_info[:3])
    if not LOCK_FILE.exists():
        yield Finding("packages", "ok", f"Python {python}; installed without a lock file")
        return
    other = []
    for name, wanted, marker in _PIN.findall(LOCK_FILE.read_text(encoding="utf-8")):
        if marker:  # for other platforms or versions of Python
            continue
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of the development group
        if found != wanted:
            other.append(f"{name} {found} instead of {wanted}")
    if other:
        yield Finding(
            "packages", "warning", f"Python {python}; {'; '.join(other[:8])}", "`make setup` installs the lock"
        )
    else:
        yield Finding("packages", "ok", f"Python {python}; as in requirements.lock")


CHECKS: tuple[Check, ...] = (
    _settings, _home, _packages, _lake, _store, _snapshot, _runs, _alerts, _inbox, _backups, _connections, _ports,
)  # fmt: skip


def worst(findings: list[Finding]) -> State:
    states = {finding.state for finding in findings}
    return "error" if "error" in states else "warning" if "warning" in states else "ok"
