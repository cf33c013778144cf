-- What Superset 6.1 sends of PostgreSQL 16 over the objects of captured.sql, by SQLAlchemy 1.4 and psycopg 2, each statement once.
-- [superset: test a connection]
SELECT t.oid, typarray
FROM pg_type t JOIN pg_namespace ns
    ON typnamespace = ns.oid
WHERE typname = 'hstore';
select pg_catalog.version();
select current_schema();
show transaction isolation level;
show standard_conforming_strings;
SELECT 1;
-- [superset: add a database]
SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' ORDER BY nspname;
-- [superset: catalogs]
SELECT datname FROM pg_database
WHERE datistemplate = false;
-- [superset: relations of a schema]
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind in ('r', 'p');
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'f';
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('v', 'm');
-- [superset: metadata of events]
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname = 'public')
            AND c.relname = 'events' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p');
SELECT a.attname,
              pg_catalog.format_type(a.atttypid, a.atttypmod),
              (
                SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.atthasdef
              ) AS DEFAULT,
              a.attnotnull,
              a.attrelid as table_oid,
              pgd.description as comment,
              a.attgenerated as generated,
                              (SELECT json_build_object(
                    'always', a.attidentity = 'a',
                    'start', s.seqstart,
                    'increment', s.seqincrement,
                    'minvalue', s.seqmin,
                    'maxvalue', s.seqmax,
                    'cache', s.seqcache,
                    'cycle', s.seqcycle)
                FROM pg_catalog.pg_sequence s
                JOIN pg_catalog.pg_class c on s.seqrelid = c."oid"
                WHERE c.relkind = 'S'
                AND a.attidentity != ''
                AND s.seqrelid = pg_catalog.pg_get_serial_sequence(
                    a.attrelid::regclass::text, a.attname
                )::regclass::oid
                ) as identity_options
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_description pgd ON (
                pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum)
            WHERE a.attrelid = 16390
            AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum;
SELECT t.typname as "name",
               pg_catalog.format_type(t.typbasetype, t.typtypmod) as "attype",
               not t.typnotnull as "nullable",
               t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema"
            FROM pg_catalog.pg_type t
               LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
            WHERE t.typtype = 'd';
SELECT t.typname as "name",
               -- no enum defaults in 8.4 at least
               -- t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema",
               e.enumlabel as "label"
            FROM pg_catalog.pg_type t
                 LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                 LEFT JOIN pg_catalog.pg_enum e ON t.oid = e.enumtypid
            WHERE t.typtype = 'e'
        ORDER BY "schema", "name", e.oid;
SELECT a.attname
                FROM pg_attribute a JOIN (
                    SELECT unnest(ix.indkey) attnum,
                           generate_subscripts(ix.indkey, 1) ord
                    FROM pg_index ix
                    WHERE ix.indrelid = 16390 AND ix.indisprimary
                    ) k ON a.attnum=k.attnum
                WHERE a.attrelid = 16390
                ORDER BY k.ord;
SELECT conname
           FROM  pg_catalog.pg_constraint r
           WHERE r.conrelid = 16390 AND r.contype = 'p'
           ORDER BY 1;
SELECT r.conname,
                pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
                n.nspname as conschema
          FROM  pg_catalog.pg_constraint r,
                pg_namespace n,
                pg_class c

          WHERE r.conrelid = 16390 AND
                r.contype = 'f' AND
                c.oid = confrelid AND
                n.oid = c.relnamespace
          ORDER BY 1;
SELECT
                  i.relname as relname,
                  ix.indisunique, ix.indexprs,
                  a.attname, a.attnum, c.conrelid, ix.indkey::varchar,
                  ix.indoption::varchar, i.reloptions, am.amname,
                  pg_get_expr(ix.indpred, ix.indrelid),
                  ix.indnkeyatts as indnkeyatts
              FROM
                  pg_class t
                        join pg_index ix on t.oid = ix.indrelid
                        join pg_class i on i.oid = ix.indexrelid
                        left outer join
                            pg_attribute a
                            on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
                        left outer join
                            pg_constraint c
                            on (ix.indrelid = c.conrelid and
                                ix.indexrelid = c.conindid and
                                c.contype in ('p', 'u', 'x'))
                        left outer join
                            pg_am am
                            on i.relam = am.oid
              WHERE
                  t.relkind IN ('r', 'v', 'f', 'm', 'p')
                  and t.oid = 16390
                  and ix.indisprimary = 'f'
              ORDER BY
                  t.relname,
                  i.relname;
