"""Who may sign in: users with their roles and scopes. Nobody is deleted, because the audit speaks of them.

Every change is written with its row of the audit in one transaction; ``by`` is who did it (a user id, or
``cli:<account>`` at the command line), ``at`` is naive UTC.
"""

import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from models.store.audit import write
from models.store.database import Database, StoreError
from models.store.tables import sessions, user_roles, user_scopes, users

SCOPE_KINDS = ("company", "region", "department", "store")
OWNER = "owner"
LONGEST_LOGIN, LONGEST_NAME = 200, 100


@dataclass(frozen=True, order=True)
class Scope:
    """``value`` is the name of a region, a department or a store; empty for the company."""

    kind: str
    value: str = ""

    def __post_init__(self) -> None:
        if self.kind not in SCOPE_KINDS:
            raise StoreError(f"scope {self.kind!r} is none of {', '.join(SCOPE_KINDS)}")
        if (self.kind == "company") == bool(self.value):
            raise StoreError("a region, a department or a store needs a name; the company has none")

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}" if self.value else self.kind


@dataclass(frozen=True)
class User:
    """A person as of now. ``staff_userid``: the WeCom employee whose customers are theirs. Times are naive UTC."""

    user_id: str
    login: str
    name: str
    roles: frozenset[str]
    scopes: frozenset[Scope]
    language: str | None
    staff_userid: str | None
    has_password: bool
    oidc_subject: str | None
    failed_attempts: int
    locked_until: datetime | None
    disabled_at: datetime | None
    created_at: datetime
    password_changed_at: datetime | None


@dataclass(frozen=True)
class Attempt:
    """A counted try to sign in: whose it is and the hash to compare with; ``refused``: whatever the password is."""

    user_id: str
    password_hash: str | None
    refused: bool


