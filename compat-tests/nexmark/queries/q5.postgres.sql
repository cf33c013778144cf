WITH c AS (
  SELECT auction, count(*) AS num, w AS window_start FROM bid,
    generate_series(date_bin('2 seconds', date_time, '1970-01-01Z') - INTERVAL '8 seconds', date_bin('2 seconds', date_time, '1970-01-01Z'), '2 seconds') w
  GROUP BY auction, w)
SELECT auction, num, window_start FROM c JOIN (SELECT max(num) AS most, window_start FROM c GROUP BY 2) m USING (window_start) WHERE num >= most
