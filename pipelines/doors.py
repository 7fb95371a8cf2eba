"""Files with a form of their own, which need no mapping: how each is imported, by the name of its inbox folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines.sources.bills.importing import import_bills
from pipelines.sources.bills.lines import Told
from pipelines.sources.chat_archive import import_chat
from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Landed:
    """What became of a file. ``rows`` = ``accepted`` + ``quarantined`` + ``skipped``; ``repeated``: all was there.

    ``seq``: the last batch in which it stands.
    """

    seq: int
    rows: int
    accepted: int
    quarantined: int
    skipped: int = 0
    repeated: bool = False


Door = Callable[[Path, Workspace], Landed]


def bills(path: Path, workspace: Workspace) -> Landed:
    """Bills of payment channels, as they were downloaded. Raises FileRefusedError."""
    reports = import_bills(path, lake=workspace.lake, told=Told(unnamed=only_merchant(workspace)))
    return Landed(
        seq=max(report.seq for report in reports),
        rows=sum(report.rows for report in reports),
        accepted=sum(report.accepted for report in reports),
        quarantined=sum(report.quarantined for report in reports),
        repeated=all(report.repeated for report in reports),
    )


def only_merchant(workspace: Workspace) -> str | None:
    """The merchant of WeChat Pay whose bills are read, when there is one: a fund bill names none."""
    merchants = {
        str(connection.options().get("merchant_id", ""))
        for connection in workspace.settings.connections.values()
        if connection.system == "wechat_pay"
    } - {""}
    return merchants.pop() if len(merchants) == 1 else None


def chat_messages(path: Path, workspace: Workspace) -> Landed:
    """Messages of the WeCom chat archive as JSON lines. Raises FileRefusedError."""
    report = import_chat(path, workspace.lake, corp_id=only_corp(workspace))
    return Landed(
        seq=report.seq,
        rows=report.rows,
        accepted=report.accepted,
        quarantined=report.quarantined,
        skipped=report.skipped,
        repeated=report.repeated,
    )


def only_corp(workspace: Workspace) -> str:
    """The WeCom corp that is connected, when there is one: lines of an archive need not say whose they are."""
    corps = {
        str(connection.options().get("corp_id", ""))
        for connection in workspace.settings.connections.values()
        if connection.system == "wecom"
    } - {""}
    return corps.pop() if len(corps) == 1 else ""


DOORS: dict[str, Door] = {"bills": bills, "chat_messages": chat_messages}
