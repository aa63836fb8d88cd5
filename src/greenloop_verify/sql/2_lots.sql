-- Lots: who holds how many points of which cohort, from the orders on (R1, R10).

-- @table lots
SELECT account_id, cohort_id, SUM(points) AS points
FROM (
    SELECT o.member_id AS account_id, c.id AS cohort_id,
           floor_div(o.entered_fen * o.member_multiple_ppm, 1000000) AS points
    FROM orders o JOIN pools p ON p.id = o.pool_id
    LEFT JOIN cohorts c
        ON c.pool_id = o.pool_id AND c.plan_id = o.plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
    WHERE o.entry_cycle IS NOT NULL AND o.entered_fen >= 10
    UNION ALL
    SELECT m.account_id, c.id, floor_div(o.entered_fen * o.merchant_multiple_ppm, 1000000)
    FROM orders o JOIN pools p ON p.id = o.pool_id JOIN merchants m ON m.id = o.merchant_id
    LEFT JOIN cohorts c
        ON c.pool_id = o.pool_id AND c.plan_id = o.plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
    WHERE o.entry_cycle IS NOT NULL AND o.entered_fen >= 10
    UNION ALL
    SELECT o.referrer_id, c.id, o.red_points + COALESCE(r.red_lost, 0)
    FROM orders o JOIN rules v ON v.id = o.rules_id JOIN pools p ON p.id = v.red_pool_id
    LEFT JOIN refund_sums r ON r.order_id = o.id
    LEFT JOIN cohorts c
        ON c.pool_id = v.red_pool_id AND c.plan_id = v.red_plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
    WHERE o.entry_cycle IS NOT NULL AND o.red_points + COALESCE(r.red_lost, 0) > 0
) AS each_lot
GROUP BY account_id, cohort_id

-- @table losses
-- What refunds took from positions: whose points of which cohort, in which of the pool's cycles.
SELECT account_id, cohort_id, cycle, SUM(points) AS points
FROM (
    SELECT r.member_id AS account_id, c.id AS cohort_id, r.cycle - p.first_cycle + 1 AS cycle,
           r.member_points_lost AS points
    FROM refunds_in_turn r JOIN pools p ON p.id = r.pool_id
    JOIN cohorts c ON c.pool_id = r.pool_id AND c.plan_id = r.plan_id AND c.entry = r.entry_cycle - p.first_cycle + 1
    WHERE r.effect = 'applied'
    UNION ALL
    SELECT m.account_id, c.id, r.cycle - p.first_cycle + 1, r.merchant_points_lost
    FROM refunds_in_turn r JOIN pools p ON p.id = r.pool_id JOIN merchants m ON m.id = r.merchant_id
    JOIN cohorts c ON c.pool_id = r.pool_id AND c.plan_id = r.plan_id AND c.entry = r.entry_cycle - p.first_cycle + 1
    WHERE r.effect = 'applied'
    UNION ALL
    SELECT r.referrer_id, c.id, r.cycle - p.first_cycle + 1, r.red_points_lost
    FROM refunds_in_turn r JOIN rules v ON v.id = r.rules_id JOIN pools p ON p.id = v.red_pool_id
    JOIN cohorts c
        ON c.pool_id = v.red_pool_id AND c.plan_id = v.red_plan_id AND c.entry = r.entry_cycle - p.first_cycle + 1
    WHERE r.effect = 'applied' AND r.red_points_lost > 0
) AS each_loss
WHERE points > 0 GROUP BY account_id, cohort_id, cycle

-- @table positions_lost
SELECT account_id, cohort_id, SUM(points) AS points FROM losses GROUP BY account_id, cohort_id

-- @check positions on positions
SELECT COALESCE(p.cohort_id, l.cohort_id) AS place,
       CONCAT('position of ', COALESCE(p.account_id, l.account_id), ' in cohort ',
              COALESCE(CAST(COALESCE(p.cohort_id, l.cohort_id) AS STRING), 'that is missing')) AS what,
       COALESCE(CAST(p.points AS STRING), 'none') AS found,
       CAST(COALESCE(l.points, 0) - COALESCE(x.points, 0) AS STRING) AS due
FROM positions p
FULL OUTER JOIN lots l ON l.account_id = p.account_id AND l.cohort_id = p.cohort_id
LEFT JOIN positions_lost x ON x.account_id = l.account_id AND x.cohort_id = l.cohort_id
WHERE COALESCE(p.points, 0) <> COALESCE(l.points, 0) - COALESCE(x.points, 0)

-- @check cohorts on cohorts
SELECT c.id AS place, CONCAT('cohort ', c.id, ': points') AS what, CAST(c.points AS STRING) AS found,
       CAST(COALESCE(l.points, 0) - COALESCE(x.points, 0) AS STRING) AS due
FROM cohorts c
LEFT JOIN (SELECT cohort_id, SUM(points) AS points FROM lots GROUP BY cohort_id) l ON l.cohort_id = c.id
LEFT JOIN (SELECT cohort_id, SUM(points) AS points FROM losses GROUP BY cohort_id) x ON x.cohort_id = c.id
WHERE c.points <> COALESCE(l.points, 0) - COALESCE(x.points, 0)
