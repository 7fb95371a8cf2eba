"""WeCom contacts over HTTP: how near the connector comes to the rate that the vendor allows, and whether memory grows.

The sandbox runs in a process of its own and allows what the vendor does, 10,000 calls a minute of one interface; here
counted by the second, so that a burst cannot flatter the figure. Every contact is read, checked and committed (Parquet,
fsync). Then one in a hundred changes, and a second pass over all of them must land those alone. The alternative reads
the same pages one after the other with httpx and json and lands nothing.
"""

import json
import multiprocessing
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import pandera.polars  # noqa: F401 - two seconds, once a process: not a part of the rate
import psutil
from pydantic import SecretStr

from models.settings import Settings
from pipelines.lake import Lake
from pipelines.sandbox.server import serving
from pipelines.sandbox.wecom import CORP_ID, SECRET, Limits, WecomState, create_app
from pipelines.sources import syncing
from pipelines.sources.connector import Context
from pipelines.sources.wecom import WecomConnector, WecomOptions

CONTACTS, STAFF, PAGE = 100_000, 200, 100
A_SECOND = 10_000 / 60
BAR = 0.9
_SINCE = 1_750_000_000


def measure(contacts: int = CONTACTS) -> dict[str, Any]:
    """Rows landed a second, share of the allowed rate (bar: 0.9), growth of memory from a quarter of the way on.

    ``second_pass``: what it lands when one follow-up in a hundred has changed.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(there, contacts), daemon=True)
    server.start()
    try:
        address = here.recv()
        with tempfile.TemporaryDirectory() as scratch:
            landed = _landed(address, Path(scratch))
            here.send("change")
            changed = here.recv()
            time.sleep(1.1)  # the sandbox counts by the second
            again = _landed(address, Path(scratch))
        time.sleep(1.1)
        plain = _plain_loop(address, min(contacts, 20_000) // PAGE)
        here.send("end")
    finally:
        server.join(10)
        if server.is_alive():
            server.terminate()
    allowed = A_SECOND * PAGE
    return {
        "contacts": contacts,
        **landed,
        "allowed_rows_per_second": round(allowed),
        "share_of_allowed": round(landed["rows_per_second"] / allowed, 3),
        "bar": BAR,
        "second_pass": {"changed": changed, **again},
        "alternative_httpx_json_landing_nothing_rows_per_second": plain,
    }


def _landed(address: str, home: Path) -> dict[str, Any]:
    options = WecomOptions(corp_id=CORP_ID, secret=SecretStr(SECRET), base_url=address)
    lake = Lake(home / "lake")
    connector = WecomConnector(options, Context(lake, Settings(home=home)))
    contacts = next(stream for stream in connector.streams() if stream.name == "contacts")
    memory: list[float] = []
    process = psutil.Process()

    def look(_: object) -> None:
        memory.append(process.memory_info().rss / 1e6)

    begun, worked = time.perf_counter(), time.process_time()
    report = syncing._of_stream(lake, "wecom", connector, contacts, datetime.now(UTC), None, look)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
    connector.close()
    syncing.raise_failures([report])
    late = memory[len(memory) // 4 :] or [0.0]
    return {
        "rows_landed": report.landed,
        "seconds": round(seconds, 2),
        "rows_per_second": round(report.landed / seconds),
        "rows_per_cpu_second": round(report.landed / cpu),  # says what the machine could do were it not shared
        "load_of_the_machine": round(os.getloadavg()[0], 1),
        "requests": report.requests,
        "rows_left_as_they_are": report.repeated,
        "mb_written": round(report.bytes / 1e6, 2),
        "batches": report.batches,
        "rss_mb_quarter": round(late[0]),
        "rss_mb_median": round(statistics.median(late)),
        "rss_mb_end": round(late[-1]),
    }


def _plain_loop(address: str, pages: int) -> int:
    """Rows a second of a loop that asks, reads JSON and forgets, at the sandbox's pace at most."""
    with httpx.Client(base_url=address, timeout=20) as client:
        token = client.get("/gettoken", params={"corpid": CORP_ID, "corpsecret": SECRET}).json()["access_token"]
        body: dict[str, Any] = {"userid_list": [_userid(number) for number in range(100)], "limit": PAGE}
        rows, begun = 0, time.perf_counter()
        for _ in range(pages):
            answer = client.post("/externalcontact/batch/get_by_user", params={"access_token": token}, json=body)
            found = json.loads(answer.content)
            if found["errcode"]:
                break
            rows += len(found["external_contact_list"])
            body["cursor"] = found["next_cursor"]
            if not found["next_cursor"]:
                break
        return round(rows / (time.perf_counter() - begun))


def _serve(pipe: Connection, contacts: int) -> None:
    """In a process of its own: its work is not the connector's."""
    limits = Limits(windows=((1.0, round(A_SECOND)), (60.0, 10_000)))
    app = create_app(_state(contacts), limits=limits)
    assert app.state.face.corps[CORP_ID].contacts  # drawn on first use: not the connector's time
    with serving(app) as address:
        pipe.send(address + "/cgi-bin")
        while pipe.recv() != "end":
            pipe.send(_one_in_a_hundred(app.state.face.corps[CORP_ID].contacts))


def _one_in_a_hundred(contacts: dict[str, list[dict[str, Any]]]) -> int:
    """Another remark for every hundredth follow-up; returns how many."""
    changed = [entry["follow_info"] for entries in contacts.values() for entry in entries][::100]
    for info in changed:
        info["remark"] = "another"
    return len(changed)


def _userid(number: int) -> str:
    return f"staff-{number:04d}"


def _state(contacts: int) -> WecomState:
    """Every member of staff follows as many contacts as the others; half of them carry a phone."""
    each = -(-contacts // STAFF)
    by_user = {
        _userid(user): [_entry(_userid(user), user * each + n) for n in range(min(each, contacts - user * each))]
        for user in range(STAFF)
        if user * each < contacts
    }
    staff = tuple({"userid": u, "name": u, "department": [1], "main_department": 1, "status": 1} for u in by_user)
    root = {"id": 1, "name": "company", "parentid": 0, "order": 1}
    return WecomState((root,), staff, tuple(by_user), by_user)


def _entry(userid: str, number: int) -> dict[str, Any]:
    profile = {"external_userid": f"wm{number:030d}", "name": f"客户{number}", "type": 1, "gender": number % 3}
    profile |= {"avatar": f"https://wx.qlogo.cn/mmhead/{number:032x}/0", "unionid": f"o{number:027d}"}
    phones = [f"138{number % 10**8:08d}"] if number % 2 else []
    info = {"userid": userid, "remark": f"备注{number}", "description": "常买绿茶", "createtime": _SINCE + number}
    info |= {"tag_id": [], "remark_corp_name": "", "remark_mobiles": phones, "oper_userid": userid, "add_way": 1}
    return {"external_contact": profile, "follow_info": info | {"state": "store-qr"}}
