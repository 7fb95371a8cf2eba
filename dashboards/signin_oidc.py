"""OpenID Connect by setting: the company's identity provider says who it is, the store says what they may.

Authorization code with PKCE, state and nonce, by Authlib (what Streamlit itself uses); the answer's signature, issuer,
audience and times are checked there. Nobody is let in who was not added before: an owner adds a person whose login is
the mail address at the provider, and the first sign-in binds the provider's subject to that person for good.
"""

from datetime import UTC, datetime

import httpx
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.integrations.starlette_client import OAuth  # type: ignore[import-untyped]
from joserfc.errors import JoseError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from models.errors import ExpectedError
from models.settings import SigninSettings
from models.store import Store, StoreError


class OidcRefusedError(ExpectedError):
    """The identity provider, or our own list of people, does not let this person in; the message says why."""


class Provider:
    def __init__(self, store: Store, settings: SigninSettings) -> None:
        self._store, self._issuer = store, settings.oidc_issuer.rstrip("/")
        self._client = OAuth().register(
            name="company",
            server_metadata_url=self._issuer + "/.well-known/openid-configuration",
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value() or None,
            client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
        )

    async def begin(self, request: Request, callback: str) -> Response:
        """Lead the browser to the identity provider. Raises OidcRefusedError when it does not answer."""
        try:
            answer: Response = await self._client.authorize_redirect(request, callback)
        except httpx.HTTPError as error:
            raise OidcRefusedError(f"the identity provider does not answer ({type(error).__name__})") from error
        return answer

    async def end(self, request: Request) -> str:
        """The user id of who comes back. Raises OidcRefusedError."""
        try:
            token = await self._client.authorize_access_token(request)
        except (AuthlibBaseError, JoseError, httpx.HTTPError, ValueError) as error:
            raise OidcRefusedError(f"the answer is not good: {type(error).__name__}") from error
        claims = token.get("userinfo")
        if not claims or not claims.get("sub"):
            raise OidcRefusedError("the answer names nobody")
        return await run_in_threadpool(
            self._person, str(claims["sub"]), str(claims.get("email", "")), claims.get("email_verified") is True
        )

    def _person(self, subject: str, mail: str, is_verified: bool) -> str:
        known = f"{self._issuer}|{subject}"
        user = self._store.users.by_subject(known)
        if user is None:
            # an address that the provider has not verified may be anybody's
            user = self._store.users.by_login(mail) if mail and is_verified else None
            if user is None:
                raise OidcRefusedError("nobody was added under this verified mail address")
            try:
                self._store.users.link_subject(user.user_id, known, datetime.now(UTC).replace(tzinfo=None))
            except StoreError as error:
                raise OidcRefusedError(str(error)) from error
        if user.disabled_at is not None:
            raise OidcRefusedError("the account is disabled")
        return user.user_id