class UserDirectory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def exist(self) -> bool:
        """Whether anybody can sign in at all; False: the first visitor sets the company up."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(users.c.user_id).limit(1)).first() is not None

    def add(
        self,
        login: str,
        name: str,
        password_hash: str | None,
        *,
        roles: Iterable[str],
        scopes: Iterable[Scope],
        by: str,
        at: datetime,
        staff_userid: str | None = None,
        language: str | None = None,
        only_as_first: bool = False,
    ) -> str:
        """Add a person; returns the new user id. Raises StoreError when the login is taken or no login, and with
        ``only_as_first`` when somebody is there already."""
        login, name, user_id = login_of(login), _name_of(name), uuid.uuid4().hex
        values = {
            "user_id": user_id,
            "login": login,
            "name": name,
            "password_hash": password_hash,
            "language": language,
            "staff_userid": staff_userid or None,
            "created_at": at,
            "password_changed_at": at if password_hash else None,
        }
        with self._database.writing() as connection:
            if only_as_first and connection.execute(sa.select(users.c.user_id).limit(1)).first():
                raise StoreError("the company has been set up already; sign in")
            if connection.execute(sa.select(users.c.user_id).where(users.c.login == login)).first():
                raise StoreError(f"the login {login} is taken")
            connection.execute(sa.insert(users).values(values))
            write(connection, by, "user_added", "user", user_id, {"login": login}, at)
            for role in sorted(set(roles)):
                _grant(connection, user_id, role, by, at)
            for scope in sorted(set(scopes)):
                _open_scope(connection, user_id, scope, by, at)
        return user_id

    def all(self) -> list[User]:
        """Everybody, by login; disabled people too."""
        with self._database.reading() as connection:
            return _read(connection, sa.true())

    def by_id(self, user_id: str) -> User | None:
        with self._database.reading() as connection:
            return next(iter(_read(connection, users.c.user_id == user_id)), None)

    def by_login(self, login: str) -> User | None:
        with self._database.reading() as connection:
            return next(iter(_read(connection, users.c.login == login.strip().lower())), None)

    def by_subject(self, oidc_subject: str) -> User | None:
        with self._database.reading() as connection:
            return next(iter(_read(connection, users.c.oidc_subject == oidc_subject)), None)

    def link_subject(self, user_id: str, oidc_subject: str, at: datetime) -> None:
        """Bind a person to an identity of the company's identity provider. Raises StoreError when bound already."""
        with self._database.writing() as connection:
            changed = connection.execute(
                sa.update(users)
                .where(users.c.user_id == user_id, users.c.oidc_subject.is_(None))
                .values(oidc_subject=oidc_subject)
            )
            if changed.rowcount != 1:
                raise StoreError("this person is bound to another identity already")
            write(connection, user_id, "oidc_linked", "user", user_id, {}, at)

    # ------------------------------------------------------------------ passwords

    def begin_attempt(self, login: str, at: datetime, most: int, lock: timedelta) -> Attempt | None:
        """Count a try before its password is compared, so that a hundred at once are a hundred; None: no such login.

        The try number ``most`` locks the account for ``lock``; when that is over, counting starts anew.
        """
        with self._database.writing() as connection:
            row = connection.execute(sa.select(users).where(users.c.login == login.strip().lower())).mappings().first()
            if row is None:
                return None
            if row["locked_until"] is not None and row["locked_until"] > at:
                return Attempt(row["user_id"], row["password_hash"], refused=True)
            tries = 1 if row["locked_until"] is not None else row["failed_attempts"] + 1
            connection.execute(
                sa.update(users)
                .where(users.c.user_id == row["user_id"])
                .values(failed_attempts=tries, locked_until=at + lock if tries >= most else None)
            )
            return Attempt(row["user_id"], row["password_hash"], refused=row["disabled_at"] is not None)

    def attempt_succeeded(self, user_id: str) -> None:
        with self._database.writing() as connection:
            connection.execute(
                sa.update(users).where(users.c.user_id == user_id).values(failed_attempts=0, locked_until=None)
            )

    def password_hash(self, user_id: str) -> str | None:
        with self._database.reading() as connection:
            return connection.execute(sa.select(users.c.password_hash).where(users.c.user_id == user_id)).scalar()

    def set_password(
        self, user_id: str, password_hash: str, by: str, at: datetime, keep_session: str | None = None
    ) -> None:
        """Set a password, unlock, and end the person's sessions but ``keep_session`` (its token's sha256)."""
        with self._database.writing() as connection:
            _update(
                connection,
                user_id,
                password_hash=password_hash,
                password_changed_at=at,
                failed_attempts=0,
                locked_until=None,
            )
            _end_sessions(connection, user_id, at, keep_session)
            write(connection, by, "password_set", "user", user_id, {}, at)

    # ------------------------------------------------------------------ rights

    def grant_role(self, user_id: str, role: str, by: str, at: datetime) -> None:
        with self._database.writing() as connection:
            _known(connection, user_id)
            _grant(connection, user_id, role, by, at)

    def revoke_role(self, user_id: str, role: str, by: str, at: datetime) -> bool:
        """False when the person had no such role. Raises StoreError for the last owner who can sign in."""
        with self._database.writing() as connection:
            _known(connection, user_id)
            gone = connection.execute(
                sa.delete(user_roles).where(user_roles.c.user_id == user_id, user_roles.c.role == role)
            )
            if gone.rowcount == 0:
                return False
            _an_owner_is_left(connection)
            write(connection, by, "role_revoked", "user", user_id, {"role": role}, at)
        return True

    def grant_scope(self, user_id: str, scope: Scope, by: str, at: datetime) -> None:
        with self._database.writing() as connection:
            _known(connection, user_id)
            _open_scope(connection, user_id, scope, by, at)

    def revoke_scope(self, user_id: str, scope: Scope, by: str, at: datetime) -> bool:
        """False when the person had no such scope."""
        same = (
            user_scopes.c.user_id == user_id,
            user_scopes.c.kind == scope.kind,
            user_scopes.c.value == scope.value,
        )
        with self._database.writing() as connection:
            _known(connection, user_id)
            if connection.execute(sa.delete(user_scopes).where(*same)).rowcount == 0:
                return False
            write(connection, by, "scope_revoked", "user", user_id, {"scope": str(scope)}, at)
        return True

    def set_staff(self, user_id: str, staff_userid: str | None, by: str, at: datetime) -> None:
        """Say which WeCom employee a person is; None: none."""
        with self._database.writing() as connection:
            _update(connection, user_id, staff_userid=staff_userid or None)
            write(connection, by, "staff_set", "user", user_id, {"staff_userid": staff_userid or ""}, at)

    def set_language(self, user_id: str, language: str | None) -> None:
        with self._database.writing() as connection:
            _update(connection, user_id, language=language)

    def disable(self, user_id: str, by: str, at: datetime) -> None:
        """Nobody signs in as this person any more; their sessions end. Raises StoreError for the last owner."""
        with self._database.writing() as connection:
            _update(connection, user_id, disabled_at=at)
            _an_owner_is_left(connection)
            _end_sessions(connection, user_id, at, None)
            write(connection, by, "user_disabled", "user", user_id, {}, at)

    def enable(self, user_id: str, by: str, at: datetime) -> None:
        with self._database.writing() as connection:
            _update(connection, user_id, disabled_at=None, failed_attempts=0, locked_until=None)
            write(connection, by, "user_enabled", "user", user_id, {}, at)


