"""Messages that Youzan pushes: is it theirs, and what happened to which trade. Pure functions; no network, no state.

Facts: doc.youzanyun.com, message push of applications without a container. Messages come late, twice and out of order;
``version`` grows with each change of one trade, and the highest is right. A message says that something changed: what
it is now is read from the API, not sooner than ``SETTLES_AFTER``. The answer must come within ``ANSWER_WITHIN`` and
hold the word ``success``; otherwise the message comes again.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from pipelines.sources.http import SourceError

SIGNATURE_HEADER = "Event-Sign"
SETTLES_AFTER = timedelta(seconds=30)
ANSWER_WITHIN = timedelta(seconds=5)


class BadPushError(SourceError):
    """The message is not signed by the platform for this application, or cannot be read."""


@dataclass(frozen=True)
class Push:
    """``event``: the message's type. ``tid`` and ``refund_id`` are empty when the message is not about one; ``version``
    is 0 when it has none. ``message_id`` is the same each time a message is sent."""

    event: str
    tid: str
    refund_id: str
    version: int
    kdt_id: str
    message_id: str


def sign(entity: bytes, client_id: str, client_secret: str) -> str:
    """MD5, lower hex, over the application, the untouched body and the secret."""
    return hashlib.md5(client_id.encode() + entity + client_secret.encode()).hexdigest()


def read_push(entity: bytes, signature: str, client_id: str, client_secret: str) -> Push:
    """What a signed body says. ``entity`` is the body as it came: written again it would have another signature.

    Raises BadPushError.
    """
    if not hmac.compare_digest(sign(entity, client_id, client_secret).encode(), signature.lower().encode()):
        raise BadPushError(
            "a push with a wrong signature was refused; check client_id and client_secret of the connection"
        )
    try:
        body = msgspec.json.decode(entity, type=dict[str, Any])
        message = _message(body.get("msg"))
    except ValueError:
        raise BadPushError("a signed push is no JSON object; its form has changed") from None
    return Push(
        event=str(body.get("type") or ""),
        tid=_tid(body, message),
        refund_id=str(message.get("refund_id") or ""),
        version=_whole(body.get("version")),
        kdt_id=str(body.get("kdt_id") or ""),
        message_id=str(body.get("msg_id") or ""),
    )


def _message(said: Any) -> dict[str, Any]:
    """``msg``: an object, or the same as JSON text in percent encoding (a space may be %20 or a plus)."""
    if isinstance(said, str) and said:
        return msgspec.json.decode(unquote_plus(said), type=dict[str, Any])
    return said if isinstance(said, dict) else {}


def _tid(body: dict[str, Any], message: dict[str, Any]) -> str:
    info = message.get("full_order_info")
    order = info.get("order_info") if isinstance(info, dict) else None
    inner = order.get("tid") if isinstance(order, dict) else None
    # `id` is the trade's number in messages about trades only; in those about customers it is a person
    of_a_trade = body.get("id") if str(body.get("type") or "").startswith("trade_") else None
    return str(message.get("tid") or inner or body.get("tid") or of_a_trade or "")


def _whole(found: Any) -> int:
    text = str(found)
    return int(text) if text.isascii() and text.isdigit() else 0
