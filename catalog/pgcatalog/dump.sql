-- Writes relations.tsv and types.tsv from a PostgreSQL 16:
--   psql -X -f dump.sql
-- A domain's column has the domain's base type, as on the wire; the one column
-- of type pg_statistic[], whose OID differs between builds, has anyarray.
\pset format unaligned
\pset tuples_only on
\pset fieldsep '\t'
\o relations.tsv
select line from (
  select n.nspname, c.relname, 0 as attnum, concat_ws(E'\t', n.nspname, c.relname, c.oid, c.relkind) as line
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v')
  union all
  select n.nspname, c.relname, a.attnum,
    concat_ws(E'\t', '', a.attname,
      case when t.typtype = 'd' then t.typbasetype when t.typelem >= 10000 then 2277 else t.oid end,
      case when t.typtype = 'd' then t.typtypmod else a.atttypmod end,
      case when a.attnotnull then '!' end)
  from pg_attribute a join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace join pg_type t on t.oid = a.atttypid
  where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v') and a.attnum > 0
) x order by nspname desc, relname collate "C", attnum;
\o types.tsv
select t.oid, t.typname, t.typlen, t.typbyval::int, t.typtype, t.typcategory, t.typispreferred::int, t.typdelim,
  t.typsubscript::oid, t.typelem, t.typarray, t.typinput::oid, t.typoutput::oid, t.typreceive::oid, t.typsend::oid,
  t.typmodin::oid, t.typmodout::oid, t.typanalyze::oid, t.typalign, t.typstorage, t.typcollation
from pg_type t left join pg_type e on e.oid = t.typelem
where t.oid < 10000 and t.typrelid = 0 and coalesce(e.typrelid, 0) = 0 and t.typtype <> 'd'
order by t.oid;
-- Rows that are the same in every database: COPY's text, under the name of their
-- relation. Of operator classes those of b-trees and hashes; descriptions of what
-- exists here.
\o builtin.tsv
select '#pg_opfamily';
copy (select * from pg_opfamily where opfmethod in (403, 405) and oid < 10000 order by oid) to stdout;
select '#pg_opclass';
copy (select oid, opcmethod, opcname, opcnamespace, opcowner, opcfamily, opcintype, opcdefault, opckeytype from pg_opclass where opcmethod in (403, 405) and opcintype < 10000 order by oid) to stdout;
select '#pg_amop';
copy (select oid, amopfamily, amoplefttype, amoprighttype, amopstrategy, amoppurpose, amopopr::oid, amopmethod, amopsortfamily from pg_amop where amopmethod in (403, 405) and amopfamily < 10000 order by oid) to stdout;
select '#pg_amproc';
copy (select p.oid, amprocfamily, amproclefttype, amprocrighttype, amprocnum, amproc::oid from pg_amproc p join pg_opfamily f on f.oid = amprocfamily where opfmethod in (403, 405) and amprocfamily < 10000 order by p.oid) to stdout;
select '#pg_description';
copy (select objoid, classoid, objsubid, description from pg_description where classoid in (1247, 1255, 2617, 2601, 3456, 2612, 2615) and objoid < 10000 order by classoid, objoid) to stdout;
