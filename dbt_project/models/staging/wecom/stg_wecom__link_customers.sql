with customer_rows as (
    select * from {{ source('lake', 'wecom_link_customers') }}
),

link_rows as (
    select * from {{ source('lake', 'wecom_links') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

accounts as (
    select * from {{ ref('stg_wecom__accounts') }}
),

last_passes as (
    select * from {{ ref('stg_wecom__passes') }}
    where object = 'links'
),

links as (
    select
        link_rows.corp_id,
        link_rows.link_id,
        link_rows.name
    from link_rows
    inner join batches on link_rows._batch = batches.batch
    qualify row_number() over (
        partition by link_rows.corp_id, link_rows.link_id
        order by batches.seq desc, link_rows._row desc
    ) = 1
),

newest as (
    select
        customer_rows.*,
        batches.seq
    from customer_rows
    inner join batches on customer_rows._batch = batches.batch
    qualify row_number() over (
        partition by customer_rows.corp_id, customer_rows.link_id, customer_rows.external_userid, customer_rows.userid
        order by batches.seq desc, customer_rows._row desc
    ) = 1
),

link_customers as (
    select
        newest.link_id,
        newest.external_userid,
        coalesce(accounts.userid, newest.userid) as userid,
        newest.corp_id,
        newest.state,
        links.name as link_name,
        newest.chat_status,
        {{ seen_in_last_pass('newest', 'last_passes') }} as is_current
    from newest
    left join links
        on newest.corp_id = links.corp_id
        and newest.link_id = links.link_id
    left join accounts
        on newest.corp_id = accounts.corp_id
        and newest.userid = accounts.account_userid
    left join last_passes on newest.corp_id = last_passes.corp_id
)

select * from link_customers