def login_of(text: str) -> str:
    """A login as it is kept: NFKC, lower-case. Raises StoreError for an empty or a long one, or with spaces in it."""
    login = unicodedata.normalize("NFKC", text).strip().lower()
    if not login or len(login) > LONGEST_LOGIN or not login.isprintable() or " " in login:
        raise StoreError(f"a login has 1 to {LONGEST_LOGIN} characters and no spaces")
    return login


def _name_of(text: str) -> str:
    name = unicodedata.normalize("NFKC", text).strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise StoreError(f"a name has 1 to {LONGEST_NAME} printable characters")
    return name


def _read(connection: sa.Connection, where: sa.ColumnElement[bool] | sa.True_) -> list[User]:
    found = connection.execute(sa.select(users).where(where).order_by(users.c.login)).mappings().all()
    ids = [row["user_id"] for row in found]
    roles = connection.execute(sa.select(user_roles).where(user_roles.c.user_id.in_(ids))).all()
    scopes = connection.execute(sa.select(user_scopes).where(user_scopes.c.user_id.in_(ids))).all()
    return [
        User(
            **{name: row[name] for name in _PLAIN},
            has_password=row["password_hash"] is not None,
            roles=frozenset(one.role for one in roles if one.user_id == row["user_id"]),
            scopes=frozenset(Scope(one.kind, one.value) for one in scopes if one.user_id == row["user_id"]),
        )
        for row in found
    ]


_PLAIN = (
    "user_id", "login", "name", "language", "staff_userid", "oidc_subject", "failed_attempts", "locked_until",
    "disabled_at", "created_at", "password_changed_at",
)  # fmt: skip


def _known(connection: sa.Connection, user_id: str) -> None:
    if connection.execute(sa.select(users.c.user_id).where(users.c.user_id == user_id)).first() is None:
        raise StoreError("there is no such person")


def _update(connection: sa.Connection, user_id: str, **values: Any) -> None:
    if connection.execute(sa.update(users).where(users.c.user_id == user_id).values(**values)).rowcount == 0:
        raise StoreError("there is no such person")


def _grant(connection: sa.Connection, user_id: str, role: str, by: str, at: datetime) -> None:
    same = (user_roles.c.user_id == user_id, user_roles.c.role == role)
    if connection.execute(sa.select(user_roles).where(*same)).first() is None:
        connection.execute(sa.insert(user_roles).values(user_id=user_id, role=role))
        write(connection, by, "role_granted", "user", user_id, {"role": role}, at)


def _open_scope(connection: sa.Connection, user_id: str, scope: Scope, by: str, at: datetime) -> None:
    values = {"user_id": user_id, "kind": scope.kind, "value": scope.value}
    if connection.execute(sa.select(user_scopes).filter_by(**values)).first() is None:
        connection.execute(sa.insert(user_scopes).values(values))
        write(connection, by, "scope_granted", "user", user_id, {"scope": str(scope)}, at)


def _end_sessions(connection: sa.Connection, user_id: str, at: datetime, keep: str | None) -> None:
    same = [sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None)]
    if keep is not None:
        same.append(sessions.c.token_sha256 != keep)
    connection.execute(sa.update(sessions).where(*same).values(revoked_at=at))


def _an_owner_is_left(connection: sa.Connection) -> None:
    left = (
        sa.select(users.c.user_id)
        .join(user_roles, user_roles.c.user_id == users.c.user_id)
        .where(user_roles.c.role == OWNER, users.c.disabled_at.is_(None))
        .limit(1)
    )
    if connection.execute(left).first() is None:
        raise StoreError("somebody must remain who is an owner and may sign in")