SELECT
                pgd.description as table_comment
            FROM
                pg_catalog.pg_description pgd
            WHERE
                pgd.objsubid = 0 AND
                pgd.objoid = 16390;
-- [superset: metadata of v_events]
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname = 'public')
            AND c.relname = 'v_events' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p');
SELECT a.attname,
              pg_catalog.format_type(a.atttypid, a.atttypmod),
              (
                SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.atthasdef
              ) AS DEFAULT,
              a.attnotnull,
              a.attrelid as table_oid,
              pgd.description as comment,
              a.attgenerated as generated,
                              (SELECT json_build_object(
                    'always', a.attidentity = 'a',
                    'start', s.seqstart,
                    'increment', s.seqincrement,
                    'minvalue', s.seqmin,
                    'maxvalue', s.seqmax,
                    'cache', s.seqcache,
                    'cycle', s.seqcycle)
                FROM pg_catalog.pg_sequence s
                JOIN pg_catalog.pg_class c on s.seqrelid = c."oid"
                WHERE c.relkind = 'S'
                AND a.attidentity != ''
                AND s.seqrelid = pg_catalog.pg_get_serial_sequence(
                    a.attrelid::regclass::text, a.attname
                )::regclass::oid
                ) as identity_options
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_description pgd ON (
                pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum)
            WHERE a.attrelid = 16399
            AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum;
SELECT a.attname
                FROM pg_attribute a JOIN (
                    SELECT unnest(ix.indkey) attnum,
                           generate_subscripts(ix.indkey, 1) ord
                    FROM pg_index ix
                    WHERE ix.indrelid = 16399 AND ix.indisprimary
                    ) k ON a.attnum=k.attnum
                WHERE a.attrelid = 16399
                ORDER BY k.ord;
SELECT conname
           FROM  pg_catalog.pg_constraint r
           WHERE r.conrelid = 16399 AND r.contype = 'p'
           ORDER BY 1;
SELECT r.conname,
                pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
                n.nspname as conschema
          FROM  pg_catalog.pg_constraint r,
                pg_namespace n,
                pg_class c

          WHERE r.conrelid = 16399 AND
                r.contype = 'f' AND
                c.oid = confrelid AND
                n.oid = c.relnamespace
          ORDER BY 1;
SELECT
                  i.relname as relname,
                  ix.indisunique, ix.indexprs,
                  a.attname, a.attnum, c.conrelid, ix.indkey::varchar,
                  ix.indoption::varchar, i.reloptions, am.amname,
                  pg_get_expr(ix.indpred, ix.indrelid),
                  ix.indnkeyatts as indnkeyatts
              FROM
                  pg_class t
                        join pg_index ix on t.oid = ix.indrelid
                        join pg_class i on i.oid = ix.indexrelid
                        left outer join
                            pg_attribute a
                            on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
                        left outer join
                            pg_constraint c
                            on (ix.indrelid = c.conrelid and
                                ix.indexrelid = c.conindid and
                                c.contype in ('p', 'u', 'x'))
                        left outer join
                            pg_am am
                            on i.relam = am.oid
              WHERE
                  t.relkind IN ('r', 'v', 'f', 'm', 'p')
                  and t.oid = 16399
                  and ix.indisprimary = 'f'
              ORDER BY
                  t.relname,
                  i.relname;
SELECT
                pgd.description as table_comment
            FROM
                pg_catalog.pg_description pgd
            WHERE
                pgd.objsubid = 0 AND
                pgd.objoid = 16399;
-- [superset: metadata of mv_events]
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname = 'public')
            AND c.relname = 'mv_events' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p');
