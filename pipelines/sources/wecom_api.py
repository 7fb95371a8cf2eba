"""The WeCom server API as a connector needs it: token, error codes, staff, and external contacts page by page.

Facts: vendor documentation 92994 (batch get by user), 92113, 92114 (contacts), 90208 (departments), 90201 (staff),
91039 (token). Errors come in HTTP 200 with an ``errcode``.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.settings import WecomSettings
from pipelines.sources.http import JsonClient, SourceError

GROUP = 100  # most userids that one batch/get_by_user takes
ROOT_DEPARTMENT = 1
RETRIES = 4  # of a busy or rate-limited answer
_TOKEN_MARGIN_SECONDS = 60.0
#: How often pages may be alike: without rows (the vendor may send such in the middle), and with the same first row.
_REPEATS = {False: 100, True: 3}

BUSY, RATE, CONCURRENCY = -1, 45009, 45033
NO_RELATION, NO_RIGHT_TO_CONTACT, BAD_PARAMETER = 84061, 84074, 40058
_STALE_TOKEN = (40014, 42001)
#: Seconds before another try. A frequency limit blocks for as long as its window, one minute.
_PAUSES = {BUSY: 1.0, CONCURRENCY: 2.0, RATE: 60.0}
_REMEDIES = {
    40001: "the secret is wrong; copy it again from the application's page and set SCRM_WECOM__SECRET",
    40013: "the corp id is wrong; copy it from the corp's page and set SCRM_WECOM__CORP_ID",
    40014: "the token was refused twice in a row; check that no other system shares this secret",
    42001: "the token expired again at once; check the clock and that no other system shares this secret",
    48002: "the application may not call this API; add it to the applications that may call customer contact",
    60011: "the application may not see these members; widen its visible range",
    60020: "this machine's address is not on the application's list of trusted addresses; add it",
    60111: "a member does not exist any more; run the sync again",
    BAD_PARAMETER: "a parameter was refused; if it was a stored page cursor, run the sync again",
    BUSY: "the server is busy; run the sync again later, it goes on where it stopped",
    RATE: "the frequency limit is used up; run the sync again later, it goes on where it stopped",
    CONCURRENCY: "too many calls at a time; stop other programs that use this application, then run the sync again",
}


class WecomError(SourceError):
    """WeCom refused a call. ``code`` is its errcode."""

    def __init__(self, code: int, call: str, said: str) -> None:
        remedy = _REMEDIES.get(code, "look the code up in WeCom's list of error codes")
        super().__init__(f"WeCom {call}: errcode {code} ({said}); {remedy}")
        self.code = code


class EndlessPagesError(SourceError):
    """The server gave a page cursor that it had given before: following it would never end."""


@dataclass(frozen=True)
class Page:
    """One page of batch/get_by_user. ``records`` are as received; ``next_cursor`` is empty on the last page."""

    records: tuple[Mapping[str, Any], ...]
    next_cursor: str


class TokenCache:
    """One access token for all threads. A refresh is single-flight: who waited for the lock takes the new token."""

    def __init__(self, fetch: Callable[[], tuple[str, float]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def get(self) -> str:
        with self._lock:
            if not self._token or self._clock() >= self._good_until:
                self._renew()
            return self._token

    def refresh(self, refused: str) -> str:
        """A token other than the refused one: fetched, unless another thread has done so already."""
        with self._lock:
            if self._token == refused:
                self._renew()
            return self._token

    def _renew(self) -> None:
        token, seconds = self._fetch()
        self._token = token
        self._good_until = self._clock() + max(seconds - _TOKEN_MARGIN_SECONDS, seconds / 2)


class WecomClient:
    """Calls of one corp. Raises WecomError for a refusal and other SourceErrors for the network."""

    def __init__(
        self, settings: WecomSettings, http: JsonClient, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.settings = settings
        self.http = http
        self.tokens = TokenCache(self._fetch_token)
        self._sleep = sleep

    def departments(self) -> list[Mapping[str, Any]]:
        return _objects(self._get("/department/list", {}), "department")

    def staff(self) -> list[Mapping[str, Any]]:
        """Every member of staff that the application may see."""
        return _objects(self._get("/user/list", {"department_id": ROOT_DEPARTMENT, "fetch_child": 1}), "userlist")

    def follow_users(self) -> list[str]:
        """userids of the staff who may contact customers, sorted."""
        try:
            answer = self._get("/externalcontact/get_follow_user_list", {})
        except WecomError as error:
            if error.code == NO_RELATION:
                return []
            raise
        return sorted({str(userid) for userid in answer.get("follow_user") or []})

    def pages(self, userids: Sequence[str], cursor: str = "") -> Iterator[Page]:
        """The contacts of up to 100 members of staff, from ``cursor`` on. No relation at all is no page.

        Raises EndlessPagesError when a cursor or the same page comes back again and again, WecomError 84074 when one of
        them lost the right to contacts.
        """
        seen = {cursor} if cursor else set()
        met: Counter[str] = Counter()
        while True:
            body: dict[str, Any] = {"userid_list": list(userids), "limit": self.settings.page_size}
            if cursor:
                body["cursor"] = cursor
            try:
                answer = self._call("POST", "/externalcontact/batch/get_by_user", {}, body)
            except WecomError as error:
                if error.code == NO_RELATION:
                    return
                raise
            cursor = str(answer.get("next_cursor") or "")
            page = Page(tuple(_objects(answer, "external_contact_list")), cursor)
            met[first := _first_of(page)] += 1
            if cursor in seen or met[first] > _REPEATS[first != ""]:
                raise EndlessPagesError(
                    f"WeCom batch/get_by_user goes in a circle after {sum(met.values())} pages of {userids[0]} and "
                    f"{len(userids) - 1} more; nothing after the last committed page was landed. "
                    "Run the sync again; if it stays so, report it to WeCom's support"
                )
            seen.add(cursor)
            yield page
            if not cursor:
                return

    def _get(self, path: str, params: Mapping[str, str | int]) -> dict[str, Any]:
        return self._call("GET", path, params, None)

    def _call(
        self, method: str, path: str, params: Mapping[str, str | int], body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """One call: a stale token is refreshed once and the same request sent again; busy answers are waited out."""
        token = self.tokens.get()
        refreshed = False
        pauses = 0
        while True:
            answer = self.http.request(method, path, {**params, "access_token": token}, body)
            code = _errcode(answer)
            if code == 0:
                return answer
            if code in _STALE_TOKEN and not refreshed:
                token, refreshed = self.tokens.refresh(token), True
            elif code in _PAUSES and pauses < RETRIES:
                self._sleep(_PAUSES[code] * (1 if code == RATE else 2**pauses))
                pauses += 1
            else:
                raise WecomError(code, path, self._said(answer, token))

    def _fetch_token(self) -> tuple[str, float]:
        params = {"corpid": self.settings.corp_id, "corpsecret": self.settings.secret.get_secret_value()}
        for pauses in range(RETRIES + 1):
            answer = self.http.get("/gettoken", params)
            code = _errcode(answer)
            if code == 0:
                return str(answer["access_token"]), float(answer.get("expires_in") or 7200)
            if code not in _PAUSES or pauses == RETRIES:
                break
            self._sleep(_PAUSES[code] * (1 if code == RATE else 2**pauses))
        raise WecomError(code, "/gettoken", self._said(answer, ""))

    def _said(self, answer: Mapping[str, Any], token: str) -> str:
        """The server's own words, cut, and without what must not be shown."""
        said = str(answer.get("errmsg", "no message"))[:200]
        for hidden in (self.settings.secret.get_secret_value(), token):
            if hidden:
                said = said.replace(hidden, "***")
        return said


def _first_of(page: Page) -> str:
    """A mark by which a page is known again; empty for a page without rows."""
    if not page.records:
        return ""
    contact, follow = page.records[0].get("external_contact"), page.records[0].get("follow_info")
    return repr((contact, follow))


def _errcode(answer: Mapping[str, Any]) -> int:
    code = answer.get("errcode", 0)
    if not isinstance(code, int):
        raise SourceError(
            f"WeCom answered with an errcode that is no number ({type(code).__name__}); check the address"
        )
    return code


def _objects(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects that the answer must hold. Raises SourceError: a missing list is not an empty one."""
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise SourceError(f"WeCom's answer has no list {name!r}; its format changed, the sync stops here")
    return found
