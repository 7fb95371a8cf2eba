"""Staff, contacts and follow-ups of WeCom. Field facts: vendor documentation pages 90201, 90208, 92113, 92114, 92994.

What else a corp holds: ``wecom_corp`` (tags, groups, links, transfers) and ``wecom_activity`` (what happened when).
"""

from models.contracts.contract import Column, Contract, not_blank

CORP = Column("corp_id", "id", "WeCom corp", "企业ID", required=True)
SYNC = Column("sync_id", "id", "full pass that landed the row", "同步批次", required=True)
USER = Column("userid", "id", "member of staff", "员工账号", required=True, checks=(not_blank("userid"),))
CONTACT = Column(
    "external_userid",
    "id",
    "external contact",
    "外部联系人ID",
    required=True,
    personal=True,
    checks=(not_blank("external_userid"),),
)
CONTENT = Column("content", "id", "digest of what the record said, by which a pass knows what has changed", "内容摘要")

WECOM_CONTACTS = Contract(
    dataset="wecom_contacts",
    en="WeCom external contacts",
    zh="企业微信外部联系人",
    grain="one row per external contact and pass that found it new or changed",
    key=("corp_id", "external_userid", "sync_id"),
    replaced_by=("external_userid",),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        CONTACT,
        Column("unionid", "id", "WeChat unionid (type 1 only)", "unionid", personal=True),
        Column("name", "text", "nickname", "昵称", personal=True),
        Column("contact_type", "integer", "1 WeChat, 2 WeCom", "类型"),
        Column("gender", "integer", "0 unknown, 1 male, 2 female", "性别"),
        Column("corp_name", "text", "corp of a WeCom contact", "对方企业"),
        CONTENT,
    ),
)

WECOM_FOLLOWS = Contract(
    dataset="wecom_follows",
    en="WeCom follow-ups: who of the staff follows which contact",
    zh="企业微信跟进关系",
    grain="one row per member of staff, external contact and pass that found it new, changed or gone",
    key=("corp_id", "userid", "external_userid", "sync_id"),
    event_time="followed_at",
    door="wecom",
    columns=(
        CORP,
        SYNC,
        USER,
        CONTACT,
        Column("remark", "text", "remark by staff", "备注", personal=True),
        Column("description", "text", "description by staff", "描述", personal=True),
        Column("add_way", "integer", "how the contact was added (open list of integers)", "添加方式"),
        Column("state", "text", "channel code", "渠道参数"),
        Column("oper_userid", "id", "who added", "操作人"),
        CONTENT,
        Column("is_gone", "boolean", "a complete pass no longer saw it; says nothing else", "已不存在"),
        Column("followed_at", "timestamp", "since", "添加时间", required=True),
    ),
)

WECOM_FOLLOW_PHONES = Contract(
    dataset="wecom_follow_phones",
    en="Phones that staff typed into a follow-up",
    zh="跟进备注手机号",
    grain="one row per follow-up's row and phone",
    key=("corp_id", "userid", "external_userid", "phone", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        USER,
        CONTACT,
        Column("phone", "phone", "phone, E.164", "手机号", required=True, personal=True),
    ),
)

WECOM_STAFF = Contract(
    dataset="wecom_staff",
    en="Staff in WeCom",
    zh="企业微信员工",
    grain="one row per member of staff and observation",
    key=("corp_id", "userid", "sync_id"),
    replaced_by=("userid",),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        USER,
        Column("name", "text", "name", "姓名", personal=True),
        Column("position", "text", "position", "职务"),
        Column("main_department", "id", "main department", "主部门"),
        Column("department_name", "text", "name of the main department; a store's number for store staff", "部门名称"),
        Column("status", "integer", "1 active, 2 disabled, 4 not activated, 5 left", "状态"),
    ),
)

WECOM_DEPARTMENTS = Contract(
    dataset="wecom_departments",
    en="Departments in WeCom",
    zh="企业微信部门",
    grain="one row per department and observation",
    key=("corp_id", "department_id", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        Column("department_id", "id", "department", "部门", required=True),
        Column("name", "text", "name; a store's number for a store", "部门名称"),
        Column("parent_id", "id", "department above; 0 for the root", "上级部门"),
        Column("position", "integer", "the larger, the further in front", "次序"),
    ),
)

WECOM_STAFF_DEPARTMENTS = Contract(
    dataset="wecom_staff_departments",
    en="Departments that staff belong to",
    zh="员工所属部门",
    grain="one row per member of staff, department and observation",
    key=("corp_id", "userid", "department_id", "sync_id"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        USER,
        Column("department_id", "id", "department", "部门", required=True),
        Column("is_main", "boolean", "the main department", "主部门"),
        Column("is_leader", "boolean", "leads it", "部门负责人"),
    ),
)

WECOM_FOLLOW_TAGS = Contract(
    dataset="wecom_follow_tags",
    en="Tags of follow-ups",
    zh="跟进客户标签",
    grain="one row per follow-up's row and tag",
    key=("corp_id", "userid", "external_userid", "tag_id", "tag_name", "sync_id"),
    blank_in_key=("tag_id", "tag_name"),
    door="wecom",
    columns=(
        CORP,
        SYNC,
        USER,
        CONTACT,
        Column("tag_id", "id", "the corp's tag; empty for a tag of the member's own", "标签ID"),
        Column("tag_name", "text", "name, where the vendor gives it (a member's own tag)", "标签名称"),
        Column("tag_group_name", "text", "name of its group, where given", "标签组名称"),
        Column(
            "tag_type",
            "integer",
            "1 the corp's, 2 the member's own, 3 a rule's; empty: the corp's or a rule's",
            "标签类型",
        ),
    ),
)

WECOM_SYNCS = Contract(
    dataset="wecom_syncs",
    en="Completed full passes over WeCom",
    zh="企业微信同步记录",
    grain="one row per completed pass and kind of object",
    key=("corp_id", "object", "sync_id"),
    door="wecom",
    columns=(CORP, SYNC, Column("object", "text", "staff, follows, tags, groups, …", "对象", required=True)),
)