SELECT a.attname,
              pg_catalog.format_type(a.atttypid, a.atttypmod),
              (
                SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.atthasdef
              ) AS DEFAULT,
              a.attnotnull,
              a.attrelid as table_oid,
              pgd.description as comment,
              a.attgenerated as generated,
                              (SELECT json_build_object(
                    'always', a.attidentity = 'a',
                    'start', s.seqstart,
                    'increment', s.seqincrement,
                    'minvalue', s.seqmin,
                    'maxvalue', s.seqmax,
                    'cache', s.seqcache,
                    'cycle', s.seqcycle)
                FROM pg_catalog.pg_sequence s
                JOIN pg_catalog.pg_class c on s.seqrelid = c."oid"
                WHERE c.relkind = 'S'
                AND a.attidentity != ''
                AND s.seqrelid = pg_catalog.pg_get_serial_sequence(
                    a.attrelid::regclass::text, a.attname
                )::regclass::oid
                ) as identity_options
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_description pgd ON (
                pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum)
            WHERE a.attrelid = 16403
            AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum;
SELECT a.attname
                FROM pg_attribute a JOIN (
                    SELECT unnest(ix.indkey) attnum,
                           generate_subscripts(ix.indkey, 1) ord
                    FROM pg_index ix
                    WHERE ix.indrelid = 16403 AND ix.indisprimary
                    ) k ON a.attnum=k.attnum
                WHERE a.attrelid = 16403
                ORDER BY k.ord;
SELECT conname
           FROM  pg_catalog.pg_constraint r
           WHERE r.conrelid = 16403 AND r.contype = 'p'
           ORDER BY 1;
SELECT r.conname,
                pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
                n.nspname as conschema
          FROM  pg_catalog.pg_constraint r,
                pg_namespace n,
                pg_class c

          WHERE r.conrelid = 16403 AND
                r.contype = 'f' AND
                c.oid = confrelid AND
                n.oid = c.relnamespace
          ORDER BY 1;
SELECT
                  i.relname as relname,
                  ix.indisunique, ix.indexprs,
                  a.attname, a.attnum, c.conrelid, ix.indkey::varchar,
                  ix.indoption::varchar, i.reloptions, am.amname,
                  pg_get_expr(ix.indpred, ix.indrelid),
                  ix.indnkeyatts as indnkeyatts
              FROM
                  pg_class t
                        join pg_index ix on t.oid = ix.indrelid
                        join pg_class i on i.oid = ix.indexrelid
                        left outer join
                            pg_attribute a
                            on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
                        left outer join
                            pg_constraint c
                            on (ix.indrelid = c.conrelid and
                                ix.indexrelid = c.conindid and
                                c.contype in ('p', 'u', 'x'))
                        left outer join
                            pg_am am
                            on i.relam = am.oid
              WHERE
                  t.relkind IN ('r', 'v', 'f', 'm', 'p')
                  and t.oid = 16403
                  and ix.indisprimary = 'f'
              ORDER BY
                  t.relname,
                  i.relname;
SELECT
                pgd.description as table_comment
            FROM
                pg_catalog.pg_description pgd
            WHERE
                pgd.objsubid = 0 AND
                pgd.objoid = 16403;
-- [superset: metadata of streams.s1]
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname = 'streams')
            AND c.relname = 's1' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p');
SELECT a.attname,
              pg_catalog.format_type(a.atttypid, a.atttypmod),
              (
                SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.atthasdef
              ) AS DEFAULT,
              a.attnotnull,
              a.attrelid as table_oid,
              pgd.description as comment,
              a.attgenerated as generated,
                              (SELECT json_build_object(
                    'always', a.attidentity = 'a',
                    'start', s.seqstart,
                    'increment', s.seqincrement,
                    'minvalue', s.seqmin,
                    'maxvalue', s.seqmax,
                    'cache', s.seqcache,
                    'cycle', s.seqcycle)
                FROM pg_catalog.pg_sequence s
                JOIN pg_catalog.pg_class c on s.seqrelid = c."oid"
                WHERE c.relkind = 'S'
                AND a.attidentity != ''
                AND s.seqrelid = pg_catalog.pg_get_serial_sequence(
                    a.attrelid::regclass::text, a.attname
                )::regclass::oid
                ) as identity_options
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_description pgd ON (
                pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum)
            WHERE a.attrelid = 16418
            AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum;
SELECT a.attname
                FROM pg_attribute a JOIN (
                    SELECT unnest(ix.indkey) attnum,
                           generate_subscripts(ix.indkey, 1) ord
                    FROM pg_index ix
                    WHERE ix.indrelid = 16418 AND ix.indisprimary
                    ) k ON a.attnum=k.attnum
                WHERE a.attrelid = 16418
                ORDER BY k.ord;
