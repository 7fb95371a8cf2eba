"""How every command answers: tables and errors to stderr for people, one JSON document to stdout with ``--json``.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage (Typer's own), 3 a person must confirm.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from models.errors import ExpectedError
from models.settings import SETTINGS_FILE, Settings

# A value from a file could carry terminal commands.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

#: For people: tables, progress, errors. It follows ``sys.stderr``, also when that is replaced.
console = Console(stderr=True)


FAILED, WRONG_USAGE, CONFIRM = 1, 2, 3

AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout, nothing else there")]


def emit(data: Mapping[str, object], as_json: bool, table: RenderableType | None = None) -> None:
    """The answer of a command. ``table``: what a person sees; None: the data, one line each."""
    if as_json:
        sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
        return
    if table is not None:
        console.print(table)
        return
    for key, value in data.items():
        console.print(plain(f"{key}: {value}"), soft_wrap=True)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say what went wrong and what to do, and leave with ``code``."""
    # soft_wrap: a path or a command that is cut in two cannot be copied
    console.print(Text("error: ", style="bold red") + plain(message), soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def answered() -> Iterator[None]:
    """The border of every command: what a person can mend is one message and exit code 1, without a traceback."""
    try:
        yield
    except ExpectedError as error:
        fail(str(error))
    except tomllib.TOMLDecodeError as error:
        fail(f"{SETTINGS_FILE} is not readable as TOML: {error}")
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        fail(_settings_problem(error))
    except BrokenPipeError:  # the reader of the answer has gone; not for words
        raise
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))


def _settings_problem(error: ValidationError) -> str:
    """Without the values: one of them may be a secret."""
    found = [
        f"SCRM_{'__'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False)
    ]
    return f"settings: {'; '.join(found)}. Correct the environment or {SETTINGS_FILE}"


def rows_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table whose cells are shown as they are: no markup, no terminal commands. Numbers stand right."""
    cells = [list(row) for row in rows]
    table = Table(title=plain(title), title_justify="left")
    for number, column in enumerate(columns):
        numeric = bool(cells) and all(type(row[number]) in (int, float) for row in cells)
        table.add_column(plain(column), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(plain(f"{cell:,}" if type(cell) is int else str(cell)) for cell in row))
    return table


def plain(value: str) -> Text:
    """Text for the terminal: no markup, no control characters."""
    return Text(_CONTROLS.sub("", value))
