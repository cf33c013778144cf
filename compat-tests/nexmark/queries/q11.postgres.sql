SELECT bidder, count(*) AS bids, min(date_time), max(date_time) + INTERVAL '1 second' FROM (
  SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY bidder ORDER BY date_time) AS session FROM (
    SELECT *, date_time - lag(date_time) OVER (PARTITION BY bidder ORDER BY date_time) > INTERVAL '1 second' AS begins FROM bid) b) s
GROUP BY bidder, session
