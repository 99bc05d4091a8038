-- Who may do what in a lot without having booked, and how often. As with the times of 0101, 0 stands for the default, which the domain knows.
ALTER TABLE lot
    ADD COLUMN unpaid_holds_per_hour integer NOT NULL DEFAULT 0 CHECK (unpaid_holds_per_hour BETWEEN 0 AND 100000000),
    ADD COLUMN walk_in_seconds       integer NOT NULL DEFAULT 0 CHECK (walk_in_seconds BETWEEN 0 AND 2592000),
    ADD COLUMN drive_up_allowed      boolean NOT NULL DEFAULT false;

-- Holds that came to nothing. A hold enters it when it ends, never when it is made: making one is what must be fast.
CREATE INDEX booking_unpaid ON booking (user_id, lot_id, create_time) WHERE state IN (5, 6) AND payment_id IS NULL;
