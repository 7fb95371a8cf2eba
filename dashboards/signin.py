"""Sign-in: the routes beside the dashboard, and the middleware in front of it.

``RequireSession`` lets nobody past without a good session: a page leads to ``/login``, anything else gets 401, a
websocket is refused before it is accepted. The forms are safe against other sites: the browser must say that the form
was ours (``Sec-Fetch-Site`` or ``Origin``), and the hidden token must equal the one in a cookie that only our page set.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards import signin_pages as pages
from dashboards.access import SESSION_COOKIE, now
from dashboards.signin_oidc import OidcRefusedError, Provider
from dashboards.text import LANGUAGES, Words
from models.settings import Settings
from models.store import Scope as StoreScope
from models.store import Store, StoreError
from models.store.demo_people import PASSWORD, PEOPLE, is_demo
from models.store.signin import PasswordError, hash_password, person, sign_in

FORM_COOKIE = "siyu_form"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost")
#: What may be fetched without a session: the pages here, the health address, the files of the Streamlit package.
OPEN = ("/login", "/login/", "/setup", "/logout", "/_stcore/health", "/static/", "/favicon.png")
_LARGEST_FORM = 10_000  # bytes
_REFUSED = 403


def is_open(path: str) -> bool:
    return any(path == one or (one.endswith("/") and path.startswith(one)) for one in OPEN)


class RequireSession:
    """ASGI middleware: http and websocket without a session end here."""

    def __init__(self, app: ASGIApp, store: Store, settings: Settings) -> None:
        self._app, self._store, self._settings = app, store, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or (scope["type"] == "http" and is_open(scope["path"])):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        token = connection.cookies.get(SESSION_COOKIE)
        if await run_in_threadpool(person, self._store, token, self._settings.signin, now()):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            await _turned_away(connection)(scope, receive, send)


def _turned_away(connection: HTTPConnection) -> Response:
    if "text/html" not in connection.headers.get("accept", ""):
        return PlainTextResponse("sign in first", 401, headers={"Cache-Control": "no-store"})
    path = connection.url.path
    if path.startswith(("/_stcore", "/auth", "/media", "/component")):
        path = "/"
    query = f"?{connection.url.query}" if connection.url.query and path != "/" else ""
    language = connection.query_params.get("language")
    spoken = f"&language={language}" if language in LANGUAGES else ""
    return RedirectResponse(f"/login?next={quote(path + query, safe='')}{spoken}", 303)


class Signin:
    """The routes. One object per server; the store and the settings are those of the installation."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._provider = Provider(store, settings.signin) if settings.signin.oidc_issuer else None

    def routes(self) -> list[BaseRoute]:
        found: list[BaseRoute] = [
            Route("/login", self._show_login, methods=["GET"]),
            Route("/login", self._form(self._login), methods=["POST"]),
            Route("/setup", self._show_setup, methods=["GET"]),
            Route("/setup", self._form(self._set_up), methods=["POST"]),
            Route("/logout", self._show_logout, methods=["GET"]),
            Route("/logout", self._form(self._logout), methods=["POST"]),
        ]
        if is_demo(self._settings.home):
            found.append(Route("/login/demo", self._form(self._demo), methods=["POST"]))
        if self._provider is not None:
            found.append(Route("/login/oidc", self._oidc_begin, methods=["GET"]))
            found.append(Route("/login/oidc/callback", self._oidc_end, methods=["GET"]))
        return found

    def middleware(self) -> list[Middleware]:
        hosts = [*LOOPBACK_HOSTS, *self._settings.dashboard.hosts]
        return [
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(RequireSession, store=self._store, settings=self._settings),
        ]

    # ------------------------------------------------------------------ pages

    async def _show_login(self, request: Request) -> Response:
        if not await run_in_threadpool(self._store.users.exist):
            return RedirectResponse(f"/setup?language={self._words(request).language}", 303)
        return self._login_page(request, following(request.query_params.get("next")))

    async def _show_setup(self, request: Request) -> Response:
        if await run_in_threadpool(self._store.users.exist):
            return RedirectResponse("/login", 303)
        token = _form_token(request)
        return self._with_token(pages.setup_page(self._words(request), token), token)

    async def _show_logout(self, request: Request) -> Response:
        token = _form_token(request)
        return self._with_token(pages.sign_out_page(self._words(request), token), token)

    def _login_page(self, request: Request, then: str, said: str = "", status: int = 200) -> Response:
        token, demo = _form_token(request), is_demo(self._settings.home)
        words = self._words(request)
        page = pages.sign_in_page(
            words,
            token,
            then,
            said=words(said) if said else "",
            status=status,
            demo=PEOPLE if demo else (),
            password=PASSWORD if demo else "",
            oidc=self._settings.signin.oidc_name if self._provider is not None else None,
        )
        return self._with_token(page, token)

    # ------------------------------------------------------------------ forms

    def _form(self, handle: Callable[[Request, Mapping[str, str]], Response]) -> Callable[[Request], object]:
        """A route for a form of ours; ``handle`` runs in a thread, because it waits for the store and for argon2."""

        async def route(request: Request) -> Response:
            length = request.headers.get("content-length", "")
            if not length.isascii() or not length.isdigit() or int(length) > _LARGEST_FORM:
                return PlainTextResponse("the form is too large", 413)
            async with request.form(max_files=0, max_fields=10) as form:
                given = {name: value for name, value in form.items() if isinstance(value, str)}
            if not self._is_ours(request, given.get(pages.FORM_TOKEN, "")):
                return self._login_page(request, "/", "signin.other_site", _REFUSED)
            return await run_in_threadpool(handle, request, given)

        return route

    def _is_ours(self, request: Request, token: str) -> bool:
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site not in (None, "same-origin") or (site is None and origin is None):
            return False
        if origin is not None:
            told = urlsplit(origin)
            if told.netloc != request.headers.get("host") and told.hostname not in self._settings.dashboard.hosts:
                return False
        kept = request.cookies.get(FORM_COOKIE, "")
        return bool(kept) and hmac.compare_digest(kept.encode(), token.encode())

    def _login(self, request: Request, given: Mapping[str, str]) -> Response:
        token = sign_in(
            self._store,
            given.get("login", ""),
            given.get("password", ""),
            self._settings.signin,
            now(),
            address(request),
            request.headers.get("user-agent", ""),
        )
        then = following(given.get("next"))
        if token is None:
            return self._login_page(request, then, "signin.wrong", 401)
        return self._entered(request, token, then)

    def _demo(self, request: Request, given: Mapping[str, str]) -> Response:
        """One click, in a home that the demo made; only as one of the demo's people, while they keep their names."""
        logins = {one.login for one in PEOPLE}
        user = self._store.users.by_login(given.get("login", "")) if given.get("login") in logins else None
        if user is None or user.disabled_at is not None:
            return self._login_page(request, "/", "signin.wrong", 401)
        return self._entered(request, self._session(request, user.user_id, "demo"), following(given.get("next")))

    def _set_up(self, request: Request, given: Mapping[str, str]) -> Response:
        said = ""
        if given.get("password") != given.get("repeat"):
            said = "signin.unequal"
        else:
            try:
                user_id = self._store.users.add(
                    given.get("login", ""),
                    given.get("name", ""),
                    hash_password(given.get("password", "")),
                    roles=["owner"],
                    scopes=[StoreScope("company")],
                    by="setup",
                    at=now(),
                    language=self._words(request).language,
                    only_as_first=True,
                )
            except PasswordError:
                said = "signin.bad_password"
            except StoreError:
                said = "signin.bad_login"
        if said:
            token, words = _form_token(request), self._words(request)
            return self._with_token(pages.setup_page(words, token, said=words(said), status=400), token)
        return self._entered(request, self._session(request, user_id, "setup"), "/")

    def _logout(self, request: Request, given: Mapping[str, str]) -> Response:  # noqa: ARG002 - as every form
        found = person(self._store, request.cookies.get(SESSION_COOKIE), self._settings.signin, now())
        if found is not None:
            user, digest = found
            self._store.sessions.revoke(digest, user.user_id, user.user_id, now())
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(SESSION_COOKIE, path="/")
        return answer

    # ------------------------------------------------------------------ the company's identity provider

    async def _oidc_begin(self, request: Request) -> Response:
        if self._provider is None:  # pragma: no cover - the route is there with a provider only
            return RedirectResponse("/login", 303)
        try:
            return await self._provider.begin(request, self._callback(request))
        except OidcRefusedError:
            return self._login_page(request, "/", "signin.oidc_refused", _REFUSED)

    async def _oidc_end(self, request: Request) -> Response:
        if self._provider is None:  # pragma: no cover
            return RedirectResponse("/login", 303)
        try:
            user_id = await self._provider.end(request)
        except OidcRefusedError as error:
            details = {"reason": str(error)}
            await run_in_threadpool(
                self._store.audit.record, None, "signin_failed", "address", address(request), details, now()
            )
            return self._login_page(request, "/", "signin.oidc_refused", _REFUSED)
        return self._entered(request, await run_in_threadpool(self._session, request, user_id, "oidc"), "/")

    def _callback(self, request: Request) -> str:
        scheme = "https" if self._settings.dashboard.https else "http"
        return f"{scheme}://{request.headers.get('host', '')}/login/oidc/callback"

    # ------------------------------------------------------------------ sessions and cookies

    def _session(self, request: Request, user_id: str, way: str) -> str:
        age = timedelta(hours=self._settings.signin.session_hours)
        agent = request.headers.get("user-agent", "")
        return self._store.sessions.open(user_id, now(), age, address(request), agent, way)

    def _entered(self, request: Request, token: str, then: str) -> Response:
        language = request.query_params.get("language")
        if then == "/" and language in LANGUAGES:
            then = f"/?language={language}"  # the language chosen on the way in stays
        answer = RedirectResponse(then, 303)
        # lax, not strict: a link in a mail to a customer's page would otherwise lead to the sign-in page
        answer.set_cookie(
            SESSION_COOKIE,
            token,
            max_age=int(self._settings.signin.session_hours * 3600),
            path="/",
            httponly=True,
            samesite="lax",
            secure=self._settings.dashboard.https,
        )
        return answer

    def _with_token(self, answer: Response, token: str) -> Response:
        answer.set_cookie(
            FORM_COOKIE, token, path="/", httponly=True, samesite="strict", secure=self._settings.dashboard.https
        )
        return answer

    def _words(self, request: Request) -> Words:
        asked = request.query_params.get("language", "")
        return Words(asked if asked in LANGUAGES else self._settings.dashboard.language)


def following(path: str | None) -> str:
    """Where to go after sign-in: a path of ours, else the start; never another site (``//host``, ``/\\host``)."""
    safe = path is not None and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if path is not None and safe and "\\" not in path and not is_open(path.split("?")[0]) else "/"


def address(request: HTTPConnection) -> str:
    return request.client.host if request.client is not None else "unknown"


def _form_token(request: Request) -> str:
    return request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
