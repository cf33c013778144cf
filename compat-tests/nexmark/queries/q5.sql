SELECT c.auction, c.num, c.window_start FROM (
  SELECT auction, count(*) AS num, window_start, window_end FROM hop(bid, date_time, INTERVAL '10 seconds', INTERVAL '2 seconds')
  GROUP BY auction, window_start, window_end) c
JOIN (
  SELECT max(num) AS most, window_start, window_end FROM (
    SELECT auction, count(*) AS num, window_start, window_end FROM hop(bid, date_time, INTERVAL '10 seconds', INTERVAL '2 seconds')
    GROUP BY auction, window_start, window_end) n
  GROUP BY window_start, window_end) m
ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.num >= m.most
