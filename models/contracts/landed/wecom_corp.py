"""What a WeCom corp holds beside staff and contacts: tags, customer groups, acquisition links, handed-over contacts.

Field facts: vendor documentation pages 92117 (tags), 92120 and 92122 (groups), 97297 and 97298 (acquisition), 92124
(unassigned), 94088 and 94082 (transfer results).
"""

from models.contracts.contract import Column, Contract, not_blank
from models.contracts.landed.wecom import CONTACT, CORP, SYNC, USER

_CHAT = Column("chat_id", "id", "customer group", "客户群ID", required=True, checks=(not_blank("chat_id"),))
_LINK = Column("link_id", "id", "acquisition link", "获客链接ID", required=True, checks=(not_blank("link_id"),))

WECOM_TAGS = Contract(
    dataset="wecom_tags",
    en="Tags of the corp",
    zh="企业客户标签库",
    grain="one row per tag and observation",
    key=("corp_id", "tag_id", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        Column("tag_id", "id", "tag", "标签ID", required=True, checks=(not_blank("tag_id"),)),
        Column("name", "text", "name", "标签名称"),
        Column("tag_group_id", "id", "its group", "标签组ID"),
        Column("tag_group_name", "text", "name of the group", "标签组名称"),
        Column("position", "integer", "the larger, the further in front", "次序"),
        Column("is_deleted", "boolean", "the vendor says that it was deleted", "已删除"),
        Column("created_at", "timestamp", "made", "创建时间"),
    ),
)

WECOM_GROUPS = Contract(
    dataset="wecom_groups",
    en="Customer groups",
    zh="客户群",
    grain="one row per group and observation",
    key=("corp_id", "chat_id", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        _CHAT,
        Column("name", "text", "name", "群名"),
        Column("owner_userid", "id", "owner", "群主"),
        Column("notice", "text", "notice", "群公告"),
        Column(
            "status", "integer", "0 with its owner, 1 to be taken over, 2 being taken over, 3 taken over", "跟进状态"
        ),
        Column("created_at", "timestamp", "made", "创建时间"),
    ),
)

WECOM_GROUP_MEMBERS = Contract(
    dataset="wecom_group_members",
    en="Members of customer groups",
    zh="客户群成员",
    grain="one row per group, member and observation",
    key=("corp_id", "chat_id", "member_id", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        _CHAT,
        Column("member_id", "id", "userid or external_userid", "成员ID", required=True, personal=True,
               checks=(not_blank("member_id"),)),
        Column("member_type", "integer", "1 staff, 2 external", "成员类型"),
        Column("unionid", "id", "WeChat unionid", "unionid", personal=True),
        Column("name", "text", "name", "名称", personal=True),
        Column("group_nickname", "text", "name in the group", "群昵称", personal=True),
        Column("invited_by", "id", "who of the staff invited", "邀请人"),
        Column("join_scene", "integer", "1 invited by staff, 2 by a link, 3 by a code", "入群方式"),
        Column("is_admin", "boolean", "administers the group", "群管理员"),
        Column("joined_at", "timestamp", "joined", "入群时间"),
    ),
)  # fmt: skip

WECOM_LINKS = Contract(
    dataset="wecom_links",
    en="Acquisition links",
    zh="获客链接",
    grain="one row per link and observation",
    key=("corp_id", "link_id", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        _LINK,
        Column("name", "text", "name", "链接名称"),
        Column("url", "text", "address", "链接地址"),
        Column("skips_verify", "boolean", "contacts are added without asking", "免验证"),
        Column("created_at", "timestamp", "made", "创建时间"),
    ),
)

WECOM_LINK_CUSTOMERS = Contract(
    dataset="wecom_link_customers",
    en="Contacts that came by an acquisition link",
    zh="获客链接添加的客户",
    grain="one row per link, contact, member of staff and observation",
    key=("corp_id", "link_id", "external_userid", "userid", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        _LINK,
        CONTACT,
        USER,
        Column("chat_status", "integer", "0 wrote nothing, 1 wrote, 2 not known", "会话状态"),
        Column("state", "text", "the address' parameter customer_channel", "渠道参数"),
    ),
)

WECOM_LINK_QUOTAS = Contract(
    dataset="wecom_link_quotas",
    en="Quota of acquisition links",
    zh="获客助手额度",
    grain="one row per corp and observation",
    key=("corp_id", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        Column("total", "integer", "contacts bought", "历史累计量"),
        Column("balance", "integer", "contacts left", "剩余量"),
    ),
)

WECOM_UNASSIGNED = Contract(
    dataset="wecom_unassigned",
    en="Contacts of staff who left, not given to anybody yet",
    zh="待分配客户",
    grain="one row per member who left, contact and observation",
    key=("corp_id", "handover_userid", "external_userid", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        Column("handover_userid", "id", "who left", "离职员工", required=True),
        CONTACT,
        Column("left_at", "timestamp", "left", "离职时间"),
    ),
)

WECOM_TRANSFERS = Contract(
    dataset="wecom_transfers",
    en="What became of contacts that were handed over",
    zh="客户转接结果",
    grain="one row per pair of staff, contact, kind and observation",
    key=("corp_id", "kind", "handover_userid", "takeover_userid", "external_userid", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        Column("kind", "text", "active (both work here) or resigned", "转接类型", required=True,
               known=("active", "resigned")),
        Column("handover_userid", "id", "who hands over", "原跟进人", required=True),
        Column("takeover_userid", "id", "who takes over", "接替人", required=True),
        CONTACT,
        Column("status", "integer", "1 done, 2 waiting, 3 refused, 4 the taker is full, 5 no record", "状态"),
        Column("taken_over_at", "timestamp", "done", "接替时间"),
    ),
)  # fmt: skip
