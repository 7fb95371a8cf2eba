"""The WeCom server API as a connector needs it: token, error codes, answers as untouched records, lists page by page.

Facts: vendor documentation 92994 (batch get by user), 92113, 92114 (contacts), 90208 (departments), 90201 (staff),
91039 (token). Errors come in HTTP 200 with an ``errcode``.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec
from pydantic import SecretStr

from pipelines.sources.connector import FormatChangedError
from pipelines.sources.http import (
    Answer,
    HttpClient,
    RateLimitedError,
    Request,
    ServerFailureError,
    SourceError,
)
from pipelines.sources.tokens import TokenCache

GROUP = 100  # most userids that one batch/get_by_user takes
ROOT_DEPARTMENT = 1
CONTACTS = "/externalcontact/batch/get_by_user"
#: How often pages may be alike: without rows (the vendor may send such in the middle), and with the same first row.
_REPEATS = {False: 100, True: 3}

BUSY, RATE, CONCURRENCY = -1, 45009, 45033
NO_RELATION, NO_RIGHT_TO_CONTACT, BAD_PARAMETER, OWNER_NEEDED = 84061, 84074, 40058, 81017
NO_SUCH_MEMBER, NO_SUCH_CONTACT = 60111, 40096
_STALE_TOKEN = (40014, 42001)
#: Seconds before another try. A frequency limit blocks for as long as its window, one minute.
_PAUSES = {CONCURRENCY: 2.0, RATE: 60.0}
_REMEDIES = {
    40001: "the secret is wrong; copy it again from the application's page into the connection's `secret`",
    40013: "the corp id is wrong; copy it from the corp's page into the connection's `corp_id`",
    40014: "the token was refused twice in a row; check that no other system shares this secret",
    40096: "no such contact; it may have been deleted, run the sync again",
    41050: "the welcome code is older than 20 seconds",
    41051: "the welcome message was sent already",
    42001: "the token expired again at once; check the clock and that no other system shares this secret",
    48002: "the application may not call this API; add it to the applications that may call customer contact",
    60011: "the application may not see these members; widen its visible range",
    60020: "this machine's address is not on the application's list of trusted addresses; add it",
    60111: "a member does not exist any more; run the sync again",
    81013: "none of the receivers can get it; check the application's visible range",
    BAD_PARAMETER: "a parameter was refused; if it was a stored page cursor, run the sync again",
    BUSY: "the server is busy; run the sync again later, it goes on where it stopped",
    RATE: "the frequency limit is used up; run the sync again later, it goes on where it stopped",
    CONCURRENCY: "too many calls at a time; stop other programs that use this application, then run the sync again",
}
#: What the application has no right to: the stream is skipped with a word, others go on.
NOT_ALLOWED = (48002, 60011, 90501)

Item = TypeVar("Item")


class WecomError(SourceError):
    """WeCom refused a call. ``code`` is its errcode."""

    def __init__(self, code: int, call: str, said: str) -> None:
        super().__init__(_words(code, call, said))
        self.code = code


def _words(code: int, call: str, said: str) -> str:
    remedy = _REMEDIES.get(code, "look the code up in WeCom's list of error codes")
    return f"WeCom {call}: errcode {code} ({said}); {remedy}"


class EndlessPagesError(SourceError):
    """The server gave a page cursor that it had given before: following it would never end."""


class Credentials(Protocol):
    """What the client takes from the options of a connection."""

    @property
    def corp_id(self) -> str: ...
    @property
    def secret(self) -> SecretStr: ...
    @property
    def page_size(self) -> int: ...


@dataclass(frozen=True)
class Reply:
    """An answer without error: its parts by name, as bytes that were not read yet."""

    path: str
    parts: Mapping[str, msgspec.Raw]

    def records(self, name: str) -> list[bytes]:
        """A list of objects. Raises FormatChangedError: a missing list is not an empty one."""
        found = [bytes(record) for record in self._list(name, msgspec.Raw)]
        if not all(record.startswith(b"{") for record in found):
            raise self._changed(name)
        return found

    def texts(self, name: str) -> list[str]:
        return self._list(name, str)

    def record(self, name: str) -> bytes:
        """One object. Raises FormatChangedError."""
        found = bytes(self.parts.get(name, msgspec.Raw(b"null")))
        if not found.startswith(b"{"):
            raise self._changed(name)
        return found

    def value(self, name: str) -> Any:
        """What stands under a name, read; None when nothing does."""
        found = self.parts.get(name)
        return None if found is None else msgspec.json.decode(found)

    def _list(self, name: str, of: type[Item]) -> list[Item]:
        try:
            return msgspec.json.decode(self.parts[name], type=list[of])  # type: ignore[valid-type]
        except (KeyError, msgspec.ValidationError):
            raise self._changed(name) from None

    def _changed(self, name: str) -> FormatChangedError:
        return FormatChangedError(
            f"WeCom {self.path}: the answer has no list or object {name!r}; its format changed, this stream stops here"
        )


@dataclass(frozen=True)
class Page:
    """One page of a list. ``records`` are the untouched bytes; ``next_cursor`` is empty on the last page."""

    records: tuple[bytes, ...]
    next_cursor: str


class WecomClient:
    """Calls of one corp. Raises WecomError for a refusal and other SourceErrors for the network.

    A busy server and a limit that is used up are waited out by the HttpClient, like HTTP 5xx and 429.
    """

    def __init__(self, credentials: Credentials, http: HttpClient) -> None:
        self.credentials = credentials
        self.http = http
        self.tokens = TokenCache(lambda _: self._fetch_token())

    def departments(self) -> list[bytes]:
        return self.get("/department/list", {}).records("department")

    def staff(self) -> list[bytes]:
        """Every member of staff that the application may see."""
        return self.get("/user/list", {"department_id": ROOT_DEPARTMENT, "fetch_child": 1}).records("userlist")

    def follow_users(self) -> list[str]:
        """userids of the staff who may contact customers, sorted."""
        try:
            answer = self.get("/externalcontact/get_follow_user_list", {})
        except WecomError as error:
            if error.code == NO_RELATION:
                return []
            raise
        return sorted(set(answer.texts("follow_user")))

    def contact_pages(self, userids: Sequence[str], cursor: str = "") -> Iterator[Page]:
        """The contacts of up to 100 members of staff, from ``cursor`` on. No relation at all is no page.

        Raises as ``pages``, and WecomError 84074 when one of them lost the right to contacts.
        """
        body = {"userid_list": list(userids), "limit": self.credentials.page_size}
        try:
            yield from self.pages(CONTACTS, body, "external_contact_list", cursor)
        except WecomError as error:
            if error.code != NO_RELATION:
                raise

    def pages(self, path: str, body: Mapping[str, Any], name: str, cursor: str = "") -> Iterator[Page]:
        """A list of objects page by page, from ``cursor`` on.

        Raises EndlessPagesError when a cursor or the same page comes back again and again.
        """
        met: Counter[bytes] = Counter()
        for answer, following in self.turned(lambda more: self.post(path, {**body, **more}), path, cursor):
            records = answer.records(name)
            first = records[0] if records else b""
            met[first] += 1
            if met[first] > _REPEATS[first != b""]:
                raise _circle(path)
            yield Page(tuple(records), following)

    def turned(
        self, ask: Callable[[dict[str, str]], Reply], path: str, cursor: str = ""
    ) -> Iterator[tuple[Reply, str]]:
        """Answers with the cursor after each, empty at the last; ``ask`` is given what turns the page.

        Raises EndlessPagesError when a cursor comes back.
        """
        seen = {cursor} if cursor else set()
        while True:
            answer = ask({"cursor": cursor} if cursor else {})
            cursor = str(answer.value("next_cursor") or "")
            if cursor in seen:
                raise _circle(path)
            seen.add(cursor)
            yield answer, cursor
            if not cursor:
                return

    def listed(self, path: str, body: Mapping[str, Any], name: str) -> list[bytes]:
        """A whole list of objects, over all its pages."""
        return [record for page in self.pages(path, body, name) for record in page.records]

    def get(self, path: str, params: Mapping[str, str | int]) -> Reply:
        return self._call("GET", path, params, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Reply:
        return self._call("POST", path, {}, body)

    def _call(self, method: str, path: str, params: Mapping[str, str | int], body: Mapping[str, Any] | None) -> Reply:
        """One call; a stale token is refreshed once and the same request sent again."""
        token = self.tokens.get()
        try:
            return self._ask(Request(method, path, {**params, "access_token": token}, json=body))
        except WecomError as error:
            if error.code not in _STALE_TOKEN:
                raise
        fresh = self.tokens.refresh(token)
        return self._ask(Request(method, path, {**params, "access_token": fresh}, json=body))

    def _fetch_token(self) -> tuple[str, float]:
        secret = self.credentials.secret.get_secret_value()
        reply = self._ask(Request("GET", "/gettoken", {"corpid": self.credentials.corp_id, "corpsecret": secret}))
        return str(reply.value("access_token")), float(reply.value("expires_in") or 7200)

    def _ask(self, request: Request) -> Reply:
        return self.http.fetch(lambda: request, lambda answer: self._read(answer, request))

    def _read(self, answer: Answer, request: Request) -> Reply:
        """The answer without error. Raises WecomError, a transient error, or ValueError when the body is no JSON."""
        reply = Reply(request.path, msgspec.json.decode(answer.content, type=dict[str, msgspec.Raw]))
        code = reply.value("errcode") or 0
        if not isinstance(code, int):
            raise SourceError(
                f"WeCom answered with an errcode that is no number ({type(code).__name__}); check the address"
            )
        if code == 0:
            return reply
        said = self._said(reply, str(request.params.get("access_token", "")))
        if code == BUSY:
            raise ServerFailureError(_words(code, request.path, said))
        if code in _PAUSES:
            raise RateLimitedError(_words(code, request.path, said), _PAUSES[code])
        raise WecomError(code, request.path, said)

    def _said(self, reply: Reply, token: str) -> str:
        """The server's own words, cut, and without what must not be shown."""
        said = str(reply.value("errmsg") or "no message")[:200]
        for hidden in (self.credentials.secret.get_secret_value(), token):
            if hidden:
                said = said.replace(hidden, "***")
        return said


def _circle(path: str) -> EndlessPagesError:
    return EndlessPagesError(
        f"WeCom {path} goes in a circle; nothing after the last committed page was landed. Run the sync again; if it "
        "stays so, report it to WeCom's support"
    )


def ahead(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """The same items; another thread fetches up to ``depth`` of them while these are worked on.

    An error rises where it stands in the order.
    """
    end = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="wecom") as pool:
        coming = deque(pool.submit(next, items, end) for _ in range(depth))
        try:
            while (item := coming.popleft().result()) is not end:
                coming.append(pool.submit(next, items, end))
                yield item  # type: ignore[misc]
        finally:
            for one in coming:
                one.cancel()
