"""The folder of a full company: what the demo's folder holds, and every further subject with the truth as Parquet."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from models.files import write_parquet
from pipelines.sandbox.files import wecom_state, write_files
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.world import World


def write_full_files(full: FullWorld, folder: Path) -> list[Path]:
    """The same of a full company, ``wecom-<corp>.json`` for each further corp, and its other subjects in
    ``subjects/<name>.parquet``, the truth among them. Returns the data files as ``write_files`` does."""
    first, *others = full.company.corps["corp_id"]
    for corp_id in others:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"wecom-{corp_id}.json").write_bytes(wecom_state(of_corp(full.world, corp_id)))
    written = write_files(of_corp(full.world, first), folder)
    subjects = folder / "subjects"
    subjects.mkdir(exist_ok=True)
    for owner in (full.company, full):
        for name, frame in vars(owner).items():
            if isinstance(frame, pl.DataFrame):
                write_parquet(frame, subjects / f"{name}.parquet")
    for name, frame in vars(full.community).items():
        write_parquet(frame, subjects / f"{name}.parquet")
    for name in ("people", "latent", "truth", "orders", "order_lines"):
        write_parquet(getattr(full.world, name), subjects / f"{name}.parquet")
    return written


def of_corp(world: World, corp_id: str) -> World:
    """The world as one WeCom corp knows it: its staff and contacts; files are the same whatever the corp."""
    mine = pl.col("corp_id") == corp_id
    return replace(
        world,
        staff=world.staff.filter(mine),
        contacts=world.contacts.filter(mine),
        follows=world.follows.filter(mine),
    )
