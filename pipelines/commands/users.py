"""``scrm users``: who may sign in. Who has the machine can always let the owner in again."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

import typer

from models.serving.roles import ROLES
from models.settings import Settings
from models.store import Scope, Store, StoreError, User
from models.store.signin import hash_password
from models.store.users import SCOPE_KINDS
from pipelines.commands import acting
from pipelines.commands.output import AsJson, emit, fail, rows_table

app = typer.Typer(no_args_is_help=True, help="Users: who may sign in to the dashboard, as what, for which stores.")

Login = Annotated[str, typer.Argument(help="the person's login")]
_PASSWORD_BYTES = 12


def _known_role(role: str) -> str:
    if role not in ROLES:
        raise typer.BadParameter(f"{role!r}; known: {', '.join(ROLES)}")
    return role


def _scope(text: str) -> Scope:
    """``company``, ``region:华东``, ``department:S001``, ``store:S001``."""
    kind, _, value = text.partition(":")
    try:
        return Scope(kind, value)
    except StoreError as error:
        raise typer.BadParameter(
            f"{text!r}: {error}; for example company, region:East, {SCOPE_KINDS[3]}:S001"
        ) from error


Role = Annotated[list[str] | None, typer.Option("--role", help="may be given again: " + ", ".join(ROLES))]
ScopeOption = Annotated[
    list[str] | None,
    typer.Option("--scope", help="may be given again: company, region:NAME, department:NAME, store:ID"),
]


@app.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option(help="as the pages show it")],
    role: Role = None,
    scope: ScopeOption = None,
    staff: Annotated[str | None, typer.Option(help="WeCom userid whose customers are this person's")] = None,
    without_password: Annotated[
        bool, typer.Option("--without-password", help="signs in through the identity provider only")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a person. A password is made and shown this once; the person changes it on the account page.

    Example: `scrm users add lin@example.com --name Lin --role store_manager --scope store:S001`

    Exit codes: 0 added; 1 the login is taken or the store cannot be opened; 2 an unknown role or scope.
    """
    roles = [_known_role(one) for one in role or []]
    scopes = [_scope(one) for one in scope or []]
    password = None if without_password else secrets.token_urlsafe(_PASSWORD_BYTES)
    with _opened() as store:
        user_id = store.users.add(
            login,
            name,
            None if password is None else hash_password(password),
            roles=roles,
            scopes=scopes,
            by=acting.author(),
            at=acting.now(),
            staff_userid=staff,
        )
    emit({"added": login.strip().lower(), "user_id": user_id, "password": password}, as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Everybody who may sign in or once could.

    Example: `scrm users list`

    Exit codes: 0 done; 1 the store cannot be opened.
    """
    with _opened() as store:
        users = store.users.all()
    rows = [
        {
            "login": user.login,
            "name": user.name,
            "roles": sorted(user.roles),
            "scopes": [str(scope) for scope in sorted(user.scopes)],
            "staff_userid": user.staff_userid,
            "disabled": user.disabled_at is not None,
            "user_id": user.user_id,
        }
        for user in users
    ]
    shown = [
        [
            user.login,
            user.name,
            ", ".join(sorted(user.roles)),
            ", ".join(str(scope) for scope in sorted(user.scopes)),
            "" if user.disabled_at is None else "yes",
        ]
        for user in users
    ]
    table = rows_table("Users", ["login", "name", "roles", "scopes", "disabled"], shown)
    emit({"users": rows}, as_json=as_json, table=table)


@app.command()
def disable(
    login: Login,
    undo: Annotated[bool, typer.Option("--undo", help="let the person in again")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a person in no longer; open sessions end with their next click. Nobody is deleted, for the audit's sake.

    Example: `scrm users disable lin@example.com`

    Exit codes: 0 done; 1 nobody has this login, or no owner would be left.
    """
    with _opened() as store:
        user = _user(store, login)
        if undo:
            store.users.enable(user.user_id, acting.author(), acting.now())
        else:
            store.users.disable(user.user_id, acting.author(), acting.now())
    emit({"login": user.login, "disabled": not undo}, as_json=as_json)


@app.command()
def password(login: Login, as_json: AsJson = False) -> None:
    """Give a person a new password, shown this once; unlocks the account and ends its sessions.

    Example: `scrm users password lin@example.com`

    Exit codes: 0 done; 1 nobody has this login.
    """
    made = secrets.token_urlsafe(_PASSWORD_BYTES)
    with _opened() as store:
        user = _user(store, login)
        store.users.set_password(user.user_id, hash_password(made), acting.author(), acting.now())
    emit({"login": user.login, "password": made}, as_json=as_json)


@app.command()
def grant(login: Login, role: Role = None, scope: ScopeOption = None, as_json: AsJson = False) -> None:
    """Give roles and scopes; they count from the person's next click on.

    Example: `scrm users grant lin@example.com --role analyst --scope region:East`

    Exit codes: 0 done; 1 nobody has this login; 2 an unknown role or scope.
    """
    roles, scopes = [_known_role(one) for one in role or []], [_scope(one) for one in scope or []]
    with _opened() as store:
        user = _user(store, login)
        for one in roles:
            store.users.grant_role(user.user_id, one, acting.author(), acting.now())
        for place in scopes:
            store.users.grant_scope(user.user_id, place, acting.author(), acting.now())
        _report(store, user, as_json)


@app.command()
def revoke(login: Login, role: Role = None, scope: ScopeOption = None, as_json: AsJson = False) -> None:
    """Take roles and scopes away; the person's next click is refused.

    Example: `scrm users revoke lin@example.com --role analyst`

    Exit codes: 0 done; 1 nobody has this login, or no owner would be left; 2 an unknown scope.
    """
    scopes = [_scope(one) for one in scope or []]
    with _opened() as store:
        user = _user(store, login)
        for one in role or []:
            store.users.revoke_role(user.user_id, one, acting.author(), acting.now())
        for place in scopes:
            store.users.revoke_scope(user.user_id, place, acting.author(), acting.now())
        _report(store, user, as_json)


@app.command()
def sessions(
    login: Login,
    end: Annotated[bool, typer.Option("--end", help="end all of them")] = False,
    as_json: AsJson = False,
) -> None:
    """Where a person is signed in.

    Example: `scrm users sessions lin@example.com --end`

    Exit codes: 0 done; 1 nobody has this login.
    """
    settings = Settings()
    with _opened() as store:
        user = _user(store, login)
        found = store.sessions.of(user.user_id, acting.now(), timedelta(minutes=settings.signin.idle_minutes))
        ended = store.sessions.revoke_all(user.user_id, acting.author(), acting.now()) if end else 0
    rows = [[str(one.created_at), str(one.last_seen_at), one.address, one.user_agent] for one in found]
    columns = ["created_at", "last_seen_at", "address", "user_agent"]
    data = {"sessions": [dict(zip(columns, row, strict=True)) for row in rows], "ended": ended}
    emit(data, as_json=as_json, table=rows_table(f"Sessions of {user.login} (UTC); ended: {ended}", columns, rows))


@contextmanager
def _opened() -> Iterator[Store]:
    with Store.open(Settings().store_address) as store:
        yield store


def _user(store: Store, login: str) -> User:
    user = store.users.by_login(login)
    if user is None:
        fail(f"nobody has the login {login}; see `scrm users list`")
    return user


def _report(store: Store, user: User, as_json: bool) -> None:
    now = store.users.by_id(user.user_id) or user
    emit(
        {"login": now.login, "roles": sorted(now.roles), "scopes": [str(scope) for scope in sorted(now.scopes)]},
        as_json=as_json,
    )
