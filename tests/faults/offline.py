"""Run inside a network namespace of its own, where nothing but loopback exists: a whole demo, then its screens in use.

Prints one JSON document: what listened, what was tried towards the outside. The kernel counts packets without a route
for every process and any code; an audit hook names what Python connected to and which names it looked up.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from websockets.sync.client import connect

from dashboards.signin_pages import FORM_TOKEN
from models.store.demo_people import PASSWORD
from tests.conftest import ID_KEY, SAMPLE, scrm_command

READY_SECONDS = 240
LOOPBACK = ("127.", "::1", "localhost")
#: Loaded by every Python process of the trial through PYTHONPATH.
HOOK = """
import os, sys
def _note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        target = arguments[1] if event != "socket.getaddrinfo" else arguments[0]
        host = target[0] if isinstance(target, tuple) else target
        if isinstance(host, str) and not host.startswith("/"):
            with open(os.environ["NETWORK_NOTES"], "a") as notes:
                notes.write(event + " " + host + "\\n")
sys.addaudithook(_note)
"""


def without_route() -> int:
    """Packets and connections that the kernel refused for want of a route, since the namespace began (IPv4 and 6)."""
    header, values = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line[:3] == "Ip:"]
    ipv6 = re.search(r"^Ip6OutNoRoutes\s+(\d+)", Path("/proc/net/snmp6").read_text(), re.MULTILINE)
    return int(values[header.index("OutNoRoutes")]) + int(ipv6[1] if ipv6 else 0)


def listening() -> list[str]:
    """Addresses in state LISTEN in this namespace: here, those of our own processes only."""
    found = []
    for family, name in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            if state == "0A":
                host = bytes.fromhex(address.split(":")[0])
                words = b"".join(host[at : at + 4][::-1] for at in range(0, len(host), 4))
                found.append(socket.inet_ntop(family, words))
    return sorted(set(found))


def control() -> int:
    """The counter sees an attempt: one connection to an address of documentation."""
    before = without_route()
    with socket.socket() as probe:
        try:
            probe.connect(("192.0.2.1", 80))
        except OSError:
            return without_route() - before
    return 0


def looked_at(port: int) -> int:
    """Open the page as a browser does: document, its scripts, then the page's own connection. Bytes that came."""
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        form = client.get(f"{base}/login").text
        token = re.search(rf'name="{FORM_TOKEN}" value="([^"]+)"', form)
        assert token is not None, "the sign-in has a form"
        entry = {"login": "owner", "password": PASSWORD, FORM_TOKEN: token[1]}
        page = client.post(f"{base}/login", data=entry, headers={"Origin": base}).text
        got = len(page)
        for path in re.findall(r'(?:src|href)="\.?(/?static/[^"]+)"', page):
            got += len(client.get(f"{base}/{path.lstrip('/')}").content)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream", additional_headers={"Cookie": cookies}, open_timeout=20, proxy=None
    ) as stream:
        # the first message of the browser: run the script (BackMsg.rerun_script, empty)
        stream.send(b"\x5a\x00")
        for _ in range(10):
            got += len(stream.recv(timeout=60))
    return got


def main(home: Path, folder: Path) -> dict[str, object]:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hook = folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK)
    notes = folder / "notes.txt"
    notes.touch()
    given = {**os.environ, "SCRM_HOME": str(home), "SCRM_ID_KEY": ID_KEY, "PYTHONPATH": str(hook)}
    given["NETWORK_NOTES"] = str(notes)
    seen_by_control = control()
    before = without_route()
    subprocess.run(
        scrm_command("demo", "--from", str(SAMPLE), "--no-dashboard"), env=given, check=True, stdout=subprocess.DEVNULL
    )
    port = 8700
    up = subprocess.Popen(
        scrm_command("up", "--port", str(port)), env=given, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _until_answering((port, port + 1), up)
        listeners = listening()
        got = looked_at(port)
    finally:
        os.killpg(up.pid, signal.SIGINT)
        try:
            up.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(up.pid, signal.SIGKILL)
    lines = notes.read_text().splitlines()
    return {
        "control": seen_by_control,
        "without_route": without_route() - before,
        "listeners": listeners,
        "named": sorted({line for line in lines if not line.split(" ", 1)[1].startswith(LOOPBACK)}),
        "loopback_connections": len(lines),
        "bytes_of_pages": got,
    }


def _until_answering(ports: tuple[int, ...], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    for port in ports:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "scrm up ended"
            assert time.monotonic() < deadline, f"nothing answers on {port}"
            time.sleep(0.3)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))  # noqa: T201 - the answer to the test
