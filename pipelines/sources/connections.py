"""From the settings' ``[connections.<name>]`` to connectors that are ready to read.

Connectors are found by the entry point group ``siyu.connectors`` (name: the system): those of this package and those of
any other that is installed beside it are found the same way.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from models.errors import ExpectedError
from models.settings import ConnectionSettings, Settings
from pipelines.sources.connector import Connector, Context

GROUP = "siyu.connectors"


class BadConnectionError(ExpectedError):
    """A connection of the settings cannot be opened; the message names the field and what to do."""


@dataclass(frozen=True)
class Named:
    """A connection by the name it has in the settings."""

    name: str
    settings: ConnectionSettings


@cache
def systems() -> dict[str, EntryPoint]:
    """Every installed connector by system."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def connector_class(system: str) -> type[Connector]:
    """Raises BadConnectionError with the known systems, or when a plug-in is no connector."""
    point = systems().get(system)
    if point is None:
        raise BadConnectionError(f"unknown system {system!r}; installed are {', '.join(systems()) or 'none'}")
    found = point.load()
    if not (isinstance(found, type) and issubclass(found, Connector)):
        raise BadConnectionError(f"{point.value}, the plug-in of {system!r}, is not a Connector; tell its author")
    return found


def enabled(settings: Settings, names: Sequence[str] = ()) -> list[Named]:
    """The connections that are on, or those asked for. Raises BadConnectionError for an unknown name."""
    known = settings.connections
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none: add [connections.<name>] to scrm.toml"
            raise BadConnectionError(f"no connection is called {name!r}; there are {listed}")
    chosen = names or [name for name, given in known.items() if given.enabled]
    return [Named(name, known[name]) for name in chosen]


@contextmanager
def opened(connection: Named, context: Context) -> Iterator[Connector]:
    """The connector, closed at the end. Raises BadConnectionError when its options are wrong."""
    kind = connector_class(connection.settings.system)
    try:
        options = kind.options_class.model_validate(_shown(connection.settings.options()))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in one['loc']) or 'options'}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        )
        where = f"[connections.{connection.name}] or SCRM_CONNECTIONS__{connection.name.upper()}__…"
        raise BadConnectionError(f"connection {connection.name}: {wrong}; set it in {where}") from None
    _check_host(connection.name, kind, options.base_url)
    connector = kind(options, context)
    try:
        yield connector
    finally:
        connector.close()


def _shown(options: dict[str, Any]) -> dict[str, Any]:
    return {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in options.items()}


def _check_host(name: str, kind: type[Connector], address: str) -> None:
    """A secret must not travel in the clear, except to a sandbox on this machine."""
    parts = urlsplit(address)
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not loopback:
        raise BadConnectionError(
            f"connection {name}: base_url must begin with https:// (http is for a sandbox here only)"
        )
    if not loopback and parts.hostname not in kind.hosts:
        raise BadConnectionError(
            f"connection {name}: {parts.hostname} is no host of {kind.system} ({', '.join(kind.hosts)}); mend base_url"
        )
