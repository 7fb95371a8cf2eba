"""``scrm backup`` and ``scrm restore``: what cannot be made again, kept elsewhere, and put back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from models.settings import SETTINGS_FILE, Settings
from pipelines import backup as backups
from pipelines.commands.output import FAILED, AsJson, emit, plain, rows_table


def backup(
    folder: Annotated[Path, typer.Argument(help="where backups are kept; the same folder every time")],
    check: Annotated[
        bool, typer.Option("--check", help="make none; read the newest one and name what is damaged")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Back up lake, store, id key, settings file and own rule documents, consistent while imports go on.

    Only what is new is written; every byte is read back. The folder holds personal data and keys: protect it.

    Example: `scrm backup /mnt/backups/siyu`

    Exit codes: 0 done (or sound), 1 refused or damaged; the message names the file.
    """
    if check:
        _check(folder, as_json)
        return
    report = backups.back_up(Settings(), folder, now=datetime.now(UTC), settings_file=Path.cwd() / SETTINGS_FILE)
    rows = [(report.name, report.to_seq, report.files, f"{report.bytes / 1e6:.1f}", report.new_files)]
    table = rows_table("Backup", ("name", "sequence", "files", "MB", "new files"), rows)
    emit(report.as_dict(), as_json=as_json, table=Group(table, plain(_about_the_key(report.id_key))))


def restore(
    folder: Annotated[Path, typer.Argument(help="a folder that `scrm backup` wrote to", exists=True, file_okay=False)],
    into: Annotated[Path, typer.Option(help="the new home: empty, or not there yet")],
    name: Annotated[str, typer.Option("--backup", help="which one; default: the newest")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a home from a backup: all of it is verified first, and nothing is left behind when something is wrong.

    Example: `scrm restore /mnt/backups/siyu --into /var/siyu`

    Exit codes: 0 restored, 1 the home is not empty, or the backup is damaged (each file is named).
    """
    found = backups.restore(folder, into, name)
    home = into.expanduser().resolve()
    steps = [f"set SCRM_HOME={home}, then `scrm doctor` and `scrm run`"]
    paths = {item.path for item in found.items}
    if SETTINGS_FILE in paths:
        steps.append(f"{home / SETTINGS_FILE} is the settings file: put it where `scrm` is called; mend `home` in it")
    if any(path.startswith("rulebooks/") for path in paths):
        steps.append(f"set SCRM_RULEBOOKS={home / 'rulebooks'}: else the shipped rule documents would take over")
    if found.id_key == "settings":
        steps.append("SCRM_ID_KEY was a setting and is not in the backup: set the same key before the first run, "
                     f"else new customers get other ids (fingerprint {found.id_key_fingerprint})")  # fmt: skip
    data = {"backup": found.name, "to_seq": found.to_seq, "files": len(found.items), "home": str(home), "next": steps}
    table = rows_table("Restored", ("backup", "sequence", "files"), [(found.name, found.to_seq, len(found.items))])
    emit(data, as_json=as_json, table=Group(table, *(plain(f"next: {step}") for step in steps)))


def _check(folder: Path, as_json: bool) -> None:
    found = backups.read_backup(folder)
    problems = backups.damage(folder, found)
    data = {"backup": found.name, "to_seq": found.to_seq, "files": len(found.items), "problems": problems}
    shown = [plain(problem) for problem in problems] or [plain("every file is as it was written")]
    title = rows_table("Backup", ("name", "sequence", "files"), [(found.name, found.to_seq, len(found.items))])
    emit(data, as_json=as_json, table=Group(title, *shown))
    if problems:
        raise typer.Exit(FAILED)


def _about_the_key(state: str) -> str:
    return {
        "file": "ATTENTION: the backup holds id.key, the secret behind customer ids. Who has it can tell which id a "
        "phone number has: keep the folder as safe as the home",
        "settings": "ATTENTION: the id key is a setting (SCRM_ID_KEY) and is NOT in this backup. Keep it elsewhere: "
        "without it new customers get other ids",
        "none": "there is no id key yet: the first run makes one",
    }[state]
