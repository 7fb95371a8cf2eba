"""Signing in with a password: argon2id, counted tries, one answer and one cost for everything that is wrong.

A login that does not exist, a locked one, a disabled one and a wrong password cost one comparison each and give the
same answer, so that nobody learns from it who works here.
"""

import threading
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from models.errors import ExpectedError
from models.settings import SigninSettings
from models.store import Store
from models.store.users import User

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200
ACTION_FAILED = "signin_failed"

#: RFC 9106's second recommendation, the library's default: 64 MiB, three passes. About 0.1 s of a core.
_HASHER = PasswordHasher()
_TOGETHER = threading.Semaphore(2)  # 64 MiB each: a flood of tries must not take the machine's memory


@cache
def _nobody() -> str:
    """What the password of an unknown login is compared with; made when first needed, because it costs 0.1 s."""
    return _HASHER.hash("nobody has this password")


class PasswordError(ExpectedError):
    """The password cannot be taken; the message says why."""


def hash_password(password: str) -> str:
    """Raises PasswordError for one that is too short or too long (characters)."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise PasswordError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    with _TOGETHER:
        return _HASHER.hash(password)


def verified(password_hash: str | None, password: str) -> bool:
    """Whether a password is the one of a hash; the same work when there is none."""
    nobody = _nobody()
    with _TOGETHER:
        try:
            _HASHER.verify(password_hash or nobody, password[: LONGEST_PASSWORD + 1])
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def sign_in(
    store: Store, login: str, password: str, settings: SigninSettings, at: datetime, address: str, user_agent: str
) -> str | None:
    """The token of a new session, or None for whatever is wrong. Both are in the audit.

    Tries are counted per login (it locks) and per address (a person who tries many logins is slowed as well).
    """
    lock = timedelta(minutes=settings.lock_minutes)
    busy = store.audit.count_since(ACTION_FAILED, address, at - lock) >= settings.most_failures_of_address
    attempt = None if busy else store.users.begin_attempt(login, at, settings.most_failures, lock)
    right = verified(None if attempt is None else attempt.password_hash, password)
    if attempt is None or attempt.refused or not right:
        user_id = None if attempt is None else attempt.user_id
        store.audit.record(user_id, ACTION_FAILED, "address", address, {"known": attempt is not None}, at)
        return None
    store.users.attempt_succeeded(attempt.user_id)
    return store.sessions.open(
        attempt.user_id, at, timedelta(hours=settings.session_hours), address, user_agent, "password"
    )


def person(store: Store, token: str | None, settings: SigninSettings, at: datetime) -> tuple[User, str] | None:
    """Who holds a token, read from the store now, and the token's sha256; None when the session is over."""
    if not token:
        return None
    session = store.sessions.find(token, at, timedelta(minutes=settings.idle_minutes))
    if session is None:
        return None
    user = store.users.by_id(session.user_id)
    return None if user is None else (user, session.token_sha256)
