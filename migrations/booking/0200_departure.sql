-- Cars that were seen to leave and may be back: the session goes on meanwhile, and its one deadline is when it is too late for that.

ALTER TABLE booking
    ADD COLUMN depart_time timestamptz,
    ADD CONSTRAINT booking_departed CHECK (depart_time IS NULL OR (state = 3 AND depart_time >= arrive_time));

-- How long a car that was seen to leave may be back (0: not at all), and whether it may for all of its window.
ALTER TABLE lot
    ADD COLUMN departure_grace_seconds integer NOT NULL DEFAULT 0 CHECK (departure_grace_seconds BETWEEN 0 AND 3600),
    ADD COLUMN in_and_out_allowed      boolean NOT NULL DEFAULT false;

-- A car that has overstayed, and that a sensor in doubt saw leave: when that was, and when it counts. No such word ends a charge by itself.
ALTER TABLE overstay
    ADD COLUMN leave_time timestamptz,
    ADD COLUMN end_time   timestamptz;
CREATE INDEX overstay_by_end ON overstay (end_time) WHERE end_time IS NOT NULL;
