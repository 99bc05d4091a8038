-- The database's own idea of now, which a process in development may move for its own sessions.
--
-- clock_timestamp(), not now(): a time taken at the start of a transaction, or before a statement that then waits for a lock, is
-- too old to say whether a hold has lapsed. Processes in production never set the offset, and then it is 0.
CREATE FUNCTION park_now() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
  SELECT clock_timestamp()
    + coalesce(nullif(current_setting('parkmesh.clock_offset_ms', true), ''), '0')::bigint * interval '1 millisecond'
$$;
