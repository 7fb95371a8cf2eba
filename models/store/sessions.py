"""Sessions: one row per sign-in. The browser holds a random token, the store only its sha256."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from models.store.audit import write
from models.store.database import Database
from models.store.tables import sessions, users

TOKEN_BYTES = 32
SEEN_EVERY = timedelta(seconds=60)  # writing on every rerun would make every page wait for the store's one writer
_LONGEST_AGENT = 300


@dataclass(frozen=True)
class Session:
    """A sign-in as of now; times are naive UTC, ``address`` and ``user_agent`` as the browser told them."""

    token_sha256: str
    user_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


class SessionLedger:
    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, user_id: str, at: datetime, age: timedelta, address: str, user_agent: str, way: str) -> str:
        """Start a session of at most ``age``; returns the token for the cookie. ``way``: password, oidc, demo."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._database.writing() as connection:
            connection.execute(
                sa.insert(sessions).values(
                    token_sha256=token_sha256(token),
                    user_id=user_id,
                    created_at=at,
                    last_seen_at=at,
                    expires_at=at + age,
                    address=address,
                    user_agent=user_agent[:_LONGEST_AGENT],
                )
            )
            write(connection, user_id, "signed_in", "session", token_sha256(token)[:12], {"way": way}, at)
        return token

    def find(self, token: str, at: datetime, idle: timedelta) -> Session | None:
        """The session of a token while it is good: not revoked, not expired, not idle for ``idle``, its person enabled.

        Marks it as seen, at most once a minute.
        """
        digest = token_sha256(token)
        statement = (
            sa.select(sessions)
            .join(users, users.c.user_id == sessions.c.user_id)
            .where(sessions.c.token_sha256 == digest, users.c.disabled_at.is_(None), *_good(at, idle))
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).mappings().first()
        if row is None:
            return None
        if at - row["last_seen_at"] >= SEEN_EVERY:
            with self._database.writing() as connection:
                connection.execute(sa.update(sessions).where(sessions.c.token_sha256 == digest).values(last_seen_at=at))
        return _session(row)

    def of(self, user_id: str, at: datetime, idle: timedelta) -> list[Session]:
        """The good sessions of a person, the newest first."""
        statement = (
            sa.select(sessions)
            .where(sessions.c.user_id == user_id, *_good(at, idle))
            .order_by(sessions.c.created_at.desc())
        )
        with self._database.reading() as connection:
            return [_session(row) for row in connection.execute(statement).mappings()]

    def revoke(self, digest: str, user_id: str, by: str, at: datetime) -> bool:
        """End one session of a person by its token's sha256; False when it is not theirs or over."""
        same = (
            sessions.c.token_sha256 == digest,
            sessions.c.user_id == user_id,
            sessions.c.revoked_at.is_(None),
        )
        with self._database.writing() as connection:
            if connection.execute(sa.update(sessions).where(*same).values(revoked_at=at)).rowcount == 0:
                return False
            write(connection, by, "session_revoked", "session", digest[:12], {"user_id": user_id}, at)
        return True

    def revoke_all(self, user_id: str, by: str, at: datetime) -> int:
        """End every session of a person; returns how many."""
        with self._database.writing() as connection:
            ended = connection.execute(
                sa.update(sessions)
                .where(sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
                .values(revoked_at=at)
            ).rowcount
            write(connection, by, "sessions_revoked", "user", user_id, {"sessions": ended}, at)
        return ended


def token_sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _good(at: datetime, idle: timedelta) -> tuple[sa.ColumnElement[bool], ...]:
    return (sessions.c.revoked_at.is_(None), sessions.c.expires_at > at, sessions.c.last_seen_at > at - idle)


def _session(row: sa.RowMapping) -> Session:
    return Session(**{name: row[name] for name in Session.__dataclass_fields__})
