"""One typed settings object, read from the environment and from ``scrm.toml``.

The environment wins over the file. Names are ``SCRM_<FIELD>``; a nested field has two underscores
(``SCRM_DASHBOARD__PORT``). Secrets are ``SecretStr``: they print as stars everywhere.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SETTINGS_FILE = "scrm.toml"
#: Tells child processes, which start in other folders, which file this process read.
SETTINGS_FILE_VARIABLE = "SCRM_SETTINGS_FILE"


class Engine(StrEnum):
    """What dbt runs on."""

    DUCKDB = "duckdb"
    SPARK = "spark"


class SparkSettings(BaseModel):
    """How Spark runs, when it is the engine."""

    model_config = ConfigDict(extra="forbid")

    master: str = Field(default="local[*]", description="Spark's master URL; local[2]: two threads of this machine")
    memory: str = Field(default="2g", pattern="^[0-9]+[mg]$", description="memory of the Java machine")
    partitions: int = Field(default=2, ge=1, description="partitions of a shuffle; about two a core when data is large")
    options: dict[str, str] = Field(
        default={}, description="further Spark settings by name; those that keep the engines equal cannot be changed"
    )


def settings_file() -> Path:
    """``scrm.toml`` of the working folder, or the file that the process which started this one read."""
    return Path(os.environ.get(SETTINGS_FILE_VARIABLE, SETTINGS_FILE)).resolve()


#: Names of options whose values are secret, whatever the system calls them.
_SECRET_NAME = re.compile("secret|token|session|password|private_key|aes_key|api_v3_key")


class ConnectionSettings(BaseModel):
    """One account of an outside system. The other options are the system's own (docs/sources.md)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    system: str = Field(description="wecom, taobao, youzan, wechat_pay, … (`scrm sources`)")
    enabled: bool = Field(default=True, description="false: it is not read")

    @model_validator(mode="before")
    @classmethod
    def _hide_secrets(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {
            # a secret of digits comes from the environment as a number
            name: SecretStr(str(value)) if isinstance(value, str | int) and _SECRET_NAME.search(name) else value
            for name, value in given.items()
        }

    def options(self) -> dict[str, Any]:
        """The system's own options as they were given, for its connector to check."""
        return dict(self.model_extra or {})


class DashboardSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    address: str = "127.0.0.1"
    port: int = Field(default=8501, ge=1, le=65535)
    language: str = Field(default="zh", pattern="^(zh|en)$")
    expose: bool = Field(default=False, description="listen beyond loopback, where `address` says; users must exist")
    hosts: tuple[str, ...] = Field(
        default=(), description="names under which browsers reach it, besides loopback, as a JSON list"
    )
    https: bool = Field(default=False, description="browsers reach it by HTTPS (a proxy): cookies are sent so only")


class SigninSettings(BaseModel):
    """Signing in to the dashboard. OpenID Connect is on when ``oidc_issuer`` is set."""

    model_config = ConfigDict(extra="forbid")

    session_hours: float = Field(default=12.0, gt=0, description="longest life of a session")
    idle_minutes: float = Field(default=120.0, ge=2, description="a session not used for so long is over")
    most_failures: int = Field(default=8, ge=1, description="wrong passwords in a row that lock an account")
    lock_minutes: float = Field(default=15.0, gt=0, description="how long an account stays locked")
    most_failures_of_address: int = Field(
        default=40, ge=1, description="failures from one address within lock_minutes, after which it is refused"
    )
    oidc_issuer: str = Field(default="", description="address of the company's identity provider; empty: off")
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_name: str = Field(default="", description="what the button calls the identity provider")


class ScheduleSettings(BaseModel):
    """When the road is walked by itself, while ``scrm up`` runs."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = Field(default=True, description="schedules and sensors are on when `scrm up` starts")
    daily_at: str = Field(
        default="03:30", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", description="civil time of the daily main job"
    )
    sync_minute: int = Field(default=40, ge=0, le=59, description="minute of each hour at which sources are pulled")
    wait_minutes: int = Field(default=60, ge=0, description="how long a run that Dagster started waits for another")


class InboxSettings(BaseModel):
    """The drop folder ``inbox/<dataset>/`` of the home."""

    model_config = ConfigDict(extra="forbid")

    settle_seconds: float = Field(
        default=10.0, ge=0, description="a file that changed within this time is still being written"
    )
    look_seconds: int = Field(default=30, ge=5, description="how often the sensor looks, while `scrm up` runs")


class AlertSettings(BaseModel):
    """Who is told when a run fails. The log in the home is always written; webhook and mail are off until set."""

    model_config = ConfigDict(extra="forbid")

    webhook_url: SecretStr = Field(default=SecretStr(""), description="https address; secret: robots keep a key in it")
    webhook_hosts: tuple[str, ...] = Field(default=(), description="hosts that the webhook may go to, as a JSON list")
    webhook_secret: SecretStr = Field(default=SecretStr(""), description="key of the HMAC-SHA256 signature")
    webhook_format: str = Field(default="json", pattern="^(json|wecom)$", description="json, or wecom (group robot)")
    smtp_host: str = Field(default="", description="mail server; empty: no mail")
    smtp_port: int = Field(default=465, ge=1, le=65535, description="465: TLS from the start; others: STARTTLS")
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    mail_from: str = ""
    mail_to: tuple[str, ...] = Field(default=(), description="addresses, as a JSON list")


class Settings(BaseSettings):
    """Everything a company can set. ``home`` holds all run-time state; one company per home."""

    model_config = SettingsConfigDict(
        env_prefix="SCRM_",
        env_nested_delimiter="__",
        toml_file=SETTINGS_FILE,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    home: Path = Field(default=PROJECT_ROOT / "data", description="where all run-time state lives")
    company: str = Field(default="Siyu", description="the company's name, shown on the pages")
    timezone: str = Field(default="Asia/Shanghai", description="the company's civil time: cuts the business date")
    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$", description="for files that state none")
    phone_region: str = Field(default="CN", pattern="^[A-Z]{2}$", description="for phone numbers without a country")
    keep_snapshots: int = Field(default=5, ge=2, description="published snapshots kept for roll-back")
    rulebooks: Path = Field(default=PROJECT_ROOT / "data" / "rulebooks", description="documents that people edit")
    store_url: str = Field(default="", description="SQLAlchemy URL of the store; empty: SQLite in home")
    id_key: SecretStr = Field(default=SecretStr(""), description="key of new customer ids; empty: made once, in home")
    upload_megabytes: int = Field(default=200, ge=1, le=4096, description="largest file that the import page takes")
    keep_uploads_days: int = Field(default=7, ge=1, description="days until files handed in on the import page go")
    engine: Engine = Field(default=Engine.DUCKDB, description="what dbt runs on: duckdb or spark")
    warehouse_memory: str = Field(
        default="3GB", pattern="^[0-9]+(MB|GB)$", description="DuckDB's memory in a run; what does not fit goes to disk"
    )
    spark: SparkSettings = SparkSettings()
    connections: dict[str, ConnectionSettings] = Field(
        default={}, description="accounts of outside systems, each a table [connections.<name>]"
    )
    dashboard: DashboardSettings = DashboardSettings()
    signin: SigninSettings = SigninSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    inbox: InboxSettings = InboxSettings()
    alerts: AlertSettings = AlertSettings()

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, given: Any) -> Any:
        old = any(name.upper().startswith("SCRM_WECOM_") for name in os.environ)
        if old or (isinstance(given, Mapping) and "wecom" in given):
            raise ValueError(
                "[wecom] and SCRM_WECOM__… have become a connection: name it [connections.wecom], add system = "
                '"wecom" (SCRM_CONNECTIONS__WECOM__SYSTEM=wecom, SCRM_CONNECTIONS__WECOM__CORP_ID=…)'
            )
        return given

    @field_validator("connections")
    @classmethod
    def _plain_names(cls, given: dict[str, ConnectionSettings]) -> dict[str, ConnectionSettings]:
        for name in given:
            if re.fullmatch("[a-z][a-z0-9_]*", name) is None:
                raise ValueError(f"connection {name!r}: use small letters, digits and _ only, such as tmall_flagship")
        return given

    @field_validator("home", "rulebooks")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().resolve()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"timezone {name!r} is not an IANA time zone, such as Asia/Shanghai") from error
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file())

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def lake_dir(self) -> Path:
        return self.home / "lake"

    @property
    def building_dir(self) -> Path:
        """Where a run builds; always this path, because a changed path makes dbt parse again."""
        return self.home / "warehouse" / "building"

    @property
    def promoted_dir(self) -> Path:
        return self.home / "warehouse" / "promoted"

    @property
    def published_dir(self) -> Path:
        return self.home / "published"

    @property
    def exports_dir(self) -> Path:
        return self.home / "exports"

    @property
    def uploads_dir(self) -> Path:
        """Files handed in on the import page; deleted once imported, or after ``keep_uploads_days``."""
        return self.home / "uploads"

    @property
    def repairs_dir(self) -> Path:
        """Rejected rows of imports made on the page, to be repaired; deleted after ``keep_uploads_days``."""
        return self.home / "repairs"

    @property
    def inbox_dir(self) -> Path:
        return self.home / "inbox"

    @property
    def dagster_dir(self) -> Path:
        return self.home / "dagster"

    @property
    def store_address(self) -> str:
        return self.store_url or f"sqlite:///{self.home / 'store.db'}"

    def environment(self) -> dict[str, str]:
        """What a child process (Dagster, the dashboard) and dbt need to work for the same company.

        Everything but secrets, which a child reads from where this process got them.
        """
        plain = {name: str(value) for name, value in self if isinstance(value, str | int | Path)}
        return {
            **{f"SCRM_{name.upper()}": value for name, value in plain.items()},
            SETTINGS_FILE_VARIABLE: str(settings_file()),
            "SCRM_BUILDING": str(self.building_dir),
            "SCRM_WAREHOUSE": str(self.building_dir / "warehouse.duckdb"),
            "DAGSTER_HOME": str(self.dagster_dir),
        }

    def shown(self) -> dict[str, Any]:
        """For ``scrm settings``: secrets are stars."""
        return self.model_dump(mode="json")
