-- Why a spot or a booking is as it is: every fact of them, with its cause. Facts themselves leave the outbox after a day.
-- No person is in here: the driver of a booking is known from the booking.
CREATE TABLE timeline (
    entry_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The booking or the spot that the fact is of.
    aggregate_id uuid NOT NULL,
    -- The spot that it concerned then.
    spot_id      uuid NOT NULL,
    version      bigint NOT NULL,
    fact_type    text NOT NULL,
    -- Number of parkmesh.booking.v1.Cause.
    cause        smallint NOT NULL,
    -- Subject of the operator who did it; NULL where nobody of them did.
    actor        text,
    create_time  timestamptz NOT NULL
);

CREATE INDEX timeline_by_aggregate ON timeline (aggregate_id, entry_id);
CREATE INDEX timeline_by_spot ON timeline (spot_id, entry_id);

CREATE TRIGGER timeline_stands BEFORE UPDATE OR DELETE OR TRUNCATE ON timeline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the transaction says of the facts that it is about to write; 0 where it says nothing.
CREATE FUNCTION told_cause() RETURNS smallint
LANGUAGE sql STABLE
AS $$ SELECT coalesce(nullif(current_setting('parkmesh.cause', true), ''), '0')::smallint $$;

-- Once per statement, however many facts it writes: a group of holds pays for it once. It is a trigger, because then no fact can be
-- written beside the timeline, whoever writes it.
CREATE FUNCTION keep_timeline() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO timeline (aggregate_id, spot_id, version, fact_type, cause, actor, create_time)
    SELECT told.aggregate_id, coalesce(booking.spot_id, told.aggregate_id), told.version, told.fact_type,
        CASE told.fact_type
            -- Holds are asked for by drivers, and end by themselves.
            WHEN 'parkmesh.booking.v1.held' THEN 2
            WHEN 'parkmesh.booking.v1.reserved' THEN 2
            WHEN 'parkmesh.booking.v1.expired' THEN 5
            WHEN 'parkmesh.booking.v1.no_show' THEN 5
            WHEN 'parkmesh.booking.v1.spot_state_changed' THEN 4
            -- Who gives a booking back without a word is its driver.
            WHEN 'parkmesh.booking.v1.cancelled' THEN coalesce(nullif(told_cause(), 0), 2)
            ELSE told_cause()
        END,
        nullif(current_setting('parkmesh.actor', true), ''), told.create_time
    FROM told LEFT JOIN booking ON booking.booking_id = told.aggregate_id
    WHERE booking.booking_id IS NOT NULL OR told.fact_type = 'parkmesh.booking.v1.spot_state_changed'
    ORDER BY told.seq;
    RETURN NULL;
END
$$;

CREATE TRIGGER outbox_timeline AFTER INSERT ON outbox
    REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION keep_timeline();

-- What the ground says is part of a spot's story too.
CREATE FUNCTION keep_ground() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO timeline (aggregate_id, spot_id, version, fact_type, cause, create_time)
    VALUES (NEW.spot_id, NEW.spot_id, NEW.version,
        CASE WHEN NEW.occupied THEN 'parkmesh.sensor.v1.spot_occupied'
             WHEN NOT NEW.occupied THEN 'parkmesh.sensor.v1.spot_vacated'
             ELSE 'parkmesh.sensor.v1.sensor_silent' END,
        1, NEW.change_time);
    RETURN NULL;
END
$$;

CREATE TRIGGER spot_reality_timeline AFTER INSERT OR UPDATE ON spot_reality
    FOR EACH ROW EXECUTE FUNCTION keep_ground();
