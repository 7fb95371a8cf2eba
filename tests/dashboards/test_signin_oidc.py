"""Single sign-on against a provider of our own on loopback: who was added gets in, nobody else, nothing forged."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboards.access import now
from dashboards.signin import Signin
from models.settings import Settings, SigninSettings
from models.store import Scope, Store
from pipelines.commands.screens import free_port

HERE = "http://127.0.0.1:8501"
CLIENT = "siyu"


class FakeProvider:
    """An identity provider that says whatever ``claims`` says, signed with ``signer``."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self.signer = self.key
        self.claims: dict[str, object] = {}
        self.nonce = ""
        self.port = free_port(8950)
        self.issuer = f"http://127.0.0.1:{self.port}"
        routes = [
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/keys", self._keys),
            Route("/token", self._token, methods=["POST"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=self.port, log_level="error")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    async def _configuration(self, request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _keys(self, request: Request) -> JSONResponse:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _token(self, request: Request) -> JSONResponse:
        form = await request.form()
        assert form["code"] == "the-code" and form["code_verifier"]
        at = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": at, "exp": at + 60, "nonce": self.nonce, **self.claims}
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.signer)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token})


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    made = FakeProvider()
    made.thread.start()
    deadline = time.monotonic() + 30
    while not made.server.started:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield made
    made.server.should_exit = True
    made.thread.join(20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        opened.users.add(
            "lin@example.com", "林", None, roles=["analyst"], scopes=[Scope("company")], by="test", at=now()
        )
        yield opened


@pytest.fixture
def client(provider: FakeProvider, store: Store, tmp_path: Path) -> TestClient:
    provider.signer = provider.key
    provider.claims = {"sub": "42", "email": "Lin@Example.com", "email_verified": True}
    settings = Settings(
        home=tmp_path,
        signin=SigninSettings(
            oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_client_secret=SecretStr("s"), oidc_name="Corp"
        ),
    )
    signin = Signin(store, settings)

    async def inside(request: Request) -> PlainTextResponse:
        return PlainTextResponse("inside")

    middleware = [*signin.middleware(), Middleware(SessionMiddleware, secret_key="of the test")]
    app = Starlette(routes=[*signin.routes(), Route("/", inside)], middleware=middleware)
    return TestClient(app, base_url=HERE, follow_redirects=False)


def come_back(client: TestClient, provider: FakeProvider, **changed: str) -> httpx.Response:
    """The whole way: to the provider, and back with its code and the state that we gave."""
    sent = urlsplit(client.get("/login/oidc").headers["location"])
    asked = {name: values[0] for name, values in parse_qs(sent.query).items()}
    assert sent.netloc == urlsplit(provider.issuer).netloc
    assert asked["redirect_uri"] == f"{HERE}/login/oidc/callback" and asked["code_challenge_method"] == "S256"
    provider.nonce = changed.pop("nonce", asked["nonce"])
    return client.get("/login/oidc/callback", params={"code": "the-code", "state": asked["state"], **changed})


def test_who_was_added_under_a_verified_address_gets_in_and_stays_bound(client, provider, store):
    assert "Corp" in client.get("/login").text
    done = come_back(client, provider)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert client.get("/").text == "inside"
    user = store.users.by_login("lin@example.com")
    assert user.oidc_subject == f"{provider.issuer}|42"
    provider.claims = {"sub": "42", "email": "new-name@example.com", "email_verified": False}
    assert come_back(client, provider).status_code == 303, "the subject decides, once it is bound"
    provider.claims = {"sub": "43", "email": "lin@example.com", "email_verified": True}
    assert come_back(client, provider).status_code == 403, "another identity with the same address"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "42", "email": "lin@example.com", "email_verified": False},
        {"sub": "42", "email": "lin@example.com"},
        {"sub": "42", "email": "stranger@example.com", "email_verified": True},
        {"sub": "42", "email": "lin@example.com", "email_verified": True, "aud": "another"},
        {"sub": "42", "email": "lin@example.com", "email_verified": True, "iss": "https://evil.test"},
        {"sub": "42", "email": "lin@example.com", "email_verified": True, "exp": 1},
    ],
    ids=["unverified", "silent", "stranger", "audience", "issuer", "expired"],
)
def test_who_was_not_added_or_brings_a_bad_answer_stays_out(client, provider, store, claims):
    provider.claims = claims
    assert come_back(client, provider).status_code == 403
    assert client.get("/").status_code == 401
    assert store.audit.newest(1)["action"].to_list() == ["signin_failed"]


def test_a_forged_signature_a_foreign_state_and_a_replayed_nonce_are_refused(client, provider):
    provider.signer = RSAKey.generate_key(2048, {"kid": "k1"})
    assert come_back(client, provider).status_code == 403
    provider.signer = provider.key
    assert come_back(client, provider, state="foreign").status_code == 403
    assert come_back(client, provider, nonce="of another sign-in").status_code == 403
    assert client.get("/").status_code == 401


def test_a_disabled_person_stays_out(client, provider, store):
    user = store.users.by_login("lin@example.com")
    store.users.add("o", "o", None, roles=["owner"], scopes=[], by="t", at=now())
    store.users.disable(user.user_id, "t", now())
    assert come_back(client, provider).status_code == 403
