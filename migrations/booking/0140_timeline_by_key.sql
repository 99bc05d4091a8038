-- The bookings of the facts are looked up one by one: the plan is made once for a session, maybe for an empty table or for a large
-- group, and a join of that day would read all bookings for one fact later on.
CREATE OR REPLACE FUNCTION keep_timeline() RETURNS trigger
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
    FROM told LEFT JOIN LATERAL (
        SELECT booking.booking_id, booking.spot_id FROM booking WHERE booking.booking_id = told.aggregate_id OFFSET 0
    ) AS booking ON true
    WHERE booking.booking_id IS NOT NULL OR told.fact_type = 'parkmesh.booking.v1.spot_state_changed'
    ORDER BY told.seq;
    RETURN NULL;
END
$$;
