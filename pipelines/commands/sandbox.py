"""``scrm sandbox``: a stand-in for the outside world."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pipelines.commands.output import AsJson, console, emit
from pipelines.demo import CUSTOMERS, SEED
from pipelines.demo import generate as generate_company

app = typer.Typer(help="A made-up company with known truth, and its systems on this machine.", no_args_is_help=True)


@app.command()
def generate(
    folder: Annotated[Path, typer.Argument(help="where to write the files", file_okay=False)],
    customers: Annotated[int, typer.Option(help="how many people", min=100)] = CUSTOMERS,
    seed: Annotated[int, typer.Option(help="the same seed gives the same bytes")] = SEED,
    as_json: AsJson = False,
) -> None:
    """Write a company's files with their mappings, and the state of its WeCom.

    Example: `scrm sandbox generate /tmp/company --customers 300`

    Exit codes: 0 done.
    """
    generate_company(folder, customers=customers, seed=seed)
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    table = Table("file", "bytes")
    for name, size in files.items():
        table.add_row(name, f"{size:,}")
    emit({"files": files}, as_json=as_json, table=table)


@app.command()
def serve(
    state: Annotated[Path, typer.Argument(help="wecom.json of `scrm sandbox generate`", exists=True, dir_okay=False)],
    port: Annotated[int, typer.Option(help="0: a free one")] = 8400,
    expire_after: Annotated[int, typer.Option(help="let the token expire after so many calls; 0: never", min=0)] = 0,
) -> None:
    """Serve WeCom from a generated state on loopback; Ctrl-C stops it.

    Example: `scrm sandbox serve /tmp/company/wecom.json`

    Exit codes: 0 stopped.
    """
    from pipelines.sandbox.server import serve_forever

    console.print("corp id and secret are printed by the sandbox; point SCRM_WECOM__BASE_URL at it")
    serve_forever(state, port=port, expire_after=expire_after)
