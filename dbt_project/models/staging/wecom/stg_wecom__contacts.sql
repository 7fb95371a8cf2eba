with contact_rows as (
    select * from {{ source('lake', 'wecom_contacts') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

-- A contact has no time of its own: it is known since the first of its follow-ups began, and current while one is.
follows_of_contacts as (
    select
        external_userid,
        min(followed_at) as first_followed_at,
        max(case when is_current then 1 else 0 end) = 1 as is_current
    from {{ ref('stg_wecom__follows') }}
    group by external_userid
),

newest as (
    select
        contact_rows.corp_id,
        contact_rows.sync_id,
        contact_rows.external_userid,
        contact_rows.unionid,
        contact_rows.name,
        contact_rows.corp_name,
        contact_rows.contact_type,
        contact_rows.gender,
        batches.seq
    from contact_rows
    inner join batches on contact_rows._batch = batches.batch
    qualify row_number() over (
        partition by contact_rows.external_userid
        order by batches.seq desc, {{ content_hash(['unionid', 'name', 'corp_name', 'contact_type', 'gender', 'sync_id', 'corp_id']) }}
    ) = 1
),

contacts as (
    select
        newest.external_userid,
        newest.unionid,
        newest.name,
        newest.corp_name,
        newest.contact_type,
        case newest.gender when 1 then 'male' when 2 then 'female' end as gender,
        follows_of_contacts.is_current,
        follows_of_contacts.first_followed_at
    from newest
    inner join follows_of_contacts on newest.external_userid = follows_of_contacts.external_userid
)

select * from contacts
