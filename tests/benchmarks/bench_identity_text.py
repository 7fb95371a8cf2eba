"""From a Parquet file of text to customer ids: five million identifiers, eight million statements, one process.

What the linking models do with guards is not in it: here every shared value is a link.
"""

import multiprocessing
import resource
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.documents.identity import IdentityRegistry
from models.identity.clusters import group, name
from models.identity.ids import IDENTIFIER
from models.identity.observing import value_ids

CUSTOMERS, ROWS = 1_450_000, 8_000_000
PERSONAS = 3_200_000
BAR_SECONDS, BAR_MB = 12, 3_072
REGISTRY = IdentityRegistry.parse(
    "identifiers: [{name: unionid, unique: true}, {name: member_no}, {name: openid}, {name: phone}]",
    name="identity.yaml",
)
#: How a value of each type begins, before ten digits: 11 to 36 characters, as in the world.
WRITTEN = {"unionid": f"oUNION{0:012d}", "member_no": "M", "openid": f"wx0123456789:o{0:012d}", "phone": "+861"}


def measure() -> dict[str, Any]:
    """Seconds by step, and the peak of the process that read; the alternative knows no ids, conflicts or decisions."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "observations.parquet"
        identifiers = _write(path)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            ours = pool.apply(_ours, (path,))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            theirs = pool.apply(_theirs, (path,))
    if ours["customers"] != theirs["components"]:
        raise ArithmeticError(f"{ours['customers']} customers, scipy finds {theirs['components']}")
    return {
        "name": "text in Parquet to customer ids",
        "identifiers": identifiers,
        "rows": ROWS,
        **ours,
        "bar": {"seconds": BAR_SECONDS, "peak_mb": BAR_MB},
        "alternative": {"name": "dictionary of the texts by joins, components by scipy, no ids", **theirs},
    }


def _write(path: Path) -> int:
    """Each customer has a value of every type; a persona is of one customer and states some of them."""
    chance = np.random.default_rng(20_260_630)
    of = chance.permutation(np.arange(PERSONAS) % CUSTOMERS)
    persona = np.concatenate([np.arange(PERSONAS), chance.integers(0, PERSONAS, ROWS)])
    kind = chance.integers(0, 4, persona.size)
    cells = chance.permutation(np.unique(persona * 4 + kind))[:ROWS]
    frame = pl.DataFrame({"persona_id": chance.permutation(PERSONAS)[cells // 4] * 1_000_003, "kind": cells % 4})
    digits = pl.Series(of[cells // 4]).cast(pl.String).str.zfill(10)
    frame.select(
        "persona_id",
        identifier_type=pl.col("kind").replace_strict(dict(enumerate(WRITTEN)), return_dtype=pl.String),
        identifier=pl.col("kind").replace_strict(dict(enumerate(WRITTEN.values())), return_dtype=pl.String) + digits,
        first_seen_at=pl.lit(datetime(2026, 1, 1)) + (pl.col("persona_id") % 500) * timedelta(days=1),
    ).write_parquet(path)
    return int(np.unique(of[cells // 4] * 4 + cells % 4).size)


def _ours(path: Path) -> dict[str, Any]:
    clock, processor = [time.perf_counter()], time.process_time()
    told = pl.read_parquet(path).with_columns(is_identifier=pl.lit(True))
    clock.append(time.perf_counter())
    told = told.with_columns(value_ids(told))
    clock.append(time.perf_counter())
    firsts = told.group_by("value_id").agg(first=pl.col("persona_id").min())
    edges = (
        told.select("value_id", "persona_id")
        .join(firsts, on="value_id")
        .filter(pl.col("first") < pl.col("persona_id"))
        .select(
            left_persona="first",
            right_persona="persona_id",
            rule=pl.lit("same_value"),
            link_key="value_id",
            rule_seq=pl.lit(1, pl.Int32),
            refusal=pl.lit(None, pl.String),
        )
    )
    clock.append(time.perf_counter())
    nobody = pl.DataFrame(schema={**dict.fromkeys([*IDENTIFIER, "customer_id"], pl.String), "seq": pl.Int64})
    found = group(told, told.head(0).select("value_id"), edges, pl.Series([], dtype=pl.Int64), REGISTRY)
    clock.append(time.perf_counter())
    customers = name(found, nobody, REGISTRY, "key").customers
    clock.append(time.perf_counter())
    steps = ("read", "number_values", "link", "group", "name")
    return {
        "edges": edges.height,
        "customers": customers["customer_id"].n_unique(),
        "seconds": round(clock[-1] - clock[0], 2),
        "cpu_seconds": round(time.process_time() - processor, 2),
        **{f"{step}_seconds": round(end - start, 2) for step, start, end in zip(steps, clock, clock[1:], strict=False)},
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _theirs(path: Path) -> dict[str, Any]:
    started, processor = time.perf_counter(), time.process_time()
    told = pl.read_parquet(path, columns=["persona_id", *IDENTIFIER])
    values = told.select(IDENTIFIER).unique().with_row_index("value")
    personas = told.select("persona_id").unique().with_row_index("persona")
    edges = told.join(values, on=IDENTIFIER).join(personas, on="persona_id")
    count = personas.height + values.height
    ends = (edges["persona"].to_numpy(), edges["value"].to_numpy() + personas.height)
    graph = coo_array((np.ones(edges.height, dtype=np.int8), ends), shape=(count, count))
    found, _ = connected_components(graph, directed=False)
    return {
        "components": int(found),
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time() - processor, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
