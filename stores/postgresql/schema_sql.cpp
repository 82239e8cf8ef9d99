#include "stores/postgresql/schema_sql.h"

#include "stores/postgresql/connection.h"
#include "stores/postgresql/slices.h"

namespace lockkeeper::stores::postgresql {
namespace {

// Names and bodies are bytes: in the order of bytes, whatever the database's encoding and collation.
//
// heads has no index by `held`: it would make an index entry of every lock and every unlock. A scan of held locks
// passes over the free ones, and those are pruned. `timed` changes only with leases and queues.
//
// The functions are numbered, since servers of two releases run side by side while they are restarted one by one.
// Each plans once in a session (nobody else can, through PgBouncer), for a table of any size: hence the SETs. jit
// would take the prices of what they forbid for the prices of a large query.
//
// What writes relies on it that each statement sees what is committed by then. The mode is the transaction's own,
// and a role's or a database's default may have changed since a server opened.
constexpr const char* isolated =
    R"sql(IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE invalid_transaction_state USING MESSAGE = 'default_transaction_isolation is '
      || current_setting('transaction_isolation') || ': set it to read committed for this role';
  END IF;)sql";

constexpr const char* text =
    R"sql(-- What lockkeeper keeps in PostgreSQL, version {version}. Whoever runs this owns it; another role needs
--   GRANT USAGE ON SCHEMA {schema} TO role;
--   GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO role;
BEGIN;
SELECT pg_advisory_xact_lock(hashtextextended('lockkeeper {schema}', 0));
CREATE SCHEMA IF NOT EXISTS {schema};

CREATE TABLE IF NOT EXISTS {schema}.meta(
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL,          -- of these tables
  floor bigint NOT NULL DEFAULT 0    -- where the versions of new locks start
);
CREATE TABLE IF NOT EXISTS {schema}.heads(
  lock bytea PRIMARY KEY,
  version bigint NOT NULL,
  changed bigint NOT NULL,           -- milliseconds since the epoch
  held boolean NOT NULL,
  timed boolean NOT NULL,            -- something on it can lapse
  body bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS heads_timed ON {schema}.heads(lock) WHERE timed;
CREATE TABLE IF NOT EXISTS {schema}.rows(
  lock bytea NOT NULL,
  kind smallint NOT NULL,            -- 1 claim, 2 waiter, 3 closed name, 4 gate
  id bytea NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (lock, kind, id)
);
CREATE TABLE IF NOT EXISTS {schema}.history(
  lock bytea NOT NULL,
  version bigint NOT NULL,
  at bigint NOT NULL,                -- milliseconds since the epoch
  body bytea NOT NULL,
  PRIMARY KEY (lock, version)
);

-- The records of locks as one snapshot shows them.
CREATE OR REPLACE FUNCTION {schema}.read_1(locks bytea[])
RETURNS TABLE(number bigint, floor bigint, version bigint, body bytea, kinds bigint[], bodies bytea[])
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_seqscan = off SET jit = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT u.number, m.floor, h.version, h.body, r.kinds, r.bodies
    FROM unnest(locks) WITH ORDINALITY u(lock, number)
    LEFT JOIN {schema}.meta m ON true
    LEFT JOIN {schema}.heads h ON h.lock = u.lock
    LEFT JOIN LATERAL (SELECT array_agg(r.kind::bigint) AS kinds, array_agg(r.body) AS bodies
                       FROM {schema}.rows r WHERE r.lock = u.lock) r ON true;
END $$;

-- Changes, each on its own condition; the numbers are those of `locks`, from 1, which are in the order of names.
-- flags: 1 held, 2 timed, 4 creates. Gives back the records of those that did not meet theirs; the others are done.
CREATE OR REPLACE FUNCTION {schema}.commit_1(
  locks bytea[], expected bigint[], flags bigint[], versions bigint[], moments bigint[], heads bytea[],
  notes bytea[], pages bigint[],
  event_of bigint[], event_versions bigint[], event_at bigint[], events bytea[],
  gone_of bigint[], gone_kinds bigint[], gone bytea[],
  put_of bigint[], put_kinds bigint[], put bytea[], puts bytea[])
RETURNS TABLE(number bigint, floor bigint, version bigint, body bytea, kinds bigint[], bodies bytea[])
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_seqscan = off SET jit = off SET lock_timeout = '1s'
AS $$
#variable_conflict use_column
DECLARE
  many CONSTANT integer := cardinality(locks);
  creations bigint := 0;
  made bytea[];
  ground bigint;
  done bigint[] := '{}';
  also bigint[];
  all_done boolean;
  alone CONSTANT boolean := many = 1 AND flags[1] & 4 = 0;
BEGIN
  {isolated}
  -- In the order of names, as everybody does: nobody waits in a circle. What comes after it sees what is committed
  -- by then, each statement by a snapshot of its own.
  IF many > 1 THEN
    PERFORM 1 FROM {schema}.heads h WHERE h.lock = ANY(locks) ORDER BY h.lock FOR UPDATE;
  END IF;

  IF alone THEN
    -- The lock and unlock of every day, without the machinery.
    UPDATE {schema}.heads h
    SET version = versions[1], changed = moments[1], held = flags[1] & 1 <> 0, timed = flags[1] & 2 <> 0,
        body = heads[1]
    WHERE h.lock = locks[1] AND h.version = expected[1];
    IF FOUND THEN done := '{1}'; END IF;
  ELSE
    SELECT count(*) INTO creations FROM unnest(flags) u(flags) WHERE u.flags & 4 <> 0;
  END IF;

  IF creations > 0 THEN
    WITH born AS (
      INSERT INTO {schema}.heads(lock, version, changed, held, timed, body)
      SELECT u.lock, u.version, u.changed, u.flags & 1 <> 0, u.flags & 2 <> 0, u.head
      FROM unnest(locks, flags, versions, moments, heads) u(lock, flags, version, changed, head)
      WHERE u.flags & 4 <> 0 ORDER BY u.lock
      ON CONFLICT DO NOTHING RETURNING lock
    ) SELECT array_agg(born.lock) INTO made FROM born;
    -- Only now: whoever pruned a lock that is made here was through before it could be made, and has raised the
    -- floor by this statement's snapshot.
    SELECT m.floor INTO ground FROM {schema}.meta m;
    SELECT array_agg(u.number) INTO also
    FROM unnest(locks, flags, expected) WITH ORDINALITY u(lock, flags, expected, number)
    WHERE u.flags & 4 <> 0 AND u.expected = ground
      AND (cardinality(made) = creations OR u.lock = ANY(made));
    done := coalesce(also, '{}');
    IF cardinality(done) < cardinality(made) THEN
      DELETE FROM {schema}.heads h
      USING unnest(locks, flags, expected) u(lock, flags, expected)
      WHERE h.lock = u.lock AND u.lock = ANY(made) AND u.expected <> ground;
    END IF;
  END IF;

  IF NOT alone AND many > creations THEN
    WITH moved AS (
      UPDATE {schema}.heads h
      SET version = u.version, changed = u.changed, held = u.flags & 1 <> 0, timed = u.flags & 2 <> 0, body = u.head
      FROM unnest(locks, expected, flags, versions, moments, heads)
        WITH ORDINALITY u(lock, expected, flags, version, changed, head, number)
      WHERE u.flags & 4 = 0 AND h.lock = u.lock AND h.version = u.expected
      RETURNING u.number
    ) SELECT array_agg(moved.number) INTO also FROM moved;
    done := done || coalesce(also, '{}');
  END IF;
  all_done := cardinality(done) = many;

  IF all_done AND cardinality(events) = 1 THEN
    INSERT INTO {schema}.history(lock, version, at, body)
      VALUES (locks[event_of[1]], event_versions[1], event_at[1], events[1]);
  ELSIF cardinality(done) > 0 THEN
    INSERT INTO {schema}.history(lock, version, at, body)
      SELECT locks[e.number], e.version, e.at, e.body
      FROM unnest(event_of, event_versions, event_at, events) e(number, version, at, body)
      WHERE all_done OR e.number = ANY(done);
  END IF;
  IF cardinality(gone_of) > 0 THEN
    DELETE FROM {schema}.rows r USING unnest(gone_of, gone_kinds, gone) g(number, kind, id)
    WHERE (all_done OR g.number = ANY(done)) AND r.lock = locks[g.number] AND r.kind = g.kind AND r.id = g.id;
  END IF;
  IF cardinality(put_of) > 0 THEN
    INSERT INTO {schema}.rows(lock, kind, id, body)
      SELECT locks[p.number], p.kind, p.id, p.body
      FROM unnest(put_of, put_kinds, put, puts) p(number, kind, id, body)
      WHERE all_done OR p.number = ANY(done)
      ON CONFLICT (lock, kind, id) DO UPDATE SET body = excluded.body;
  END IF;

  IF many = 1 AND all_done THEN
    PERFORM pg_notify('{channel}', convert_from(notes[1], 'SQL_ASCII'));
  ELSE
    PERFORM pg_notify('{channel}', convert_from(string_agg(u.note, ' '), 'SQL_ASCII'))
      FROM unnest(notes, pages) WITH ORDINALITY u(note, page, number)
      WHERE all_done OR u.number = ANY(done) GROUP BY u.page;
  END IF;

  IF NOT all_done THEN
    -- Who is told what is there may take it for an earlier try of his own, and that one's wait for the standby may have
    -- been cancelled: with a word in the log this transaction waits for all before it.
    PERFORM pg_logical_emit_message(true, 'lockkeeper', '');
    RETURN QUERY SELECT c.number, r.floor, r.version, r.body, r.kinds, r.bodies
      FROM unnest(array(SELECT u.number FROM unnest(locks) WITH ORDINALITY u(lock, number)
                        WHERE NOT u.number = ANY(done) ORDER BY u.number)) WITH ORDINALITY c(number, place)
      JOIN {schema}.read_1(array(SELECT u.lock FROM unnest(locks) WITH ORDINALITY u(lock, number)
                                 WHERE NOT u.number = ANY(done) ORDER BY u.number)) r ON r.number = c.place;
  END IF;
END $$;

-- Forgets free locks that are still at that version, after raising the floor; gives the numbers of those.
CREATE OR REPLACE FUNCTION {schema}.prune_1(locks bytea[], expected bigint[], notes bytea[], pages bigint[])
RETURNS TABLE(number bigint)
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_seqscan = off SET jit = off SET lock_timeout = '1s'
AS $$
#variable_conflict use_column
DECLARE
  done bigint[];
  top bigint;
BEGIN
  {isolated}
  PERFORM 1 FROM {schema}.heads h WHERE h.lock = ANY(locks) ORDER BY h.lock FOR UPDATE;
  WITH off AS (
    DELETE FROM {schema}.heads h USING unnest(locks, expected) WITH ORDINALITY u(lock, expected, number)
    WHERE h.lock = u.lock AND h.version = u.expected AND NOT h.held
      AND NOT EXISTS (SELECT FROM {schema}.rows r WHERE r.lock = h.lock AND r.kind IN (2, 4))
    RETURNING u.number, u.expected
  ) SELECT array_agg(off.number), max(off.expected) INTO done, top FROM off;
  IF done IS NULL THEN RETURN; END IF;
  DELETE FROM {schema}.rows r USING unnest(done) d(number) WHERE r.lock = locks[d.number];
  UPDATE {schema}.meta m SET floor = top WHERE m.floor < top;
  PERFORM pg_notify('{channel}', convert_from(string_agg(u.note, ' '), 'SQL_ASCII'))
    FROM unnest(notes, pages) WITH ORDINALITY u(note, page, number) WHERE u.number = ANY(done) GROUP BY u.page;
  RETURN QUERY SELECT unnest(done);
END $$;

-- Records in the order of names, all by one snapshot. A last row without a name: there may be more, after its body.
CREATE OR REPLACE FUNCTION {schema}.scan_1(after bytea, since bytea, until bytea, most bigint, held_only boolean,
                                           timed_only boolean)
RETURNS TABLE(lock bytea, version bigint, body bytea, kinds bigint[], bodies bytea[])
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_sort = off SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  end_of_slice CONSTANT timestamptz := clock_timestamp() + interval '300 ms';
  number bigint := 0;
  passed_over bigint := 0;
  rows_seen bigint := 0;
  up_to bytea := after;
  heads refcursor;
  head record;
BEGIN
  IF timed_only THEN
    OPEN heads FOR SELECT h.lock, h.version, h.body, h.held FROM {schema}.heads h
      WHERE h.timed AND h.lock > after AND h.lock >= since AND h.lock < until ORDER BY h.lock;
  ELSE
    OPEN heads FOR SELECT h.lock, h.version, h.body, h.held FROM {schema}.heads h
      WHERE h.lock > after AND h.lock >= since AND h.lock < until ORDER BY h.lock;
  END IF;
  LOOP
    FETCH heads INTO head;
    EXIT WHEN NOT FOUND;
    IF held_only AND NOT head.held AND passed_over < {scan_slice}
       AND (passed_over % 256 <> 255 OR clock_timestamp() < end_of_slice) THEN
      passed_over := passed_over + 1;
      up_to := head.lock;
      CONTINUE;
    END IF;
    IF number = most OR rows_seen > 4000 OR held_only AND NOT head.held
       OR number > 0 AND clock_timestamp() > end_of_slice THEN
      lock := NULL; version := NULL; body := up_to; kinds := NULL; bodies := NULL;
      RETURN NEXT;
      EXIT;
    END IF;
    up_to := head.lock;
    lock := head.lock; version := head.version; body := head.body;
    SELECT array_agg(r.kind::bigint), array_agg(r.body) INTO kinds, bodies
      FROM {schema}.rows r WHERE r.lock = head.lock;
    RETURN NEXT;
    number := number + 1;
    rows_seen := rows_seen + coalesce(cardinality(kinds), 0);
  END LOOP;
  CLOSE heads;
END $$;

INSERT INTO {schema}.meta(version) VALUES ({version}) ON CONFLICT (one) DO UPDATE SET version = {version};
COMMIT;
)sql";

void replace(std::string& in, const std::string& word, const std::string& by) {
  for (auto at = in.find(word); at != std::string::npos; at = in.find(word, at + by.size())) {
    in.replace(at, word.size(), by);
  }
}

}  // namespace

std::string schema_sql(const std::string& schema) {
  std::string sql = text;
  replace(sql, "'lockkeeper {schema}'", "'lockkeeper " + schema + "'");
  replace(sql, "{isolated}", isolated);
  replace(sql, "{scan_slice}", std::to_string(scan_slice));
  replace(sql, "{schema}", Connection::quoted(schema));
  replace(sql, "{channel}", schema);
  replace(sql, "{version}", std::to_string(schema_version));
  return sql;
}

}  // namespace lockkeeper::stores::postgresql
