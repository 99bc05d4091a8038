-- Times in which a lot, a floor or a spot takes no new bookings. Each change of a closure counts its lot's version up, which every
-- hold compares: a hold never goes by closures that stand no more.
CREATE TABLE closure (
    closure_id  uuid PRIMARY KEY,
    lot_id      uuid NOT NULL REFERENCES lot,
    -- At most one of the two; neither: the whole lot.
    floor_id    uuid REFERENCES floor,
    spot_id     uuid REFERENCES spot,
    start_time  timestamptz NOT NULL,
    end_time    timestamptz NOT NULL CHECK (end_time > start_time),
    -- For people.
    reason      text NOT NULL,
    create_time timestamptz NOT NULL,
    CONSTRAINT closure_scope CHECK (num_nonnulls(floor_id, spot_id) <= 1)
);

CREATE INDEX closure_by_lot ON closure (lot_id, end_time);

-- Waits until no statement of this role that began before the call can still write: neither one under way, whose picture of the
-- table is older than the call, nor a transaction that has written something and may yet commit. Who has committed a change that
-- others must have seen from then on, and wants to know what was done in ignorance of it, waits here before looking.
-- False when it was not so in time.
CREATE FUNCTION wait_for_older_statements(most interval) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    since constant timestamptz := clock_timestamp();
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        IF NOT EXISTS (
            SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
              AND ((state = 'active' AND query_start < since) OR (backend_xid IS NOT NULL AND xact_start < since))
        ) THEN
            RETURN true;
        END IF;
        IF clock_timestamp() > since + most THEN
            RETURN false;
        END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;
END
$$;
