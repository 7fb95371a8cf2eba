"""A signed POST to an address that the company allowed, and to no other machine.

The host stands in an allow-list, its name is resolved once, every address it has must be public, and the connection
goes to the address that was checked (a second look-up could give another one). Redirects are not followed, proxies of
the environment are not used, and nothing waits longer than five seconds.
"""

import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx

from models.errors import ExpectedError

TIMEOUT_SECONDS = 5.0
LARGEST_ANSWER = 1 << 20
SIGNATURE = "X-Siyu-Signature"
Resolve = Callable[[str, int], list[str]]
IsAllowed = Callable[[str], bool]


class WebhookError(ExpectedError):
    """Not sent, or not accepted. The message never holds the address's path or query: robots keep a key there."""


def resolved(host: str, port: int) -> list[str]:
    """Addresses of a host. Raises WebhookError when it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WebhookError(f"{host} has no address: {error}") from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def is_public(address: str) -> bool:
    """Neither loopback, private, link-local, multicast nor reserved, also when written inside an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed in ipaddress.ip_network("64:ff9b::/96"):  # NAT64: the IPv4 address is in the last 32 bits
            return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
        inside = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inside is not None:
            return is_public(str(inside))
    return parsed.is_global and not parsed.is_multicast


def post(
    url: str,
    body: dict[str, Any],
    *,
    hosts: Collection[str],
    secret: str,
    key: str,
    now: datetime,
    resolve: Resolve = resolved,
    is_allowed: IsAllowed = is_public,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Send ``body`` as JSON; ``key`` is the same for every try, so that a receiver can drop a repeat.

    Signed when ``secret`` is set: header ``X-Siyu-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">``.
    ``resolve``, ``is_allowed`` and ``trust`` are for tests. Raises WebhookError.
    """
    parts = _checked(url, hosts)
    failed: list[WebhookError] = []
    content = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json; charset=utf-8",
        "Idempotency-Key": key,
        **({SIGNATURE: signature(content, secret, now)} if secret else {}),
    }

    def send() -> None:
        try:
            address = _address(parts, resolve, is_allowed)
            _send(parts, address, content, headers, trust)
        except WebhookError as error:
            failed.append(error)

    # Time-outs of sockets are per read: only a clock of our own ends a server that answers a byte a second, or a
    # resolver that hangs. The thread ends with its process.
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    sender.join(TIMEOUT_SECONDS)
    if sender.is_alive():
        raise WebhookError(f"{parts.hostname} did not answer within {TIMEOUT_SECONDS:.0f} s")
    if failed:
        raise failed[0]


def signature(content: bytes, secret: str, now: datetime) -> str:
    """The header's value; ``now`` is aware."""
    stamp = int(now.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + content, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def _checked(url: str, hosts: Collection[str]) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise WebhookError("the webhook's address cannot be read") from None
    if parts.scheme != "https" or not parts.hostname:
        raise WebhookError("a webhook's address must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise WebhookError("a webhook's address must hold no user name")
    if parts.hostname.lower().rstrip(".") not in {host.lower().rstrip(".") for host in hosts}:
        raise WebhookError(f"{parts.hostname} is not in alerts.webhook_hosts")
    return parts


def _address(parts: SplitResult, resolve: Resolve, is_allowed: IsAllowed) -> str:
    """The one address to connect to. One that is not public among several is reason enough to refuse the host."""
    found = resolve(str(parts.hostname), parts.port or 443)
    if not found:
        raise WebhookError(f"{parts.hostname} has no address")
    if refused := [address for address in found if not is_allowed(address)]:
        raise WebhookError(f"{parts.hostname} is at {refused[0]}, which is not a public address")
    return found[0]


def _send(
    parts: SplitResult, address: str, content: bytes, headers: dict[str, str], trust: ssl.SSLContext | None
) -> None:
    literal = f"[{address}]" if ":" in address else address
    target = f"https://{literal}:{parts.port or 443}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
    try:
        with (
            httpx.Client(
                verify=trust or ssl.create_default_context(),
                trust_env=False,
                follow_redirects=False,
                timeout=TIMEOUT_SECONDS,
            ) as client,
            # the certificate is checked for the name, whatever address the connection goes to
            client.stream(
                "POST", target, content=content, headers=headers, extensions={"sni_hostname": str(parts.hostname)}
            ) as answer,
        ):
            if not answer.is_success:
                raise WebhookError(f"{parts.hostname} answered {answer.status_code}; redirects are not followed")
            _read(answer, str(parts.hostname))
    except httpx.HTTPError as error:
        raise WebhookError(f"{parts.hostname} could not be reached: {type(error).__name__}") from None


def _read(answer: httpx.Response, host: str) -> None:
    """Chat robots answer 200 and say no in the body: ``{"errcode": 93000, …}``."""
    body = b""
    for block in answer.iter_bytes():
        body += block
        if len(body) > LARGEST_ANSWER:
            raise WebhookError(f"{host} answered with more than {LARGEST_ANSWER >> 20} MB")
    try:
        said = json.loads(body)
    except ValueError:
        return
    if isinstance(said, dict) and said.get("errcode", 0) != 0:
        raise WebhookError(f"{host} refused it: errcode {said['errcode']}")
