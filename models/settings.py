"""One typed settings object, read from the environment and from ``scrm.toml``.

The environment wins over the file. Names are ``SCRM_<FIELD>``; a nested field has two underscores
(``SCRM_WECOM__SECRET``). Secrets are ``SecretStr``: they print as stars everywhere.
"""

from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SETTINGS_FILE = "scrm.toml"


class WecomSettings(BaseModel):
    """One WeCom corp. Empty ``corp_id``: the connector is off."""

    model_config = ConfigDict(extra="forbid")

    corp_id: str = ""
    secret: SecretStr = SecretStr("")
    base_url: str = "https://qyapi.weixin.qq.com/cgi-bin"
    page_size: int = Field(default=100, ge=1, le=100, description="rows a page; the vendor's limit is 100")
    timeout_seconds: float = Field(default=20.0, gt=0)


class DashboardSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    address: str = "127.0.0.1"
    port: int = Field(default=8501, ge=1, le=65535)
    language: str = Field(default="zh", pattern="^(zh|en)$")


class Settings(BaseSettings):
    """Everything a company can set. ``home`` holds all run-time state; one company per home."""

    model_config = SettingsConfigDict(
        env_prefix="SCRM_", env_nested_delimiter="__", toml_file=SETTINGS_FILE, extra="forbid", frozen=True
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
    wecom: WecomSettings = WecomSettings()
    dashboard: DashboardSettings = DashboardSettings()

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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

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
            "SCRM_BUILDING": str(self.building_dir),
            "SCRM_WAREHOUSE": str(self.building_dir / "warehouse.duckdb"),
            "DAGSTER_HOME": str(self.dagster_dir),
        }

    def shown(self) -> dict[str, Any]:
        """For ``scrm settings``: secrets are stars."""
        return self.model_dump(mode="json")
