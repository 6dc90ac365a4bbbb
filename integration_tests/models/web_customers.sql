select * from {{ ref('web_customer_export') }}
