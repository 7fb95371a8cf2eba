with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'enrolments'), key=['enrolment_id'], changed_at='updated_at', said=[
        'unionid', 'external_userid', 'phone', 'member_no', 'course_id', 'store_id', 'salesperson_id',
        'teacher_id', 'order_id', 'name', 'course_name', 'status', 'currency', 'hours_bought', 'hours_gifted',
        'hours_used', 'hours_refunded', 'paid_amount', 'starts_on', 'expires_on', 'enrolled_at', 'updated_at',
    ]) }}
),

enrolments as (
    select
        newest.enrolment_id,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.member_no,
        newest.course_id,
        newest.store_id,
        newest.salesperson_id,
        newest.teacher_id,
        newest.order_id,
        newest.name,
        newest.course_name,
        newest.status,
        newest.currency,
        newest.hours_bought,
        newest.hours_gifted,
        newest.hours_used,
        newest.hours_refunded,
        newest.paid_amount,
        newest.starts_on,
        newest.expires_on,
        newest.enrolled_at,
        newest.updated_at,
        newest._batch,
        newest._row
    from newest
    cross join this_run
    where newest.enrolled_at < this_run.as_of
)

select * from enrolments