SELECT conname
           FROM  pg_catalog.pg_constraint r
           WHERE r.conrelid = 16418 AND r.contype = 'p'
           ORDER BY 1;
SELECT r.conname,
                pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
                n.nspname as conschema
          FROM  pg_catalog.pg_constraint r,
                pg_namespace n,
                pg_class c

          WHERE r.conrelid = 16418 AND
                r.contype = 'f' AND
                c.oid = confrelid AND
                n.oid = c.relnamespace
          ORDER BY 1;
SELECT
                  i.relname as relname,
                  ix.indisunique, ix.indexprs,
                  a.attname, a.attnum, c.conrelid, ix.indkey::varchar,
                  ix.indoption::varchar, i.reloptions, am.amname,
                  pg_get_expr(ix.indpred, ix.indrelid),
                  ix.indnkeyatts as indnkeyatts
              FROM
                  pg_class t
                        join pg_index ix on t.oid = ix.indrelid
                        join pg_class i on i.oid = ix.indexrelid
                        left outer join
                            pg_attribute a
                            on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
                        left outer join
                            pg_constraint c
                            on (ix.indrelid = c.conrelid and
                                ix.indexrelid = c.conindid and
                                c.contype in ('p', 'u', 'x'))
                        left outer join
                            pg_am am
                            on i.relam = am.oid
              WHERE
                  t.relkind IN ('r', 'v', 'f', 'm', 'p')
                  and t.oid = 16418
                  and ix.indisprimary = 'f'
              ORDER BY
                  t.relname,
                  i.relname;
SELECT
                pgd.description as table_comment
            FROM
                pg_catalog.pg_description pgd
            WHERE
                pgd.objsubid = 0 AND
                pgd.objoid = 16418;
-- [superset: dataset over events]
SELECT
                cons.conname as name,
                cons.conkey as key,
                a.attnum as col_num,
                a.attname as col_name
            FROM
                pg_catalog.pg_constraint cons
                join pg_attribute a
                  on cons.conrelid = a.attrelid AND
                    a.attnum = ANY(cons.conkey)
            WHERE
                cons.conrelid = 16390 AND
                cons.contype = 'u';
SELECT
                cons.conname as name,
                pg_get_constraintdef(cons.oid) as src
            FROM
                pg_catalog.pg_constraint cons
            WHERE
                cons.conrelid = 16390 AND
                cons.contype = 'c';
select relname from pg_class c join pg_namespace n on n.oid=c.relnamespace where n.nspname='public' and relname='events';
-- [superset: dataset over v_events]
SELECT
                cons.conname as name,
                cons.conkey as key,
                a.attnum as col_num,
                a.attname as col_name
            FROM
                pg_catalog.pg_constraint cons
                join pg_attribute a
                  on cons.conrelid = a.attrelid AND
                    a.attnum = ANY(cons.conkey)
            WHERE
                cons.conrelid = 16399 AND
                cons.contype = 'u';
SELECT
                cons.conname as name,
                pg_get_constraintdef(cons.oid) as src
            FROM
                pg_catalog.pg_constraint cons
            WHERE
                cons.conrelid = 16399 AND
                cons.contype = 'c';
select relname from pg_class c join pg_namespace n on n.oid=c.relnamespace where n.nspname='public' and relname='v_events';
-- [superset: dataset over mv_events]
SELECT
                cons.conname as name,
                cons.conkey as key,
                a.attnum as col_num,
                a.attname as col_name
            FROM
                pg_catalog.pg_constraint cons
                join pg_attribute a
                  on cons.conrelid = a.attrelid AND
                    a.attnum = ANY(cons.conkey)
            WHERE
                cons.conrelid = 16403 AND
                cons.contype = 'u';
SELECT
                cons.conname as name,
                pg_get_constraintdef(cons.oid) as src
            FROM
                pg_catalog.pg_constraint cons
            WHERE
                cons.conrelid = 16403 AND
                cons.contype = 'c';
select relname from pg_class c join pg_namespace n on n.oid=c.relnamespace where n.nspname='public' and relname='mv_events';
-- [superset: dataset over a query]
set search_path = "public";
SELECT
  e.name,
  s.size
