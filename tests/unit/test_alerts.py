"""One alert per failed run, by a safe road, without personal values; a blocked road hides nothing (fault 53)."""

import hashlib
import hmac
import http.server
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from models.errors import ExpectedError
from models.settings import AlertSettings, Settings
from pipelines import alerts
from pipelines.channels import smtp, webhook
from pipelines.channels.smtp import MailError
from pipelines.channels.webhook import WebhookError, is_public, post
from pipelines.warehouse import RunInProgressError

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)
HOST = "hooks.example.com"
POLL_SECONDS = 0.02  # how soon a server of these tests notices that it is over


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for HOST, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1))
        .not_valid_after(datetime(2050, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


class Receiver:
    """An HTTPS server on loopback that counts what reaches it and answers as told."""

    def __init__(self, certificate: Path) -> None:
        self.hits: list[tuple[dict[str, str], bytes]] = []
        self.status, self.answer, self.headers, self.pause = 200, b"{}", {}, 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.hits.append((dict(self.headers), body))
                time.sleep(outer.pause)
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()


@pytest.fixture
def receiver(certificate: Path) -> Iterator[Receiver]:
    made = Receiver(certificate)
    yield made
    made.server.shutdown()
    made.server.server_close()


def send(receiver: Receiver, trust: ssl.SSLContext, **changed: Any) -> None:
    given = {"hosts": [HOST], "secret": "s3cret", "key": "k", "now": NOW, "trust": trust,
             "resolve": lambda *_: ["127.0.0.1"], "is_allowed": lambda _: True} | changed  # fmt: skip
    url = given.pop("url", f"https://{HOST}:{receiver.port}/robot?key=hidden-key")
    post(url, {"text": "运行失败"}, **given)


def test_the_receiver_can_prove_who_sent_it(receiver: Receiver, trust: ssl.SSLContext) -> None:
    send(receiver, trust)
    ((headers, body),) = receiver.hits
    stamp, digest = (part.split("=")[1] for part in headers[webhook.SIGNATURE].split(","))
    assert hmac.new(b"s3cret", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() == digest
    assert int(stamp) == int(NOW.timestamp())
    assert headers["Host"] == f"{HOST}:{receiver.port}"
    assert headers["Idempotency-Key"] == "k"
    assert json.loads(body) == {"text": "运行失败"}


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example.com/", "https://evil.example/", "https://hooks.example.com@evil.example/",
     "https://user:pw@hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd", "https://",
     "https://hooks.example.com.evil.example/", "https://[::1", "https://127.0.0.1/"],
)  # fmt: skip
def test_only_https_to_a_host_on_the_list(receiver: Receiver, trust: ssl.SSLContext, url: str) -> None:
    with pytest.raises(WebhookError):
        send(receiver, trust, url=url)
    assert receiver.hits == []


PRIVATE = ["127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1", "::",
           "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
           "100.64.0.1", "224.0.0.1", "ff02::1", "255.255.255.255", "fe80::1%eth0", "nonsense"]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_inside_are_refused_and_never_connected_to(
    receiver: Receiver, trust: ssl.SSLContext, address: str
) -> None:
    assert not is_public(address)
    with pytest.raises(WebhookError, match="not a public address"):
        send(receiver, trust, resolve=lambda *_: [address], is_allowed=is_public)
    with pytest.raises(WebhookError, match="not a public address"):  # one bad among good ones is enough
        send(receiver, trust, resolve=lambda *_: ["93.184.216.34", address], is_allowed=is_public)
    assert receiver.hits == []


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_public(address)


def test_the_name_is_looked_up_once_and_the_checked_address_is_the_one_used(
    receiver: Receiver, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a second look-up would give another address. There is none: the resolver is not asked again."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    real = socket.getaddrinfo

    def numeric_only(host: Any, *rest: Any, **named: Any) -> Any:
        assert str(host) == "127.0.0.1", f"{host} was looked up again"
        return real(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", numeric_only)
    send(receiver, trust, resolve=rebinding)
    assert asked == [HOST]
    assert len(receiver.hits) == 1


def test_redirects_are_not_followed(receiver: Receiver, trust: ssl.SSLContext) -> None:
    receiver.status, receiver.headers = 302, {"Location": f"https://127.0.0.1:{receiver.port}/other"}
    with pytest.raises(WebhookError, match="302"):
        send(receiver, trust)
    assert len(receiver.hits) == 1


def test_a_certificate_for_another_name_is_refused(receiver: Receiver, trust: ssl.SSLContext) -> None:
    with pytest.raises(WebhookError, match="could not be reached"):
        send(receiver, trust, url=f"https://other.example.com:{receiver.port}/", hosts=["other.example.com"])
    assert receiver.hits == []


def test_a_server_that_does_not_answer_costs_the_time_out_only(
    receiver: Receiver, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.5)
    receiver.pause = 3
    started = time.monotonic()
    with pytest.raises(WebhookError, match=r"did not answer|could not be reached"):
        send(receiver, trust)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(("status", "answer"), [(500, b""), (200, b'{"errcode": 93000}'), (200, b"x" * (2 << 20))])
def test_a_refusal_is_an_error_and_never_shows_the_key_in_the_address(
    receiver: Receiver, trust: ssl.SSLContext, status: int, answer: bytes
) -> None:
    receiver.status, receiver.answer = status, answer
    with pytest.raises(WebhookError) as caught:
        send(receiver, trust)
    assert "hidden-key" not in str(caught.value)


# ---------------------------------------------------------------------- mail


class MailServer(socketserver.StreamRequestHandler):
    """Enough SMTP to take one mail; STARTTLS only when the class has a context."""

    mails: ClassVar[list[str]] = []
    context: ssl.SSLContext | None = None

    def handle(self) -> None:
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "EHLO":
                self.say("250-here\r\n250 STARTTLS" if self.context else "250 here")
            elif verb == "STARTTLS" and self.context:
                self.say("220 go")
                self.request = self.context.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
            elif verb == "DATA":
                self.say("354 go")
                lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                type(self).mails.append("".join(lines))
                self.say("250 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok" if verb in ("MAIL", "RCPT", "RSET") else "500 what")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.mark.parametrize("offers_tls", [True, False])
def test_mail_goes_by_tls_or_not_at_all(certificate: Path, trust: ssl.SSLContext, offers_tls: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trust.check_hostname = False  # the server is met by its number
    handler = type("Handler", (MailServer,), {"mails": [], "context": context if offers_tls else None})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        given: dict[str, Any] = {
            "host": "127.0.0.1", "port": server.server_address[1], "user": "", "password": "",
            "sender": "siyu@example.com", "to": ["ops@example.com"], "message_id": "run-1-failed", "trust": trust,
        }  # fmt: skip
        if offers_tls:
            smtp.send("Siyu: main failed", "words", **given)
            (mail,) = handler.mails
            assert "Subject: Siyu: main failed" in mail
            assert "<run-1-failed@siyu>" in mail
        else:
            with pytest.raises(MailError, match="STARTTLS"):
                smtp.send("Siyu: main failed", "words", **given)
            assert handler.mails == []
        server.shutdown()


def test_a_line_break_cannot_add_a_header() -> None:
    with pytest.raises(MailError):
        smtp.send("a\r\nBcc: x@evil.example", "t", host="127.0.0.1", port=9, user="", password="", sender="a@b.c",
                  to=["d@e.f"], message_id="m", implicit_tls=False)  # fmt: skip


# ---------------------------------------------------------------------- once, in plain words


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", company="四季茶铺")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[alerts.Alert]:
    found: list[alerts.Alert] = []

    def deliver(_: Settings, alert: alerts.Alert) -> dict[str, str]:
        found.append(alert)
        return {"webhook": "ok"}

    monkeypatch.setattr(alerts, "deliver", deliver)
    return found


def fail(settings: Settings, run_id: str, words: str = "broken") -> bool:
    return alerts.failed(settings, job="main", run_id=run_id, step="publish", words=words, now=NOW)


def test_one_alert_per_failed_run_whoever_notices_it(settings: Settings, sent: list[alerts.Alert]) -> None:
    noticed: list[bool] = []
    threads = [threading.Thread(target=lambda: noticed.append(fail(settings, "r1"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(noticed) == [False, False, False, False, True]
    assert fail(settings, "r2")
    assert [alert.run_id for alert in sent] == ["r1", "r2"]
    assert [record["delivered"] for record in alerts.logged(settings)] == [{"webhook": "ok"}] * 2


def test_recovery_is_said_once_and_only_after_a_failure(settings: Settings, sent: list[alerts.Alert]) -> None:
    def succeed(run_id: str) -> bool:
        return alerts.recovered(settings, job="main", run_id=run_id, now=NOW)

    assert not succeed("r0")
    assert fail(settings, "r1")
    assert not alerts.recovered(settings, job="sources", run_id="s1", now=NOW), "another job"
    assert succeed("r2")
    assert not succeed("r3")
    assert [(alert.kind, alert.run_id) for alert in sent] == [("failed", "r1"), ("recovered", "r2")]


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ("row 3: 13800001111 is not a phone", "13800001111"), ("+86 138-0000-1111 twice", "138-0000-1111"),
        ("zhang.san@example.com bounced", "zhang.san"), ("id 11010519491231002X", "1949"),
        ("external_userid wmABCDEFGHIJKLMNOPQRSTUVWXYZ12", "wmABC"), ("GET /x?access_token=abc.def-123&y=1", "abc.def"),
        ("openid oABCD-1234567890abcdefghijkl", "oABCD"), ("card 6222 0212 3456 7890 123", "6222"),
    ],
)  # fmt: skip
def test_no_personal_value_and_no_secret_leaves_in_an_alert(
    settings: Settings, sent: list[alerts.Alert], words: str, gone: str
) -> None:
    fail(settings, "r1", words)
    assert gone not in sent[0].text("zh") + sent[0].text("en")
    assert gone not in alerts.log_file(settings).read_text(encoding="utf-8")


def test_dates_and_reasons_stay_readable() -> None:
    words = "the run asks for batches up to 20 on 2026-07-01; the lake ends at 19"
    assert alerts.without_personal_values(words) == words


class StepError(ExpectedError):
    pass


def test_the_failure_goes_on_and_strangers_words_do_not(settings: Settings, sent: list[alerts.Alert]) -> None:
    with pytest.raises(ZeroDivisionError), alerts.Watched(settings, "main", "r1"):
        raise ZeroDivisionError("张三 bought nothing")
    with pytest.raises(StepError), alerts.Watched(settings, "main", "r2"):
        raise StepError("rule document settlement.yaml: rulez is not known")
    assert "张三" not in sent[0].words and "ZeroDivisionError" in sent[0].words
    assert sent[1].words == "rule document settlement.yaml: rulez is not known"


@pytest.mark.parametrize("error", [RunInProgressError("another run builds"), KeyboardInterrupt()])
def test_a_run_that_was_refused_or_stopped_is_no_alert(
    settings: Settings, sent: list[alerts.Alert], error: BaseException
) -> None:
    with pytest.raises(type(error)), alerts.Watched(settings, "main", "r1"):
        raise error
    assert sent == []


def test_channels_that_fail_are_logged_and_hide_nothing(settings: Settings) -> None:
    chosen = AlertSettings(
        webhook_url=SecretStr("https://hooks.example.com/robot?key=hidden-key"), webhook_hosts=("elsewhere.example",),
        smtp_host="127.0.0.1", smtp_port=9, mail_from="a@b.c", mail_to=("d@e.f",),
    )  # fmt: skip
    loud = settings.model_copy(update={"alerts": chosen})
    with pytest.raises(StepError, match="the real reason"), alerts.Watched(loud, "main", "r1"):
        raise StepError("the real reason")
    (record,) = alerts.logged(loud)
    assert record["words"] == "the real reason"
    assert "webhook_hosts" in record["delivered"]["webhook"]
    assert "did not take the mail" in record["delivered"]["mail"]
    assert "hidden-key" not in alerts.log_file(loud).read_text()


def test_a_group_robot_gets_its_own_form() -> None:
    alert = alerts.Alert("failed", "四季茶铺", "main", "r1", NOW, "publish", "words")
    chosen = AlertSettings(webhook_format="wecom")
    assert alerts.body(alert, chosen, "zh")["msgtype"] == "text"
    assert "运行失败" in alerts.body(alert, chosen, "zh")["text"]["content"]
    assert alerts.body(alert, AlertSettings(), "en")["run_id"] == "r1"
