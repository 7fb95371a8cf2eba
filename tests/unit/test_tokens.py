"""One access token for all threads of a connector: renewed in time, and by one thread only."""

import threading

from pipelines.sources.tokens import TokenCache

THREADS = 8


def test_eight_threads_that_meet_an_expired_token_fetch_one_new_token() -> None:
    fetched: list[str] = []

    def fetch(refused: str) -> tuple[str, float]:
        fetched.append(refused)
        return f"t{len(fetched)}", 7200.0

    cache = TokenCache(fetch)
    first = cache.get()
    gate = threading.Barrier(THREADS)
    got: list[str] = []

    def renew() -> None:
        gate.wait()
        got.append(cache.refresh(first))

    threads = [threading.Thread(target=renew) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["t2"] * THREADS
    assert fetched == ["", "t1"], "the one fetch must be told which token was refused"


def test_a_token_is_renewed_before_it_ends() -> None:
    clock, fetched = [0.0], [0]

    def fetch(_: str) -> tuple[str, float]:
        fetched[0] += 1
        return f"t{fetched[0]}", 100.0

    cache = TokenCache(fetch, clock=lambda: clock[0])
    assert cache.get() == "t1"
    clock[0] = 49.0
    assert cache.get() == "t1"
    clock[0] = 50.0  # half of its life, when a minute before its end would be sooner
    assert cache.get() == "t2"
