"""What a connector is: a class per outside system that opens an account and reads its streams, chunk by chunk.

The rest (choosing accounts from the settings, committing, going on after a kill, reporting) is the same for all of
them and stands in ``syncing``. How to add a system, also from outside this repository: CONTRIBUTING.md.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.settings import Settings
from pipelines.lake import Accounting, Lake, Part
from pipelines.sources.http import HttpClient, SourceError


class FormatChangedError(SourceError):
    """Most records of an answer no longer have the promised form: this stream stops, others go on."""


class StateError(SourceError):
    """The committed position of a stream cannot be right (it lies in the future, or is of another form)."""


class ConnectionOptions(BaseModel):
    """What every connection may set; a connector adds its own fields."""

    # an account number that the environment gives is a number before it is text
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    base_url: str
    timeout_seconds: float = Field(default=20.0, gt=0)
    requests_per_second: float = Field(default=20.0, ge=0, description="this credential's own limit; 0: none")


@dataclass(frozen=True)
class Context:
    """What a connector may look at besides its own options. ``sleep``: how it waits, for its HttpClient too."""

    lake: Lake
    settings: Settings
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Chunk:
    """What one committed batch holds. ``cursor`` is the position after it.

    ``fields``: top-level names of the records, by which new ones are noticed. ``unknown``: values of open lists that
    are new to us, by column. ``repeated``: records that had been landed before, by an overlap or a page served twice.
    ``idle``: if it holds no rows either, it need not be committed.
    """

    parts: tuple[Part, ...]
    accounting: Accounting
    cursor: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)
    fields: frozenset[str] = frozenset()
    unknown: Mapping[str, Sequence[str]] = field(default_factory=dict)
    repeated: int = 0
    idle: bool = False


@dataclass(frozen=True)
class Span:
    """Times to read again, closed at both ends, aware UTC; positions are left as they are."""

    start: datetime
    end: datetime


class Stream(ABC):
    """One kind of record of one account. ``datasets``: what it lands; the first holds the records themselves."""

    name: ClassVar[str]
    datasets: ClassVar[tuple[str, ...]]

    @abstractmethod
    def read(self, since: Mapping[str, Any] | None, until: datetime, span: Span | None = None) -> Iterator[Chunk]:
        """What came since the position ``since`` (None: from the beginning), up to ``until`` (aware UTC).

        ``until`` is never later than the system's own clock.

        With ``span``: that time once more, whatever the position. Raises SourceError; what was yielded before is whole.
        """


@dataclass(frozen=True)
class Verdict:
    """What a look at a credential found. ``remedy`` is empty when the state is ok."""

    state: Literal["ok", "warning", "error"]
    words: str
    remedy: str = ""


class Connector(ABC):
    """One account of a system; ``client`` is its limited, counted connection.

    ``hosts``: the only hosts it talks to, besides a sandbox on this machine. ``stream_datasets``: its streams in the
    order in which they are read, each with the datasets it lands.
    """

    system: ClassVar[str]
    title: ClassVar[str]
    options_class: ClassVar[type[ConnectionOptions]]
    hosts: ClassVar[tuple[str, ...]]
    stream_datasets: ClassVar[Mapping[str, tuple[str, ...]]]

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context
        self.client = HttpClient(
            options.base_url,
            timeout_seconds=options.timeout_seconds,
            per_second=options.requests_per_second,
            sleep=context.sleep,
        )

    @property
    @abstractmethod
    def account(self) -> str:
        """What the vendor calls this account, or the shop's store number: stays when the connection is renamed."""

    @abstractmethod
    def streams(self) -> Sequence[Stream]:
        """One per name of ``stream_datasets``, in its order."""

    @abstractmethod
    def check(self) -> Verdict:
        """One cheap call with the credential, with which every sync begins: it also tells the system's time.

        Raises SourceError when it fails: the message holds the remedy.
        """

    def source(self, stream: str) -> str:
        """The name under which a stream's batches stand in the manifest."""
        return f"{self.system}:{self.account}/{stream}"

    def close(self) -> None:
        self.client.close()
