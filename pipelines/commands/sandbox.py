"""``scrm sandbox``: a stand-in for the outside world."""

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from models.settings import Settings
from pipelines.commands.output import AsJson, console, emit, fail
from pipelines.demo import CUSTOMERS, ENDS_ON, SEED
from pipelines.demo import generate as generate_company

if TYPE_CHECKING:
    from datetime import datetime

    from pipelines.sandbox.faces import Face

SAMPLE_CUSTOMERS = 2_000
Profile = Literal["demo", "full"]

app = typer.Typer(help="A made-up company with known truth, and its systems on this machine.", no_args_is_help=True)


@app.command()
def generate(
    folder: Annotated[Path, typer.Argument(help="where to write the files", file_okay=False)],
    customers: Annotated[int, typer.Option(help="how many people", min=100)] = CUSTOMERS,
    seed: Annotated[int, typer.Option(help="the same seed gives the same bytes")] = SEED,
    profile: Annotated[
        Profile, typer.Option(help="demo: a tidy company; full: two years of a real one, with its truth")
    ] = "demo",
    workbooks: Annotated[bool, typer.Option("--workbooks", help="also what store staff make by hand, as XLSX")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a company's files with their mappings, and the state of its WeCom.

    With `--profile full` the folder holds the further subjects and the truth as Parquet as well (docs/sandbox.md).

    Example: `scrm sandbox generate /tmp/company --customers 300`

    Exit codes: 0 done, 1 more customers than one folder of the full profile holds.
    """
    if profile == "demo":
        generate_company(folder, customers=customers, seed=seed)
    else:
        from pipelines.sandbox.full import FullWorld
        from pipelines.sandbox.full_files import write_full_files
        from pipelines.sandbox.numbering import PART_PEOPLE

        if customers > PART_PEOPLE:
            fail(f"a folder holds up to {PART_PEOPLE:,} customers; `scrm sandbox fill` takes any number")
        write_full_files(FullWorld.generate(customers, seed, ENDS_ON), folder)
    if workbooks:
        from pipelines.sandbox.workbooks import write_workbooks
        from pipelines.sandbox.world import World

        write_workbooks(World.generate(customers=customers, seed=seed, ends_on=ENDS_ON), folder / "workbooks")
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    table = Table("file", "bytes")
    for name, size in files.items():
        table.add_row(name, f"{size:,}")
    emit({"files": files}, as_json=as_json, table=table)


@app.command()
def fill(
    customers: Annotated[int, typer.Option(help="how many people", min=100, max=4_000_000)] = CUSTOMERS,
    seed: Annotated[int, typer.Option(help="the same seed gives the same files")] = SEED,
    workers: Annotated[int, typer.Option(help="processes that share the work; up to 3 GB each", min=1)] = 1,
    switch: Annotated[
        list[str] | None,
        typer.Option(help="a trait or an effect as name=share, e.g. lead_delay=0; may be repeated (docs/sandbox.md)"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Generate a whole company straight into the empty lake of SCRM_HOME: two years, every dataset, no interface.

    About ten orders and fifty events for each customer. A generation that was stopped goes on where it was.

    Example: `SCRM_HOME=/tmp/company scrm sandbox fill --customers 100000 --workers 2`

    Exit codes: 0 done, 1 the lake holds something else, or there is no such switch.
    """
    from pipelines.sandbox.generating import SOURCE, Order, generate_into
    from pipelines.sandbox.switches import switched
    from pipelines.workspace import Workspace

    try:
        traits, effects = switched(switch or [])
    except ValueError as error:
        fail(str(error))
    lake, order = Workspace(Settings()).lake, Order(customers, seed, ENDS_ON, traits=traits, effects=effects)
    strangers = {entry.source for entry in lake.entries() if entry.key not in order.keys}
    if strangers:
        fail(
            f"a made-up company needs a lake of its own; {lake.root} holds {', '.join(sorted(strangers))}"
            + (" of another size, seed or switch" if any(name.startswith(SOURCE) for name in strangers) else "")
        )
    made = generate_into(lake, order, workers, lambda done, all_: console.print(f"part {done} of {all_}"))
    table = Table("dataset", "rows")
    for name, count in made.rows.items():
        table.add_row(name, f"{count:,}")
    numbers = {"rows": dict(made.rows), "batches": made.batches, "repeated": made.repeated, "seconds": made.seconds}
    emit(numbers, as_json=as_json, table=table)


@app.command()
def serve(
    customers: Annotated[int, typer.Option(help="how many people", min=100)] = SAMPLE_CUSTOMERS,
    seed: Annotated[int, typer.Option(help="the same seed gives the same company")] = SEED,
    profile: Annotated[
        Profile, typer.Option(help="demo: one account at each system; full: two years, all corps, shops and app keys")
    ] = "demo",
    switch: Annotated[
        list[str] | None,
        typer.Option(help="with --profile full: a trait or an effect as name=share; may be repeated (docs/sandbox.md)"),
    ] = None,
    port: Annotated[int, typer.Option(help="0: a free one")] = 8400,
    faults: Annotated[float, typer.Option(help="share of answers that meet a trouble", min=0, max=0.9)] = 0.0,
    settings_file: Annotated[
        Path | None, typer.Option(help="write the connections there, for SCRM_SETTINGS_FILE", dir_okay=False)
    ] = None,
) -> None:
    """Serve WeCom, Taobao, Youzan and WeChat Pay of a made-up company on loopback; Ctrl-C stops it.

    Their calendar stands where the company's data end. Another shell then reads them as it would the real systems:
    `SCRM_SETTINGS_FILE=/tmp/company.toml SCRM_HOME=/tmp/company scrm sync`.

    Example: `scrm sandbox serve --profile full --faults 0.2 --settings-file /tmp/company.toml`

    Exit codes: 0 stopped, 1 the port is taken, there is no such switch, or more customers than one server holds.
    """
    from pipelines.sandbox.faces import application
    from pipelines.sandbox.faults import FaultPlan
    from pipelines.sandbox.server import serve_forever

    with tempfile.TemporaryDirectory(prefix="siyu-sandbox-") as folder:
        found, now = _faces(profile, customers, seed, switch or [], Path(folder))

        def ready(address: str) -> None:
            text = connections_toml(found, address)
            if settings_file is None:
                sys.stdout.write(text)
                sys.stdout.flush()
            else:
                settings_file.write_text(text, encoding="utf-8")
                console.print(f"serving at {address}; the connections are in {settings_file}")

        try:
            serve_forever(application(found, FaultPlan(seed, faults), now), port=port, ready=ready)
        except OSError as error:
            fail(f"port {port}: {error.strerror}; choose another with --port")


def _faces(
    profile: Profile, customers: int, seed: int, switch: list[str], folder: Path
) -> "tuple[list[Face], datetime]":
    """The systems of a new company, and where their calendar stands."""
    from pipelines.sandbox.faces import ends_at, faces, full_faces
    from pipelines.sandbox.full import FullWorld
    from pipelines.sandbox.numbering import PART_PEOPLE
    from pipelines.sandbox.switches import switched
    from pipelines.sandbox.world import World

    if profile == "demo":
        if switch:
            fail("the demo company has no switches; add --profile full")
        console.print(f"generating a company of {customers:,} customers")
        world = World.generate(customers=customers, seed=seed, ends_on=ENDS_ON)
        return faces(world, folder), ends_at(world)
    if customers > PART_PEOPLE:
        fail(f"a server holds up to {PART_PEOPLE:,} customers; `scrm sandbox fill` takes any number")
    try:
        traits, effects = switched(switch)
    except ValueError as error:
        fail(str(error))
    console.print(f"generating a full company of {customers:,} customers")
    full = FullWorld.generate(customers, seed, ENDS_ON, traits=traits, effects=effects)
    return full_faces(full, folder), ends_at(full.world)


def connections_toml(found: "list[Face]", address: str) -> str:
    """What a settings file says of the faces."""
    tables = []
    for face in found:
        given = face.connection(address)
        # JSON's texts and numbers are TOML's, too
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in given.items()]
        tables.append(f"[connections.{face.name}]\n" + "\n".join(lines) + "\n")
    return "\n".join(tables)
