SELECT bidder, count(*) AS bids, window_start FROM bid WINDOW TUMBLING (_timestamp, INTERVAL '10 seconds') GROUP BY bidder
