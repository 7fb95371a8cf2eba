"""What all of WeCom's interfaces share in the sandbox: refusals, checks of a request's fields, and pages by cursor."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Body = Mapping[str, Any]

BAD_PARAMETER, BAD_CONTACT, BAD_TAG = 40058, 40096, 40068
NO_SUCH_USER, NO_RELATION, NO_RIGHT = 60111, 84061, 84074
NO_RECEIVER, OWNER_NEEDED = 81013, 81017
WELCOME_OVER, WELCOME_SENT = 41050, 41051
DAY_SECONDS = 86_400
BEIJING_SECONDS = 8 * 3_600


class RefusalError(Exception):
    """The server's refusal: an ``errcode`` other than 0, in HTTP 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def whole(body: Body, name: str, low: int, high: int, default: int | None = None) -> int:
    """A whole number of the request within its bounds; ``default`` when it is not given."""
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise RefusalError(BAD_PARAMETER, f"{name} must be {low} to {high}")
    return value


def text(body: Body, name: str, *, most_bytes: int | None = None) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise RefusalError(BAD_PARAMETER, f"{name} is missing")
    if most_bytes is not None and len(value.encode()) > most_bytes:
        raise RefusalError(BAD_PARAMETER, f"{name} is longer than {most_bytes} bytes")
    return value


def texts(body: Body, name: str, most: int, *, least: int = 1) -> list[str]:
    """A list of texts of the request; one that is not given is empty."""
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RefusalError(BAD_PARAMETER, f"{name} must be a list of texts")
    if not least <= len(value) <= most:
        raise RefusalError(BAD_PARAMETER, f"{name} must hold {least} to {most}")
    return value


def midnight(seconds: int) -> int:
    """The start of the civil day in Beijing, as the vendor snaps the times of its statistics."""
    return (seconds + BEIJING_SECONDS) // DAY_SECONDS * DAY_SECONDS - BEIJING_SECONDS


def stamp(*pieces: Any) -> str:
    """What a cursor belongs to: the request without its cursor."""
    return hashlib.sha256(json.dumps(pieces, sort_keys=True).encode()).hexdigest()[:12]


def write_cursor(start: int, turn: int, owner: str) -> str:
    return base64.urlsafe_b64encode(f"{owner}:{start}:{turn}".encode()).decode()


def read_cursor(cursor: str, owner: str) -> tuple[int, int]:
    """(place, turn). Opaque to the caller; one of another request is refused."""
    if not cursor:
        return 0, 0
    try:
        of, start, turn = base64.urlsafe_b64decode(cursor).decode().split(":")
        place = int(start), int(turn)
    except (binascii.Error, ValueError):
        raise RefusalError(BAD_PARAMETER, "invalid cursor") from None
    if of != owner:
        raise RefusalError(BAD_PARAMETER, "cursor of another request")
    return place


def paged(
    name: str, rows: Sequence[Any], body: Body, *, most: int, usual: int | None = None, owner: Sequence[Any] = ()
) -> dict[str, Any]:
    """One page of ``rows`` under ``name``, with ``next_cursor``: empty on the last page."""
    limit = whole(body, "limit", 1, most, usual or most)
    of = stamp(name, limit, *owner)
    start, _ = read_cursor(str(body.get("cursor") or ""), of)
    after = start + limit
    return {
        name: list(rows[start:after]),
        "next_cursor": write_cursor(after, 0, of) if after < len(rows) else "",
    }
