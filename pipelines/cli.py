"""``scrm``: the command line. Each noun has its module in ``pipelines.commands``, imported when it is called.

Exit codes of every command: 0 done, 1 failed (the message says why), 2 wrong usage, 3 a person must confirm.
"""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from pipelines.commands.output import answered

#: name → (module of ``pipelines.commands``, a function of it, or "app" for a noun with verbs)
COMMANDS = {
    "import": ("imports", "import_"),
    "import-bill": ("bills", "import_bill"),
    "import-chat": ("chat", "import_chat"),
    "sync": ("sources", "sync"),
    "sources": ("sources", "sources"),
    "run": ("runs", "run"),
    "demo": ("demo", "demo"),
    "dashboard": ("screens", "dashboard"),
    "up": ("screens", "up"),
    "settings": ("project", "settings"),
    "card": ("project", "card"),
    "docs": ("project", "docs"),
    "quarantine": ("quarantine", "app"),
    "snapshots": ("snapshots", "app"),
    "lake": ("lake", "app"),
    "settlement": ("settlement", "app"),
    "reconcile": ("reconcile", "app"),
    "why": ("why", "why"),
    "audience": ("audiences", "app"),
    "tags": ("tags", "app"),
    "consents": ("consents", "app"),
    "identity": ("identity", "app"),
    "customer": ("customer", "app"),
    "process": ("process", "process"),
    "users": ("users", "app"),
    "jobs": ("jobs", "app"),
    "sandbox": ("sandbox", "app"),
    "inbox": ("inbox", "inbox"),
    "backfill": ("backfill", "backfill"),
    "backup": ("backup", "backup"),
    "restore": ("backup", "restore"),
    "doctor": ("doctor", "doctor"),
}


class Commands(TyperGroup):
    """Loads a command when it is asked for: all of them together take five seconds to import."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is Typer's
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module_name, attribute = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f"pipelines.commands.{module_name}"), attribute)
        if isinstance(found, typer.Typer):
            return _named(typer.main.get_group(found), cmd_name)
        single = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_show_locals=False, add_completion=False)
        single.command(cmd_name)(found)
        return typer.main.get_command(single)

    def invoke(self, ctx: Any) -> Any:
        with answered():
            return super().invoke(ctx)


def _named(command: Any, name: str) -> Any:
    command.name = name
    return command


app = typer.Typer(
    name="scrm", cls=Commands, no_args_is_help=True, pretty_exceptions_show_locals=False, rich_markup_mode="markdown"
)


@app.callback()
def scrm() -> None:
    """Siyu 私域: an open SCRM customer data platform."""
