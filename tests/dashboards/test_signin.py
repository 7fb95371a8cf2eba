"""The way in: set-up, sign-in, sign-out, and that nothing answers without a session (faults 56, 59)."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboards.access import SESSION_COOKIE, now
from dashboards.signin import Signin, following
from models.settings import Settings, SigninSettings
from models.store import Scope, Store
from models.store.demo_people import PEOPLE, add_demo_people

HERE = "http://127.0.0.1:8501"
PASSWORD = "a long enough one"
OURS = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}
HTML = {"Accept": "text/html"}


async def _inside(request) -> PlainTextResponse:
    return PlainTextResponse("inside")


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("inside")
    await socket.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, signin=SigninSettings(most_failures=3))


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store.open(settings.store_address) as opened:
        yield opened


@pytest.fixture
def browser(store: Store, settings: Settings) -> Callable[[], TestClient]:
    """A new browser in front of the sign-in; behind it a page and a websocket in the place of Streamlit."""

    def open_one() -> TestClient:
        signin = Signin(store, settings)
        behind = [
            Route("/", _inside),
            Route("/settlement", _inside),
            Route("/media/x.csv", _inside),
            Route("/_stcore/host-config", _inside),
            Route("/_stcore/health", _inside),
            WebSocketRoute("/_stcore/stream", _socket),
        ]
        middleware = [*signin.middleware(), Middleware(SessionMiddleware, secret_key="of the test")]
        app = Starlette(routes=[*signin.routes(), *behind], middleware=middleware)
        return TestClient(app, base_url=HERE, follow_redirects=False)

    return open_one


def token_of(client: TestClient, path: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def set_up(client: TestClient, **changed: str):
    given = {"name": "周", "login": "zhou", "password": PASSWORD, "repeat": PASSWORD, **changed}
    return client.post("/setup", data={"form_token": token_of(client, "/setup"), **given}, headers=OURS)


def enter(client: TestClient, password: str = PASSWORD, login: str = "zhou", **more: str):
    form = {"form_token": token_of(client, "/login"), "login": login, "password": password, **more}
    return client.post("/login", data=form, headers=OURS)


def test_nothing_answers_without_a_session(browser):
    client = browser()
    for path in ("/", "/settlement", "/media/x.csv", "/_stcore/host-config", "/no-such-page"):
        assert client.get(path).status_code == 401
        led = client.get(path, headers=HTML)
        assert led.status_code == 303 and led.headers["location"].startswith("/login?next=")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://127.0.0.1:8501/_stcore/stream"):
        pass
    assert client.get("/_stcore/health").text == "inside"


def test_the_first_visitor_sets_the_company_up_and_the_second_cannot(browser, store):
    client = browser()
    assert client.get("/login", headers=HTML).headers["location"].startswith("/setup")
    assert set_up(client, repeat="another one").status_code == 400
    assert set_up(client, password="short", repeat="short").status_code == 400
    assert not store.users.exist()
    done = set_up(client)
    assert done.status_code == 303
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and cookie.startswith(SESSION_COOKIE)
    assert client.get("/").text == "inside"
    (owner,) = store.users.all()
    assert (owner.login, owner.roles, owner.scopes) == ("zhou", {"owner"}, {Scope("company")})
    other = browser()
    assert other.get("/setup").status_code == 303
    late = {
        "form_token": token_of(other, "/login"),
        "name": "x",
        "login": "x",
        "password": PASSWORD,
        "repeat": PASSWORD,
    }
    assert other.post("/setup", data=late, headers=OURS).status_code == 400
    assert len(store.users.all()) == 1


def test_sign_in_and_out(browser, store):
    set_up(browser())
    client = browser()
    assert enter(client, "wrong password").status_code == 401
    unknown = enter(client, login="nobody")
    assert unknown.status_code == 401 and "too many attempts" not in unknown.headers
    done = enter(client, next="/settlement?language=en")
    assert (done.status_code, done.headers["location"]) == (303, "/settlement?language=en")
    assert client.get("/settlement").text == "inside"
    with client.websocket_connect("ws://127.0.0.1:8501/_stcore/stream") as socket:
        assert socket.receive_text() == "inside"
    kept = client.cookies[SESSION_COOKIE]
    left = client.post("/logout", data={"form_token": token_of(client, "/logout")}, headers=OURS)
    assert left.headers["location"] == "/login"
    client.cookies.set(SESSION_COOKIE, kept)  # a stolen copy of the cookie is worth nothing afterwards
    assert client.get("/").status_code == 401
    assert store.audit.newest()["action"].to_list().count("signin_failed") == 2


def test_a_form_of_another_site_is_refused(browser, store):
    set_up(browser())
    client = browser()
    token = token_of(client, "/login")
    form = {"form_token": token, "login": "zhou", "password": PASSWORD}
    foreign = (
        {"Origin": "https://evil.test"},
        {"Sec-Fetch-Site": "cross-site", "Origin": HERE},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {},
    )
    for headers in foreign:
        assert client.post("/login", data=form, headers=headers).status_code == 403
    assert client.post("/login", data={**form, "form_token": "guessed"}, headers=OURS).status_code == 403
    assert client.post("/login", data={**form, "form_token": ""}, headers=OURS).status_code == 403
    assert SESSION_COOKIE not in client.cookies
    assert client.post("/login", data=form, headers=OURS).status_code == 303
    assert client.post("/login", content=b"x" * 20_000, headers=OURS).status_code == 413


def test_another_host_name_is_refused(browser):
    """DNS rebinding: a page of another site whose name now leads to this machine."""
    assert browser().get("/login", headers={"Host": "evil.test"}).status_code == 400


@pytest.mark.parametrize(
    ("asked", "followed"),
    [
        ("/settlement?language=en", "/settlement?language=en"),
        (None, "/"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("/logout", "/"),
    ],
)
def test_sign_in_leads_to_pages_of_ours_only(asked, followed):
    assert following(asked) == followed


def test_what_a_person_types_is_text_in_the_page(browser):
    page = browser().get("/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script" not in page.text
    policy = page.headers.get("content-security-policy", "default-src 'none'")
    assert "default-src 'none'" in policy and "script-src" not in policy


def test_one_click_is_there_in_the_demo_only(browser, store, settings):
    set_up(browser())
    client = browser()
    assert client.post("/login/demo", data={}, headers=OURS).status_code in (401, 404, 405)
    assert "/login/demo" not in client.get("/login").text


@pytest.mark.parametrize("who", PEOPLE, ids=lambda one: one.role)
def test_one_click_enters_the_demo(browser, store, settings, who):
    add_demo_people(store, settings.home, now())
    client = browser()
    assert client.get("/login?language=en").text.count("/login/demo") == len(PEOPLE)
    form = {"form_token": token_of(client, "/login"), "login": who.login}
    assert client.post("/login/demo", data=form, headers={"Origin": "https://evil.test"}).status_code == 403
    assert client.post("/login/demo", data={**form, "login": "nobody"}, headers=OURS).status_code == 401
    assert client.post("/login/demo?language=en", data=form, headers=OURS).headers["location"] == "/?language=en"
    assert client.get("/").text == "inside"
