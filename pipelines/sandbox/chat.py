"""The chat archive of a sandbox's corp, as decrypted JSON lines: talk between staff and contacts in every form.

Times lie within the days before the state's end; numbers (``seq``) rise with the time. The words are what people write
to a tea shop: questions, orders, thanks, complaints.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.sandbox.chance import Chance
from pipelines.sandbox.wecom_company import Follow, Record
from pipelines.sandbox.wecom_corp import CORP_ID, Corp, WecomState
from pipelines.sandbox.wecom_protocol import DAY_SECONDS

#: What a contact writes, and what staff answer.
TALKS: tuple[tuple[str, str], ...] = (
    ("你好，西湖龙井今年的新茶到了吗？", "到了的，明前特级还有少量，需要给您留两罐吗？"),
    ("昨天收到的茶饼碎了，怎么处理？", "非常抱歉，麻烦您拍张照片，我马上帮您补发。"),
    ("都三天了还没发货，再不发我要退款了！", "实在对不起，仓库今天一定发出，运费我们承担。"),
    ("陈皮普洱怎么泡比较好喝？", "100 度沸水，第一泡快出汤，后面每泡加十秒。"),
    ("会员积分可以抵现金吗", "可以的，100 积分抵 1 元，结账时跟店员说一声就行。"),
    ("上次买的红茶味道不对，跟以前喝的不一样", "给您添麻烦了，请把批次号发我，我核实后给您答复。"),
    ("周末店里有试饮活动吗", "有的，周六下午两点，欢迎您带朋友来。"),
    ("送长辈什么茶合适", "可以看看老白茶礼盒，口感温和，包装也大方。"),
    ("别再给我发广告了", "好的，已经为您取消，抱歉打扰了。"),
    ("谢谢，茶很好喝👍", "您喜欢就好，有需要随时找我。"),
)
_KINDS = ("text", "image", "voice", "file", "link", "card", "location", "emotion", "mixed", "chatrecord", "video")
_WEIGHTS = (70, 8, 5, 2, 4, 2, 1, 4, 2, 1, 1)


def messages(state: WecomState, corp_id: str = CORP_ID, *, days: int = 30, first_seq: int = 1) -> Iterator[Record]:
    """The archive in order of ``seq``. The same state and corp give the same messages."""
    corp = Corp(state, corp_id)
    follows = corp.company.follows
    if not follows:
        return
    chance = Chance(zlib.crc32(corp_id.encode()), "chat archive")
    size = len(follows)
    talks = (chance.below(size, 4)).tolist()
    start = corp.company.now - days * DAY_SECONDS
    made: list[tuple[int, Record]] = []
    rooms = [str(group["chat_id"]) for group in corp.company.groups]
    for number in np.flatnonzero(np.array(talks)).tolist():
        made += _talk(
            chance, follows[number], max(follows[number].since, start), corp.company.now, talks[number], rooms
        )
    made += _special(follows, start, rooms)
    made.sort(key=lambda item: (item[0], item[1]["msgid"]))
    for seq, (_, message) in enumerate(made, start=first_seq):
        yield {"seq": seq, "corp_id": corp_id, **message}


def write_archive(state: WecomState, path: Path, corp_id: str = CORP_ID, *, days: int = 30) -> int:
    """The archive as JSON lines; returns how many."""
    lines = [
        json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        for message in messages(state, corp_id, days=days)
    ]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return len(lines)


def _talk(
    chance: Chance, follow: Follow, begin: int, end: int, count: int, rooms: Sequence[str]
) -> Iterator[tuple[int, Record]]:
    """Some exchanges of one contact with one member of staff; in one of twelve the contact writes into a group."""
    span = max(end - begin - 3_600, 1)
    starts = (begin + chance.below(count, span)).tolist()
    words = chance.below(count, len(TALKS)).tolist()
    kinds = chance.pick(count, _WEIGHTS).tolist()
    waits = (30 + chance.below(count, 3_000)).tolist()
    in_room = chance.below(count, 12).tolist()
    codes = chance.codes(count * 2, "", 20).tolist()
    for turn in range(count):
        asked, answered = TALKS[words[turn]]
        room = rooms[words[turn] % len(rooms)] if rooms and in_room[turn] == 0 else ""
        first, second = codes[2 * turn], codes[2 * turn + 1]
        kind = _KINDS[kinds[turn]]
        there = [follow.userid]
        payload = _payload(kind, asked, first)
        yield starts[turn], _message(first, follow.external_userid, there, room, starts[turn], kind, payload)
        at = starts[turn] + waits[turn]
        answer = _message(second, follow.userid, [follow.external_userid], room, at, "text", {"content": answered})
        yield at, answer


def _message(
    code: str, sender: str, receivers: Sequence[str], room: str, at: int, kind: str, payload: Any, action: str = "send"
) -> Record:
    name = "info" if kind == "markdown" else kind
    return {
        "msgid": f"{code}_{at}_external",
        "action": action,
        "from": sender,
        "tolist": list(receivers),
        "roomid": room,
        "msgtime": at * 1_000 + 123,
        "msgtype": kind,
        name: payload,
    }


def _payload(kind: str, words: str, code: str) -> Record:
    media = {"sdkfileid": f"sdk{code}", "md5sum": f"{zlib.crc32(code.encode()):032x}"}
    by_kind: dict[str, Record] = {
        "text": {"content": words},
        "image": {**media, "filesize": 70_961},
        "voice": {**media, "voice_size": 8_560, "play_length": 6},
        "video": {**media, "filesize": 170_961, "play_length": 19},
        "file": {**media, "filesize": 18_181, "filename": "订货单.xlsx", "fileext": "xlsx"},
        "link": {
            "title": "新茶上市",
            "description": "明前龙井",
            "link_url": "https://tea.example.com/new",
            "image_url": "",
        },
        "card": {"corpname": "思语茶业", "userid": "s001-01"},
        "location": {
            "longitude": 121.47,
            "latitude": 31.23,
            "address": "上海市静安区",
            "title": "静安旗舰店",
            "zoom": 15,
        },
        "emotion": {**media, "type": 1, "width": 290, "height": 290, "imagesize": 962_604},
        "chatrecord": {
            "title": "群聊的聊天记录",
            "item": [{"type": "ChatRecordText", "content": '{"content":"好的"}'}],
        },
        "mixed": {
            "item": [
                {"type": "text", "content": json.dumps({"content": words}, ensure_ascii=False)},
                {"type": "image", "content": json.dumps(media)},
            ]
        },
    }
    return by_kind[kind]


def _special(follows: Sequence[Follow], start: int, rooms: Sequence[str]) -> Iterator[tuple[int, Record]]:
    """The forms that break a naive reader, once each: no msgtime, a message taken back, a kind of tomorrow, …"""
    follow = follows[0]
    staff, contact = follow.userid, follow.external_userid
    yield start + 10, {"msgid": f"switch_{start}", "action": "switch", "time": (start + 10) * 1_000, "user": staff}
    agree = {"userid": contact, "agree_time": (start + 20) * 1_000}
    yield start + 20, _message("agree", contact, [staff], "", start + 20, "agree", agree)
    wrong = _message("mistake", staff, [contact], "", start + 30, "text", {"content": "发错了，这条请忽略"})
    yield start + 30, wrong
    back = {"pre_msgid": wrong["msgid"]}
    yield start + 40, _message("recall", staff, [contact], "", start + 40, "revoke", back, action="recall")
    tomorrow = {"hologram": {"layers": 3}}
    yield start + 50, _message("tomorrow", contact, [staff], "", start + 50, "hologram", tomorrow)
    room = rooms[0] if rooms else ""
    everybody = [contact, "wbRobot00000000000000000001", "s001-02"]
    yield start + 60, _message("group", staff, everybody, room, start + 60, "markdown", {"content": "**周末**试饮"})
