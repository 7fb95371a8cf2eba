{#- States of a store or an employee over time. A row with `valid_from` begins a state on that day; a row without one corrects
    the newest state that had begun when it was delivered, and before the first dated row it is the state of all time. Of
    several rows on one state the newest delivery wins. The body of a CTE that reads `rows` (a source with valid_from) and
    the CTEs `batches` and `this_run`; gives the columns of `rows`, seq, and holds_from (1900-01-01: from the beginning). -#}
{% macro newest_states(rows, key, said) -%}
    select * from (
        select
            {{ rows }}.*,
            batches.seq,
            coalesce({{ rows }}.valid_from, begun.valid_from, date '1900-01-01') as holds_from
        from {{ rows }}
        inner join batches on {{ rows }}._batch = batches.batch
        left join (
            select
                undated.{{ key }},
                undated._batch,
                max(dated.valid_from) as valid_from
            from {{ rows }} as undated
            inner join batches as deliveries on undated._batch = deliveries.batch
            cross join this_run
            inner join {{ rows }} as dated
                on undated.{{ key }} = dated.{{ key }}
                and dated.valid_from <= {{ local_date('deliveries.landed_at', 'this_run.company_timezone') }}
            inner join batches as earlier on dated._batch = earlier.batch and earlier.seq < deliveries.seq
            where undated.valid_from is null
            group by undated.{{ key }}, undated._batch
        ) as begun on {{ rows }}.{{ key }} = begun.{{ key }} and {{ rows }}._batch = begun._batch
    ) as delivered
    qualify row_number() over (
        partition by {{ key }}, holds_from
        order by seq desc, {{ content_hash(said) }}
    ) = 1
{%- endmacro %}


{#- The days of which a state is that of the fact: the first state holds before its first day too, the last one is open. To be
    used beside holds_from in a select over all states of `key`. -#}
{% macro first_day_of_state(key) -%}
    case
        when row_number() over (partition by {{ key }} order by holds_from) = 1 then date '1900-01-01'
        else holds_from
    end
{%- endmacro %}

{% macro day_after_state(key) -%}
    coalesce(lead(holds_from) over (partition by {{ key }} order by holds_from), date '9999-12-31')
{%- endmacro %}


{#- Did money move in this state of a payment or refund that the own system recorded? Empty means success. -#}
{% macro is_paid_status(status) -%}
    coalesce(lower(trim({{ status }})), 'success') not in (
        'failed', 'fail', 'failure', 'pending', 'closed', 'cancelled', 'canceled', 'revoked', 'unpaid', 'processing',
        '失败', '支付失败', '退款失败', '处理中', '待支付', '未支付', '已关闭', '已撤销', '已取消'
    )
{%- endmacro %}
