"""WeCom as a connector: one corp, its streams, and a look at its credential.

What is read and which rights the application needs: docs/sources/wecom.md.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from pipelines.sources.connector import ConnectionOptions, Connector, Context, Stream, Verdict
from pipelines.sources.wecom_api import WecomClient
from pipelines.sources.wecom_contacts import ContactsStream
from pipelines.sources.wecom_history import BehaviourStream, MessagesStream, PaymentsStream
from pipelines.sources.wecom_passes import GroupsStream, HandoversStream, LinksStream, StaffStream, TagsStream

HOST = "qyapi.weixin.qq.com"


class WecomOptions(ConnectionOptions):
    """One corp and one application in it. ``requests_per_second``: the vendor allows 10,000 calls a minute."""

    base_url: str = f"https://{HOST}/cgi-bin"
    requests_per_second: float = Field(default=165.0, ge=0, description="the vendor allows 10,000 a minute; 0: none")
    corp_id: str = Field(min_length=1, description="the corp's id (我的企业 → 企业ID)")
    secret: SecretStr = Field(description="the secret of a self-built application that may call customer contact")
    page_size: int = Field(default=100, ge=1, le=100, description="rows a page; the vendor's limit is 100")
    contacts_every_hours: int = Field(default=0, ge=0, description="contacts are read no more often; 0: each time")
    others_every_hours: int = Field(
        default=20, ge=0, description="groups, links and handovers are read no more often; 0: each time"
    )
    transfer_pairs: tuple[tuple[str, str], ...] = Field(
        default=(), description="pairs of staff (from, to) between whom contacts were handed over"
    )
    without: tuple[str, ...] = Field(default=(), description="streams to leave out, such as links")

    @field_validator("secret")
    @classmethod
    def _given(cls, secret: SecretStr) -> SecretStr:
        if not secret.get_secret_value():
            raise ValueError("must not be empty")
        return secret

    @field_validator("without")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = WecomConnector.stream_datasets
        if unknown := sorted(set(names) - set(known)):
            raise ValueError(f"no stream is called {', '.join(unknown)}; there are {', '.join(known)}")
        return names


class WecomConnector(Connector):
    """Contacts come last of what others refer to, so that a first sync can be looked at early."""

    system = "wecom"
    title = "WeCom 企业微信"
    options_class = WecomOptions
    hosts = (HOST,)
    stream_datasets: ClassVar[Mapping[str, tuple[str, ...]]] = {
        kind.name: kind.datasets
        for kind in (
            StaffStream,
            ContactsStream,
            TagsStream,
            GroupsStream,
            BehaviourStream,
            MessagesStream,
            PaymentsStream,
            LinksStream,
            HandoversStream,
        )
    }
    options: WecomOptions

    def __init__(self, options: WecomOptions, context: Context) -> None:
        super().__init__(options, context)
        self.wecom = WecomClient(options, self.client)

    @property
    def account(self) -> str:
        return self.options.corp_id

    def streams(self) -> Sequence[Stream]:
        options, context, client = self.options, self.context, self.wecom
        others = timedelta(hours=options.others_every_hours)

        def of(name: str) -> tuple[str, Context, WecomClient]:
            return self.source(name), context, client

        handovers = HandoversStream(*of("handovers"), others)
        handovers.pairs = options.transfer_pairs
        found: list[Stream] = [
            StaffStream(*of("staff")),
            ContactsStream(*of("contacts"), every=timedelta(hours=options.contacts_every_hours)),
            TagsStream(*of("tags")),
            GroupsStream(*of("groups"), others),
            BehaviourStream(*of("behaviour")),
            MessagesStream(*of("messages")),
            PaymentsStream(*of("payments")),
            LinksStream(*of("links"), others),
            handovers,
        ]
        return [stream for stream in found if stream.name not in options.without]

    def check(self) -> Verdict:
        """Asks who may contact customers: the right that everything else needs."""
        members = len(self.wecom.follow_users())
        if members == 0:
            return Verdict(
                "warning",
                f"corp {self.options.corp_id}: nobody may contact customers",
                "give members the right to customer contact, and widen the application's visible range",
            )
        return Verdict("ok", f"corp {self.options.corp_id}: {members} members may contact customers")
