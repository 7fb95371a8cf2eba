"""The engines that dbt runs on: DuckDB inside this process, or Spark with its Java machine beside it.

An engine is made ready before each dbt invocation, released after it, and closed when the last one has ended. What it
built is read from the warehouse folder by ``pipelines.warehouse``, which does not ask which engine it was.
Nothing of Spark is imported before a run asks for it: its packages are installed apart (docs/engines.md).
"""

import os
import shutil
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from models.errors import ExpectedError
from models.settings import Engine, Settings
from pipelines.warehouse import CONTRACT_FILE, SPARK_FOLDER

#: Spark's words for the types of an input file. A type that is missing here stops the run by its name.
SPARK_TYPES: Mapping[type[pl.DataType], str] = {
    pl.String: "string",
    pl.Int64: "bigint",
    pl.Int32: "int",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Datetime: "timestamp_ntz",
    pl.Float64: "double",
}
#: What makes Spark compute as DuckDB does (docs/engines.md).
SPARK_CONFIG: Mapping[str, str] = {
    # an overflow or a text that is no number is an error, not a null
    "spark.sql.ansi.enabled": "true",
    # timestamps are naive UTC: without zone in tables and files, and in UTC wherever a function needs one
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    # the refunds of one line are a recursion; a line may have many, a company more than a million
    "spark.sql.cteRecursionLevelLimit": "10000",
    "spark.sql.cteRecursionRowLimit": "-1",
    # the list of tables lives in memory and ends with the run: a metastore would outlive the folder it speaks of
    "spark.sql.catalogImplementation": "in-memory",
    # nothing listens beyond this machine
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # small tables dominate: adaptive execution joins them by broadcast and writes few files
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.enabled": "true",
}


class EngineMissingError(ExpectedError):
    """The chosen engine is not installed; the message says what to install."""


class RunningEngine(Protocol):
    """What a run needs of an engine."""

    def ready(self) -> None:
        """Before a dbt invocation: started, and every input of the building folder is known to it."""

    def release(self) -> None:
        """After a dbt invocation: others may read what it built."""

    def close(self) -> None:
        """Nothing more is to come. May be called twice."""


def engine_of(settings: Settings) -> RunningEngine:
    """The engine that the settings name; nothing is started yet."""
    return Spark(settings) if settings.engine is Engine.SPARK else DuckDB()


def require(kind: Engine) -> None:
    """Raises EngineMissingError when this machine lacks what the engine needs."""
    if kind is Engine.SPARK and (reason := missing_for_spark()):
        raise EngineMissingError(f"the engine spark cannot run here: {reason}; see docs/engines.md")


class DuckDB:
    """A file that dbt opens by itself."""

    def ready(self) -> None:
        """Nothing to start: inputs are read where they lie, by the paths in the sources."""

    def release(self) -> None:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self.release()


class Spark:
    """One Spark session for the dbt invocations of a run; the Java machine ends with this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tables = settings.building_dir / SPARK_FOLDER
        self._inputs = settings.building_dir / "inputs"
        self._log = settings.home / "logs" / "spark.log"
        self._session: Any = None

    def ready(self) -> None:
        if self._session is None:
            self._session = self._start()
        self._session.sql("create schema if not exists lake")
        for folder in sorted(path for path in self._inputs.iterdir() if path.is_dir()):
            self._declare(folder)

    def release(self) -> None:
        """Spark writes whole files and holds none of them open."""

    def close(self) -> None:
        if self._session is not None:
            self._session.stop()
            self._session = None

    def _start(self) -> Any:
        spark = self._settings.spark
        self._log.parent.mkdir(parents=True, exist_ok=True)
        config = {
            **spark.options,
            **SPARK_CONFIG,
            "spark.app.name": "siyu",
            "spark.master": spark.master,
            "spark.driver.memory": spark.memory,
            "spark.sql.shuffle.partitions": str(spark.partitions),
            "spark.sql.warehouse.dir": str(self._tables),
            "spark.local.dir": str(self._tables.with_suffix(".spill")),
        }
        with warnings.catch_warnings():
            # pyspark warns of the newest pandas; no pandas is used here
            warnings.simplefilter("ignore", FutureWarning)
            return _session(config, self._log)

    def _declare(self, folder: Path) -> None:
        """One input folder as a table. Columns are those of the contract: Spark passes over files that begin with an
        underscore, and a folder without rows has nothing else to tell them by."""
        contract = folder / CONTRACT_FILE
        schema = pl.read_parquet_schema(contract if contract.exists() else next(folder.glob("*.parquet")))
        columns = ", ".join(f"`{name}` {_spark_type(dtype)}" for name, dtype in schema.items())
        place = str(folder).replace("'", "\\'")
        self._session.sql(f"drop table if exists lake.`{folder.name}`")
        self._session.sql(f"create table lake.`{folder.name}` ({columns}) using parquet location '{place}'")


def missing_for_spark() -> str:
    """What this machine lacks for Spark, in words; empty when nothing does."""
    lacking = [
        name for name, module in (("pyspark", "pyspark"), ("dbt-spark", "dbt.adapters.spark")) if not _has(module)
    ]
    if lacking:
        return f"{' and '.join(lacking)} not installed in this environment (make spark, then .venv-spark/bin/scrm)"
    return "" if shutil.which("java") else "no Java found on the path (Java 17)"


def _has(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _spark_type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision}, {dtype.scale})"
    return SPARK_TYPES[type(dtype)]


def _session(config: Mapping[str, str], log: Path) -> Any:
    """A new session. dbt-spark's cursor gets another ``execute``: its own switches ANSI mode off before each statement,
    after which a sum that overflows wraps around without a word. Exit: when dbt-spark leaves that to the profile."""
    from dbt.adapters.spark import session as dbt_session
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import AnalysisException
    from pyspark.sql import SparkSession

    settings = SparkConf(loadDefaults=False)
    for name, value in config.items():
        settings.set(name, value)
    context = SparkContext(conf=settings, gateway=_java(tuple(config.items()), log))
    session = SparkSession(context)

    def execute(cursor: Any, sql: str, *parameters: Any) -> None:
        try:
            cursor._df = session.sql(sql % parameters if parameters else sql)
        except AnalysisException as error:
            raise dbt_session.DbtRuntimeError(str(error)) from error

    dbt_session.Cursor.execute = execute
    return session


@cache
def _java(config: tuple[tuple[str, str], ...], log: Path) -> Any:
    """The Java machine of this process; what it says goes to a file, because stdout belongs to the command's answer."""
    from pyspark import SparkConf
    from pyspark.java_gateway import launch_gateway

    settings = SparkConf(loadDefaults=False)
    for name, value in config:
        settings.set(name, value)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # it looks for its own name in the network otherwise
    stream = log.open("ab")  # held by the machine as long as it lives
    return launch_gateway(settings, popen_kwargs={"stdout": stream, "stderr": stream})
