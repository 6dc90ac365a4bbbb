{{ rfm.grade(ref('clean_web_customers'), rulebook='shop_tiers', group_by=['as_of_date', 'region']) }}
