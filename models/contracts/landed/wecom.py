"""Datasets of the WeCom connector. Field facts: vendor documentation pages 92113, 92114, 92994."""

from models.contracts.contract import Column, Contract, not_blank

_CORP = Column("corp_id", "id", "WeCom corp", "企业ID", required=True)
_SYNC = Column("sync_id", "id", "full pass in which the row was seen", "同步批次", required=True)
_USER = Column("userid", "id", "member of staff", "员工账号", required=True, checks=(not_blank("userid"),))
_CONTACT = Column(
    "external_userid",
    "id",
    "external contact",
    "外部联系人ID",
    required=True,
    personal=True,
    checks=(not_blank("external_userid"),),
)

WECOM_CONTACTS = Contract(
    dataset="wecom_contacts",
    en="WeCom external contacts",
    zh="企业微信外部联系人",
    grain="one row per external contact and observation",
    key=("corp_id", "external_userid", "sync_id"),
    replaced_by=("external_userid",),
    door="wecom",
    columns=(
        _CORP,
        _SYNC,
        _CONTACT,
        Column("unionid", "id", "WeChat unionid (type 1 only)", "unionid", personal=True),
        Column("name", "text", "nickname", "昵称", personal=True),
        Column("contact_type", "integer", "1 WeChat, 2 WeCom", "类型"),
        Column("gender", "integer", "0 unknown, 1 male, 2 female", "性别"),
        Column("corp_name", "text", "corp of a WeCom contact", "对方企业"),
    ),
)

WECOM_FOLLOWS = Contract(
    dataset="wecom_follows",
    en="WeCom follow-ups: who of the staff follows which contact",
    zh="企业微信跟进关系",
    grain="one row per member of staff, external contact and observation",
    key=("corp_id", "userid", "external_userid", "sync_id"),
    event_time="followed_at",
    door="wecom",
    columns=(
        _CORP,
        _SYNC,
        _USER,
        _CONTACT,
        Column("remark", "text", "remark by staff", "备注", personal=True),
        Column("description", "text", "description by staff", "描述", personal=True),
        Column("add_way", "integer", "how the contact was added (open list of integers)", "添加方式"),
        Column("state", "text", "channel code", "渠道参数"),
        Column("oper_userid", "id", "who added", "操作人"),
        Column("followed_at", "timestamp", "since", "添加时间", required=True),
    ),
)

WECOM_FOLLOW_PHONES = Contract(
    dataset="wecom_follow_phones",
    en="Phones that staff typed into a follow-up",
    zh="跟进备注手机号",
    grain="one row per follow-up, phone and observation",
    key=("corp_id", "userid", "external_userid", "phone", "sync_id"),
    door="wecom",
    columns=(
        _CORP,
        _SYNC,
        _USER,
        _CONTACT,
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
        _CORP,
        _SYNC,
        _USER,
        Column("name", "text", "name", "姓名", personal=True),
        Column("position", "text", "position", "职务"),
        Column("main_department", "id", "main department", "主部门"),
        Column("department_name", "text", "name of the main department; a store's number for store staff", "部门名称"),
        Column("status", "integer", "1 active, 2 disabled, 4 not activated, 5 left", "状态"),
    ),
)

WECOM_SYNCS = Contract(
    dataset="wecom_syncs",
    en="Completed full passes over WeCom",
    zh="企业微信同步记录",
    grain="one row per completed pass and kind of object",
    key=("corp_id", "object", "sync_id"),
    door="wecom",
    columns=(_CORP, _SYNC, Column("object", "text", "staff or follows", "对象", required=True)),
)