FROM events AS e
LEFT JOIN streams.s1 AS s
  ON s.event = e.id
LIMIT 1;
-- [superset: chart: table]
SELECT
  id AS id,
  ts AS ts,
  name AS name,
  amount AS amount,
  flag AS flag
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
ORDER BY
  id ASC
LIMIT 100;
-- [superset: chart: page]
SELECT
  id AS id,
  name AS name
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
ORDER BY
  id DESC
LIMIT 2
OFFSET 1;
-- [superset: chart: number of rows]
SELECT
  COUNT(*) AS rowcount
FROM (
  SELECT
    id AS id,
    name AS name
  FROM public.events
  WHERE
    ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
    AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  LIMIT 10000
) AS rowcount_qry;
-- [superset: chart: time by PT1S]
SELECT
  DATE_TRUNC('SECOND', ts) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('SECOND', ts),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by PT5S]
SELECT
  DATE_TRUNC('MINUTE', ts) + INTERVAL '5 SECONDS' * FLOOR(EXTRACT(SECOND FROM ts) / 5) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('MINUTE', ts) + INTERVAL '5 SECONDS' * FLOOR(EXTRACT(SECOND FROM ts) / 5),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by PT30S]
SELECT
  DATE_TRUNC('MINUTE', ts) + INTERVAL '30 SECONDS' * FLOOR(EXTRACT(SECOND FROM ts) / 30) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('MINUTE', ts) + INTERVAL '30 SECONDS' * FLOOR(EXTRACT(SECOND FROM ts) / 30),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by PT1M]
SELECT
  DATE_TRUNC('MINUTE', ts) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('MINUTE', ts),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by PT5M]
SELECT
  DATE_TRUNC('HOUR', ts) + INTERVAL '5 MINUTES' * FLOOR(EXTRACT(MINUTE FROM ts) / 5) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('HOUR', ts) + INTERVAL '5 MINUTES' * FLOOR(EXTRACT(MINUTE FROM ts) / 5),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by PT10M]
SELECT
  DATE_TRUNC('HOUR', ts) + INTERVAL '10 MINUTES' * FLOOR(EXTRACT(MINUTE FROM ts) / 10) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('HOUR', ts) + INTERVAL '10 MINUTES' * FLOOR(EXTRACT(MINUTE FROM ts) / 10),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by PT15M]
SELECT
  DATE_TRUNC('HOUR', ts) + INTERVAL '15 MINUTES' * FLOOR(EXTRACT(MINUTE FROM ts) / 15) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('HOUR', ts) + INTERVAL '15 MINUTES' * FLOOR(EXTRACT(MINUTE FROM ts) / 15),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by PT30M]
SELECT
  DATE_TRUNC('HOUR', ts) + INTERVAL '30 MINUTES' * FLOOR(EXTRACT(MINUTE FROM ts) / 30) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('HOUR', ts) + INTERVAL '30 MINUTES' * FLOOR(EXTRACT(MINUTE FROM ts) / 30),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by PT1H]
SELECT
  DATE_TRUNC('HOUR', ts) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('HOUR', ts),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by P1D]
SELECT
  DATE_TRUNC('DAY', ts) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('DAY', ts),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by P1W]
SELECT
  DATE_TRUNC('WEEK', ts) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('WEEK', ts),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by P1M]
SELECT
  DATE_TRUNC('MONTH', ts) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('MONTH', ts),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by P3M]
SELECT
  DATE_TRUNC('QUARTER', ts) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('QUARTER', ts),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: time by P1Y]
SELECT
  DATE_TRUNC('YEAR', ts) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('YEAR', ts),
  name
ORDER BY
  "SUM(amount)" DESC
LIMIT 1000;
-- [superset: chart: pie]
SELECT
  flag AS flag,
  COUNT(*) AS count
FROM public.events
GROUP BY
  flag
ORDER BY
  count DESC
LIMIT 100;
-- [superset: chart: the largest series]
SELECT
  DATE_TRUNC('MINUTE', ts) AS ts,
  name AS name,
  SUM(amount) AS "SUM(amount)"
