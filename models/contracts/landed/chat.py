"""Messages of the WeCom chat archive. Field facts: vendor documentation page 91774 (shape of the decrypted message)."""

from models.contracts.contract import Column, Contract, not_blank
from models.contracts.landed.wecom import CORP

_MSGID = Column("msgid", "id", "message", "消息ID", required=True, checks=(not_blank("msgid"),))

CHAT_MESSAGES = Contract(
    dataset="chat_messages",
    en="Messages of the chat archive",
    zh="会话存档消息",
    grain="one row per message",
    key=("corp_id", "msgid"),
    event_time="sent_at",
    door="chat",
    columns=(
        CORP,
        _MSGID,
        Column("seq", "integer", "place in the archive", "消息序号", required=True),
        Column("action", "text", "what was done", "动作", required=True, known=("send", "recall", "switch")),
        Column("kind", "text", "kind of message", "消息类型",
               known=("text", "image", "revoke", "agree", "disagree", "voice", "video", "card", "location", "emotion",
                      "file", "link", "weapp", "chatrecord", "todo", "vote", "collect", "redpacket", "meeting",
                      "docmsg", "markdown", "news", "calendar", "mixed", "meeting_voice_call", "voip_doc_share",
                      "external_redpacket", "sphfeed", "voiptext", "qydiskfile")),
        Column("from_id", "id", "sender", "发送人", personal=True),
        Column("from_kind", "text", "what the sender is", "发送人类型", known=("staff", "external", "robot")),
        Column("room_id", "id", "customer group; empty: between two", "群ID"),
        Column("text", "text", "words: of a text, and of the text parts of a mixed message", "文本内容", personal=True),
        Column("title", "text", "title or name of a file, link, card or place", "标题", personal=True),
        Column("url", "text", "address of a link", "链接", personal=True),
        Column("media_id", "id", "by which the archive's kit fetches the file", "媒体文件ID"),
        Column("media_md5", "id", "md5 of the file", "媒体文件md5"),
        Column("media_bytes", "integer", "size of the file", "媒体文件大小"),
        Column("play_seconds", "integer", "length of a voice message or film", "播放时长"),
        Column("recalled_msgid", "id", "the message that this one takes back", "被撤回消息ID"),
        Column("agreed_by", "id", "who agreed (or did not) to be archived", "同意人", personal=True),
        Column("is_external", "boolean", "with somebody outside of the corp", "外部会话"),
        Column("receivers_count", "integer", "receivers named", "接收人数", required=True),
        Column("sent_at", "timestamp", "sent (a change of staff: its time)", "发送时间", required=True),
    ),
)  # fmt: skip

CHAT_RECEIVERS = Contract(
    dataset="chat_receivers",
    en="Receivers of messages of the chat archive",
    zh="会话存档接收人",
    grain="one row per message and receiver",
    key=("corp_id", "msgid", "receiver_id"),
    door="chat",
    columns=(
        CORP,
        _MSGID,
        Column("receiver_id", "id", "receiver", "接收人", required=True, personal=True,
               checks=(not_blank("receiver_id"),)),
        Column("receiver_kind", "text", "what the receiver is", "接收人类型", known=("staff", "external", "robot")),
    ),
)  # fmt: skip
