SELECT p.id, p.name, p.w FROM
  (SELECT DISTINCT id, name, date_bin('10 seconds', date_time, '1970-01-01Z') AS w FROM person) p
JOIN (SELECT DISTINCT seller, date_bin('10 seconds', date_time, '1970-01-01Z') AS w FROM auction) a ON p.id = a.seller AND p.w = a.w
