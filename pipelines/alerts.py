"""Somebody is told: once per failed run, in plain words, without personal values; and once when it runs again.

The log ``logs/alerts.jsonl`` of the home is written first and is what "once" is decided by, whoever notices the failure
(``scrm run`` itself, Dagster's sensor, the next run that finds a dead one). Then webhook and mail, as set. A channel
that fails is written to the log and to stderr's logger; it never hides what it was to report.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from filelock import FileLock

from models.errors import ExpectedError
from models.settings import AlertSettings, Settings
from pipelines.channels import smtp, webhook
from pipelines.warehouse import RunInProgressError

Kind = Literal["failed", "recovered"]
LOG = "alerts.jsonl"
LOCK_SECONDS = 30
LONGEST_WORDS = 400
TRIES = 2

_SECRETS = re.compile(r"(?i)\b(access_token|token|secret|password|key|code)=[^&\s\"']+")
#: Phone and card numbers, mail addresses, WeCom and WeChat ids, hashes: what could name a person, or a key.
_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|\b(?:w[mo]|o)[A-Za-z0-9_-]{20,}"
    r"|\+?\d(?:[ -]?\d){7,}[Xx]?"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """``at`` is UTC. ``step`` and ``words`` are empty for a recovery."""

    kind: Kind
    company: str
    job: str
    run_id: str
    at: datetime
    step: str = ""
    words: str = ""

    @property
    def key(self) -> str:
        return f"{self.run_id}-{self.kind}"

    def subject(self, language: str) -> str:
        if language == "zh":
            state = "运行失败" if self.kind == "failed" else "已恢复正常"
            return f"Siyu {self.company}：{self.job} {state}"
        state = "failed" if self.kind == "failed" else "runs again"
        return f"Siyu {self.company}: {self.job} {state}"

    def text(self, language: str) -> str:
        """What a person reads."""
        if self.kind == "recovered":
            words = (
                "恢复后的第一次运行已完成。" if language == "zh" else "The first run after the failure has ended well."
            )
            return f"{self.subject(language)}\n{words}"
        if language == "zh":
            where = f"步骤 {self.step}：" if self.step else ""
            return (
                f"{self.subject(language)}\n{where}{self.words}\n"
                f"页面仍显示上一次发布的数据。请在服务器上执行 scrm doctor 查看原因。\n运行编号 {self.run_id}"
            )
        where = f"step {self.step}: " if self.step else ""
        return (
            f"{self.subject(language)}\n{where}{self.words}\n"
            f"Pages stay on the last published data. On the server, `scrm doctor` says more.\nrun {self.run_id}"
        )


def without_personal_values(words: str) -> str:
    """First line, shortened, with everything that could name a person or be a key replaced. Dates stay."""
    line = _SECRETS.sub(r"\1=***", (words.strip().splitlines() or [""])[0])
    line = _PERSONAL.sub(lambda match: match[0] if _DATE.fullmatch(match[0]) else "***", line)
    return line[:LONGEST_WORDS]


def words_of(error: BaseException) -> str:
    """Our own errors are written for people. Others may quote a row: their class has to do."""
    told = getattr(error, "failure", None)  # of a RunFailedError: knows whose words the step failed with
    if told is not None:
        return without_personal_values(told.for_alert())
    if isinstance(error, ExpectedError | OSError):
        return without_personal_values(str(error))
    return f"{type(error).__name__}; logs/run.log of the home and Dagster's page have the details"


def failed(settings: Settings, *, job: str, run_id: str, step: str, words: str, now: datetime) -> bool:
    """Report a failed run. Returns False when it was reported before."""
    words = without_personal_values(words)
    return _report(settings, Alert("failed", settings.company, job, run_id, now, step, words))


def recovered(settings: Settings, *, job: str, run_id: str, now: datetime) -> bool:
    """Report that a job runs again, when the last thing reported of it was a failure."""
    return _report(settings, Alert("recovered", settings.company, job, run_id, now))


class Watched:
    """``with Watched(…)``: a failure inside is reported and goes on; success after a failure is reported, too.

    Not reported: a run that was refused because another builds, and one that a person stopped.
    """

    def __init__(self, settings: Settings, job: str, run_id: str) -> None:
        self._settings, self._job, self._run_id = settings, job, run_id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, RunInProgressError | KeyboardInterrupt):
            return
        now = datetime.now(UTC)
        try:
            if error is None:
                recovered(self._settings, job=self._job, run_id=self._run_id, now=now)
            else:
                step = getattr(getattr(error, "failure", None), "step", "")
                failed(self._settings, job=self._job, run_id=self._run_id, step=step, words=words_of(error), now=now)
        except OSError as broken:  # a full disk: the failure itself must still be seen
            _log.error("the alert could not be logged: %s", broken)


def log_file(settings: Settings) -> Path:
    return settings.home / "logs" / LOG


def logged(settings: Settings) -> list[dict[str, Any]]:
    """The alerts so far, in order: each with ``delivered``, channel → ``ok`` or the reason why not."""
    path = log_file(settings)
    if not path.exists():
        return []
    found: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:  # a line cut short by a full disk or a power cut
            continue
        key = f"{record['run_id']}-{record['kind']}"
        if "delivered" in record and key in found:
            found[key]["delivered"] |= record["delivered"]
        elif "delivered" not in record:
            found[key] = {**record, "delivered": {}}
    return list(found.values())


def _report(settings: Settings, alert: Alert) -> bool:
    with _locked(settings):
        known = logged(settings)
        if any(record["run_id"] == alert.run_id and record["kind"] == alert.kind for record in known):
            return False
        last = next((record for record in reversed(known) if record["job"] == alert.job), None)
        if alert.kind == "recovered" and (last is None or last["kind"] != "failed"):
            return False
        _append(settings, {**asdict(alert), "at": alert.at.isoformat(timespec="seconds")})
    delivered = deliver(settings, alert)
    if delivered:
        _append(settings, {"run_id": alert.run_id, "kind": alert.kind, "delivered": delivered})
    return True


def deliver(settings: Settings, alert: Alert) -> dict[str, str]:
    """Send by every channel that is set: channel → ``ok``, or why not. Raises nothing that a channel can meet."""
    return {name: _tried(name, send) for name, send in _channels(settings, alert).items()}


def _tried(name: str, send: Callable[[], None]) -> str:
    reason = ""
    for _ in range(TRIES):
        try:
            send()
        except (webhook.WebhookError, smtp.MailError) as error:
            reason = str(error)
        else:
            return "ok"
    _log.error("alert not sent by %s: %s", name, reason)
    return reason


def _channels(settings: Settings, alert: Alert) -> dict[str, Callable[[], None]]:
    chosen, language = settings.alerts, settings.dashboard.language
    found: dict[str, Callable[[], None]] = {}
    if chosen.webhook_url.get_secret_value():
        found["webhook"] = lambda: webhook.post(
            chosen.webhook_url.get_secret_value(),
            body(alert, chosen, language),
            hosts=chosen.webhook_hosts,
            secret=chosen.webhook_secret.get_secret_value(),
            key=alert.key,
            now=alert.at,
        )
    if chosen.smtp_host:
        found["mail"] = lambda: smtp.send(
            alert.subject(language),
            alert.text(language),
            host=chosen.smtp_host,
            port=chosen.smtp_port,
            user=chosen.smtp_user,
            password=chosen.smtp_password.get_secret_value(),
            sender=chosen.mail_from,
            to=chosen.mail_to,
            message_id=alert.key,
        )
    return found


def body(alert: Alert, chosen: AlertSettings, language: str) -> dict[str, Any]:
    """The webhook's JSON: our own fields, or a WeCom group robot's message."""
    if chosen.webhook_format == "wecom":
        return {"msgtype": "text", "text": {"content": alert.text(language)}}
    record = {**asdict(alert), "at": alert.at.isoformat(timespec="seconds")}
    return {**record, "text": alert.text(language)}


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    path = log_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS):
        yield


def _append(settings: Settings, record: dict[str, Any]) -> None:
    """One line, in one write: a reader sees all of it or none."""
    line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
    descriptor = os.open(log_file(settings), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
