"""What happened in WeCom and when: statistics by day, payments in chat, mass messages, events that the vendor pushed.

Field facts: vendor documentation pages 92132 (statistics), 93667 (payments), 93338 (mass messages), 92130 and 92277
(events). Times are naive UTC, amounts fen.
"""

from models.contracts.contract import Column, Contract, not_blank
from models.contracts.landed.wecom import CORP, USER


def _count(name: str, en: str, zh: str) -> Column:
    return Column(name, "integer", en, zh)


def _contact_if_any() -> Column:
    return Column("external_userid", "id", "external contact", "外部联系人ID", personal=True)


_TRANSACTION = Column(
    "transaction_id", "id", "the payment's number", "交易单号", required=True, checks=(not_blank("transaction_id"),)
)
_MESSAGE = Column("msgid", "id", "mass message", "群发ID", required=True, checks=(not_blank("msgid"),))

WECOM_BEHAVIOUR = Contract(
    dataset="wecom_behaviour",
    en="What staff did with contacts, by day",
    zh="员工联系客户统计",
    grain="one row per member of staff, day (Beijing) and version",
    key=("corp_id", "userid", "stat_date"),
    replaced_by=("corp_id", "userid", "stat_date"),
    door="wecom",
    columns=(
        CORP,
        USER,
        Column("stat_date", "date", "day, Beijing", "日期", required=True),
        _count("chats", "chats", "聊天总数"),
        _count("messages", "messages sent", "发送消息数"),
        Column("reply_rate", "rate", "share of chats answered; empty when there was none", "回复聊天占比"),
        _count("first_reply_minutes", "mean time to the first answer, minutes (unit not verified)", "平均首次回复时长"),
        _count("negative_feedbacks", "deleted or blocked by contacts", "删除拉黑数"),
        _count("applications", "requests sent to become a contact", "发起申请数"),
        _count("new_contacts", "contacts added", "新增客户数"),
    ),
)

WECOM_PAYMENTS = Contract(
    dataset="wecom_payments",
    en="Payments that staff took in WeCom",
    zh="对外收款记录",
    grain="one row per payment and version",
    key=("corp_id", "transaction_id"),
    replaced_by=("corp_id", "transaction_id"),
    event_time="paid_at",
    door="wecom",
    columns=(
        CORP,
        _TRANSACTION,
        Column("out_trade_no", "id", "the merchant's number", "商户单号"),
        Column("trade_state", "integer", "1 paid, 3 given back in part or whole", "交易状态"),
        Column("payment_type", "integer", "0 in chat, 1 by code, 2 in a live show, 3 in an album", "收款方式"),
        Column("payee_userid", "id", "who took it", "收款人"),
        _contact_if_any(),
        Column("mch_id", "id", "merchant number", "商户号"),
        Column("remark", "text", "remark", "备注"),
        Column("amount", "amount", "paid, fen", "收款金额", required=True),
        Column("refunded_amount", "amount", "given back so far, fen", "退款总额"),
        Column("paid_at", "timestamp", "paid", "付款时间", required=True),
    ),
)

WECOM_PAYMENT_REFUNDS = Contract(
    dataset="wecom_payment_refunds",
    en="Refunds of payments taken in WeCom",
    zh="对外收款退款",
    grain="one row per refund and version of its payment",
    key=("corp_id", "transaction_id", "out_refund_no"),
    replaced_by=("corp_id", "transaction_id"),
    door="wecom",
    columns=(
        CORP,
        _TRANSACTION,
        Column("out_refund_no", "id", "the refund's number", "退款单号", required=True),
        Column("refund_userid", "id", "who gave it back", "退款发起人"),
        Column("comment", "text", "comment", "退款备注"),
        Column("status", "integer", "0 asked for, 1 done, 2 failed", "退款状态"),
        Column("amount", "amount", "given back, fen", "退款金额", required=True),
        Column("requested_at", "timestamp", "asked for", "退款发起时间"),
    ),
)

WECOM_MESSAGES = Contract(
    dataset="wecom_messages",
    en="Mass messages",
    zh="企业群发",
    grain="one row per mass message and version",
    key=("corp_id", "msgid"),
    replaced_by=("corp_id", "msgid"),
    door="wecom",
    columns=(
        CORP,
        _MESSAGE,
        Column("chat_type", "text", "single or group", "群发类型", known=("single", "group")),
        Column("creator_userid", "id", "who made it", "创建人"),
        Column("create_type", "integer", "0 the corp, 1 a member of staff", "创建来源"),
        Column("text", "text", "words", "文本内容"),
        _count("attachments_count", "attachments", "附件数"),
        Column("created_at", "timestamp", "made", "创建时间", required=True),
    ),
)

WECOM_MESSAGE_TASKS = Contract(
    dataset="wecom_message_tasks",
    en="Mass messages that staff must send",
    zh="群发成员任务",
    grain="one row per mass message, member of staff and version",
    key=("corp_id", "msgid", "userid"),
    replaced_by=("corp_id", "msgid", "userid"),
    door="wecom",
    columns=(
        CORP,
        _MESSAGE,
        USER,
        Column("status", "integer", "0 not sent, 2 sent", "发送状态"),
        Column("sent_at", "timestamp", "sent", "发送时间"),
    ),
)

WECOM_MESSAGE_SENDS = Contract(
    dataset="wecom_message_sends",
    en="Whom mass messages reached",
    zh="群发发送结果",
    grain="one row per mass message, member of staff, contact or group, and version",
    key=("corp_id", "msgid", "userid", "external_userid", "chat_id"),
    blank_in_key=("external_userid", "chat_id"),
    replaced_by=("corp_id", "msgid", "userid", "external_userid", "chat_id"),
    door="wecom",
    columns=(
        CORP,
        _MESSAGE,
        USER,
        _contact_if_any(),
        Column("chat_id", "id", "customer group", "客户群ID"),
        Column("status", "integer", "0 not sent, 1 sent, 2 no contact any more, 3 got another already", "发送状态"),
        Column("sent_at", "timestamp", "sent", "发送时间"),
    ),
)

WECOM_EVENTS = Contract(
    dataset="wecom_events",
    en="Events that WeCom pushed",
    zh="企业微信事件",
    grain="one row per event; the same content pushed again is the same event",
    key=("corp_id", "event_id"),
    event_time="occurred_at",
    door="wecom",
    columns=(
        CORP,
        Column("event_id", "id", "over the whole content", "事件ID", required=True),
        Column("event", "text", "kind", "事件类型", required=True,
               known=("change_external_contact", "change_external_chat", "change_external_tag", "change_contact",
                      "msg_audit_approved", "msgaudit_notify", "customer_acquisition")),
        Column("change_type", "text", "what changed", "变更类型",
               known=("add_external_contact", "edit_external_contact", "add_half_external_contact",
                      "del_external_contact", "del_follow_user", "transfer_fail", "create", "update", "dismiss",
                      "delete", "shuffle", "create_user", "update_user", "delete_user", "create_party",
                      "update_party", "delete_party")),
        Column("userid", "id", "member of staff", "员工账号"),
        _contact_if_any(),
        Column("chat_id", "id", "customer group", "客户群ID"),
        Column("object_id", "id", "tag, department or link", "对象ID"),
        Column("state", "text", "channel code", "渠道参数"),
        Column("source", "text", "why, where the vendor says it", "来源"),
        Column("fail_reason", "text", "why a transfer failed", "失败原因"),
        Column("occurred_at", "timestamp", "time of the event", "发生时间", required=True),
    ),
)  # fmt: skip
