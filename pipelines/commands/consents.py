"""``scrm consents``: record a withdrawal, keep the do-not-contact list. Both take effect in the next export."""

import uuid
from collections.abc import Callable
from typing import Annotated

import polars as pl
import typer

from models.contracts import ROW_COLUMN
from models.contracts.landed.files import CONSENTS
from models.identifiers import masked, phone_e164
from models.settings import Settings
from models.store import Store
from pipelines.commands import acting
from pipelines.commands.output import WRONG_USAGE, AsJson, emit, fail

app = typer.Typer(no_args_is_help=True, help="Consents: withdrawals and the do-not-contact list.")

Phone = Annotated[str | None, typer.Option(help="The person's phone, in any spelling.")]
Unionid = Annotated[str | None, typer.Option(help="The person's WeChat unionid.")]
ExternalUserid = Annotated[str | None, typer.Option(help="The person's WeCom external contact id.")]
MemberNo = Annotated[str | None, typer.Option(help="The person's member number.")]


def _known(column: str) -> Callable[[str], str]:
    """A mistyped channel or purpose would be recorded, and bind nobody."""

    def check(value: str) -> str:
        if value not in CONSENTS.by_name[column].known:
            raise typer.BadParameter(f"{value!r}; known: {', '.join(CONSENTS.by_name[column].known)}")
        return value

    return check


Channel = Annotated[str, typer.Option(help="any, sms, wecom, email or phone.", callback=_known("channel"))]
Purpose = Annotated[str, typer.Option(help="marketing, service or profiling.", callback=_known("purpose"))]


@app.command()
def withdraw(
    phone: Phone = None,
    unionid: Unionid = None,
    external_userid: ExternalUserid = None,
    member_no: MemberNo = None,
    purpose: Purpose = "marketing",
    channel: Channel = "any",
    evidence: Annotated[str, typer.Option(help="Where the withdrawal is recorded.")] = "command line",
    as_json: AsJson = False,
) -> None:
    """Record that a person withdrew a consent. The ledger keeps what was before; the next export leaves them out.

    Example: `scrm consents withdraw --phone 13800001111 --purpose marketing`

    Exit codes: 0 recorded; 1 the store cannot be opened; 2 not exactly one identifier, not a phone number,
    or an unknown purpose or channel.
    """
    settings = Settings()
    kind, identifier = _identifier(settings, phone, unionid, external_userid, member_no)
    now = acting.now()
    decision = pl.DataFrame(
        {
            ROW_COLUMN: [1],
            "identifier_type": [kind],
            "identifier": [identifier],
            "purpose": [purpose],
            "channel": [channel],
            "state": ["withdrawn"],
            "decided_at": [now],
            "evidence": [evidence],
        }
    )
    with Store.open(settings.store_address) as store:
        store.consents.append(
            decision, f"command:{uuid.uuid4().hex}", recorded_at=now, phone_region=settings.phone_region
        )
    emit(
        {"withdrawn": masked(identifier), "identifier_type": kind, "purpose": purpose, "channel": channel},
        as_json=as_json,
    )


@app.command()
def block(
    reason: Annotated[str, typer.Option(help="Why: complaint, deceased, bounced ...")],
    phone: Phone = None,
    unionid: Unionid = None,
    external_userid: ExternalUserid = None,
    member_no: MemberNo = None,
    channel: Channel = "any",
    as_json: AsJson = False,
) -> None:
    """Put a person on the do-not-contact list, whatever they agreed to.

    Example: `scrm consents block --phone 13800001111 --channel sms --reason complaint`

    Exit codes: 0 on the list; 1 the store cannot be opened; 2 not exactly one identifier, not a phone number,
    or an unknown channel.
    """
    settings = Settings()
    kind, identifier = _identifier(settings, phone, unionid, external_userid, member_no)
    with Store.open(settings.store_address) as store:
        added = store.suppressions.add(kind, identifier, channel, reason, acting.now())
    emit({"blocked": masked(identifier), "channel": channel, "was_on_the_list": not added}, as_json=as_json)


@app.command()
def unblock(
    phone: Phone = None,
    unionid: Unionid = None,
    external_userid: ExternalUserid = None,
    member_no: MemberNo = None,
    channel: Channel = "any",
    as_json: AsJson = False,
) -> None:
    """Take a person off the do-not-contact list, for the channel under which they were put there.

    Example: `scrm consents unblock --phone 13800001111 --channel sms`

    Exit codes: 0 taken off; 1 was not on the list; 2 not exactly one identifier, not a phone number,
    or an unknown channel.
    """
    settings = Settings()
    kind, identifier = _identifier(settings, phone, unionid, external_userid, member_no)
    with Store.open(settings.store_address) as store:
        lifted = store.suppressions.lift(kind, identifier, channel, acting.now())
    if not lifted:
        fail(f"{masked(identifier)} is not on the list for channel {channel}")
    emit({"unblocked": masked(identifier), "channel": channel}, as_json=as_json)


def _identifier(
    settings: Settings, phone: str | None, unionid: str | None, external_userid: str | None, member_no: str | None
) -> tuple[str, str]:
    """Type and normalised value of the one identifier that was given."""
    options = {"phone": phone, "unionid": unionid, "external_userid": external_userid, "member_no": member_no}
    given = {kind: value.strip() for kind, value in options.items() if value and value.strip()}
    if len(given) != 1:
        fail("give exactly one of --phone, --unionid, --external-userid, --member-no", WRONG_USAGE)
    kind, value = given.popitem()
    if kind != "phone":
        return kind, value
    if (number := phone_e164(value, settings.phone_region)) is None:
        fail(
            f"{masked(value)} is not a phone number of {settings.phone_region}, nor one with a country code",
            WRONG_USAGE,
        )
    return kind, number
