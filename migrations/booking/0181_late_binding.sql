-- Late binding: a booking of a pool may be a promise of capacity, whose spot is given on arrival or shortly before.

-- Number of parkmesh.booking.v1.SpotPromise, and how long before the start the spot is given at the latest; 0 for the defaults, which the domain knows.
ALTER TABLE lot
    ADD COLUMN spot_promise smallint NOT NULL DEFAULT 0 CHECK (spot_promise BETWEEN 0 AND 2),
    ADD COLUMN assign_before_seconds integer NOT NULL DEFAULT 0 CHECK (assign_before_seconds BETWEEN 0 AND 86400);

-- The guard of such a promise is a provisional spot under the same exclusion constraint: the row has a spot, and nobody is told
-- which. It may be another one at any time without a new version, until the spot is given.
ALTER TABLE booking
    ADD COLUMN spot_pending boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT booking_pending CHECK (NOT spot_pending OR (allotment_id IS NULL AND state NOT IN (3, 4)));

-- Whose spot is to be given soon, and whose may be moved off a spot that is closed.
CREATE INDEX booking_pending_by_start ON booking (lot_id, start_time) WHERE spot_pending AND state IN (1, 2);
CREATE INDEX booking_pending_by_spot ON booking (spot_id) WHERE spot_pending AND state IN (1, 2);

CREATE INDEX spot_out_of_service ON spot (spot_id) WHERE out_of_service;

-- The bookings of the facts are looked up one by one, so that no plan ever reads all of them. As before; but a spot's story does not tell of bookings that only stood on it provisionally.
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
        SELECT booking.booking_id, CASE WHEN NOT booking.spot_pending THEN booking.spot_id END AS spot_id
        FROM booking WHERE booking.booking_id = told.aggregate_id OFFSET 0
    ) AS booking ON true
    WHERE booking.booking_id IS NOT NULL OR told.fact_type = 'parkmesh.booking.v1.spot_state_changed'
    ORDER BY told.seq;
    RETURN NULL;
END
$$;