FROM public.events
JOIN (
  SELECT
    name AS name__,
    SUM(amount) AS mme_inner__
  FROM public.events
  WHERE
    ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
    AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  GROUP BY
    name
  ORDER BY
    SUM(amount) DESC
  LIMIT 2
) AS series_limit
  ON name = name__
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  DATE_TRUNC('MINUTE', ts),
  name
LIMIT 100;
-- [superset: chart: aggregates]
SELECT
  flag AS flag,
  AVG(amount) AS "AVG(amount)",
  MIN(ts) AS "MIN(ts)",
  MAX(f8) AS "MAX(f8)",
  COUNT(DISTINCT name) AS "COUNT_DISTINCT(name)",
  COUNT(id) AS "COUNT(id)"
FROM public.events
WHERE
  ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
  AND ts < TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY
  flag
ORDER BY
  flag ASC
LIMIT 10;
-- [superset: chart: conditions]
SELECT
  flag AS flag,
  SUM(i4) AS "SUM(i4)"
FROM public.events
WHERE
  (
    (
      name LIKE 'n%' AND id > 1
    )
  )
GROUP BY
  flag
HAVING
  (
    (
      SUM(i4) > 1
    )
  )
LIMIT 10;
-- [superset: chart: filter IN]
SELECT
  name AS name,
  COUNT(*) AS count
FROM public.events
WHERE
  name IN ('n1', 'n2')
GROUP BY
  name
LIMIT 100;
-- [superset: chart: filter NOT IN]
SELECT
  name AS name,
  COUNT(*) AS count
FROM public.events
WHERE
  (
    NOT name IN ('n1')
  )
GROUP BY
  name
LIMIT 100;
-- [superset: chart: filter ==]
SELECT
  name AS name,
  COUNT(*) AS count
FROM public.events
WHERE
  name = 'n1'
GROUP BY
  name
LIMIT 100;
-- [superset: chart: filter !=]
SELECT
  name AS name,
  COUNT(*) AS count
FROM public.events
WHERE
  name <> 'n1'
GROUP BY
  name
LIMIT 100;
-- [superset: chart: filter LIKE]
SELECT
  name AS name,
  COUNT(*) AS count
FROM public.events
WHERE
  name LIKE '%1%'
GROUP BY
  name
LIMIT 100;
-- [superset: chart: filter ILIKE]
SELECT
  name AS name,
  COUNT(*) AS count
FROM public.events
WHERE
  name ILIKE '%N1%'
GROUP BY
  name
LIMIT 100;
-- [superset: chart: filter IS NULL]
SELECT
  name AS name,
  COUNT(*) AS count
FROM public.events
WHERE
  name IS NULL
GROUP BY
  name
LIMIT 100;
-- [superset: chart: filter IS NOT NULL]
SELECT
  name AS name,
  COUNT(*) AS count
FROM public.events
WHERE
  NOT name IS NULL
GROUP BY
  name
LIMIT 100;
-- [superset: chart: filter of a day]
SELECT
  id AS id
FROM public.events
WHERE
  d >= TO_DATE('2024-01-01', 'YYYY-MM-DD')
  AND d < TO_DATE('2024-01-04', 'YYYY-MM-DD')
ORDER BY
  id ASC
LIMIT 10;
-- [superset: chart: a query of one's own]
SELECT
  name AS name,
  SUM(size) AS "SUM(size)"
FROM (
  SELECT
    e.name,
    s.size
  FROM events AS e
  LEFT JOIN streams.s1 AS s
    ON s.event = e.id
) AS virtual_table
GROUP BY
  name
LIMIT 10;
-- [superset: samples]
SELECT
  id AS id,
  ts AS ts,
  name AS name,
  payload AS payload,
  amount AS amount,
  f8 AS f8,
  d AS d,
  u AS u,
  b AS b,
  flag AS flag,
  tm AS tm,
  tags AS tags,
  i4 AS i4
FROM public.events
LIMIT 1000;
-- [superset: values of a filter]
SELECT DISTINCT name AS column_values
FROM public.events
 LIMIT 10000;
-- [superset: SQL Lab]
SELECT pg_backend_pid();
SELECT
  *
FROM events
ORDER BY
  id
LIMIT 1001;
SELECT
  nope
FROM events
LIMIT 1001;
-- [superset: cost]
EXPLAIN SELECT
  name,
  COUNT(*)
FROM events
GROUP BY
  name;
