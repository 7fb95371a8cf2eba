"""One access token for all threads of a connector."""

import threading
import time
from collections.abc import Callable

#: A token is renewed so long before it ends, or at half of its life when that is shorter.
MARGIN_SECONDS = 60.0


class TokenCache:
    """A refresh is single-flight: who waited for the lock takes the new token.

    ``fetch``: given the token that was refused (empty: none was), returns another one and its seconds to live.
    """

    def __init__(self, fetch: Callable[[str], tuple[str, float]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def get(self) -> str:
        with self._lock:
            if not self._token or self._clock() >= self._good_until:
                self._renew("")
            return self._token

    def refresh(self, refused: str) -> str:
        """A token other than the refused one: fetched, unless another thread has done so already."""
        with self._lock:
            if self._token == refused:
                self._renew(refused)
            return self._token

    def _renew(self, refused: str) -> None:
        token, seconds = self._fetch(refused)
        self._token = token
        self._good_until = self._clock() + max(seconds - MARGIN_SECONDS, seconds / 2)
