-- Allotments: places sold by number for one window. A ticket is a booking without a spot.

-- Rows are never changed.
CREATE TABLE allotment (
    allotment_id  uuid PRIMARY KEY,
    lot_id        uuid NOT NULL REFERENCES lot,
    name          text NOT NULL CHECK (name <> ''),
    -- When the tickets are good, [start, end).
    during        tstzrange NOT NULL CHECK (NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)),
    -- Ticket numbers are 1 to this.
    capacity      integer NOT NULL CHECK (capacity BETWEEN 1 AND 100000),
    price_minor   bigint NOT NULL CHECK (price_minor >= 0),
    currency_code text NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
    create_time   timestamptz NOT NULL
);

-- Lists, newest first: ids ascend with time.
CREATE INDEX allotment_by_lot ON allotment (lot_id, allotment_id);

ALTER TABLE booking
    ADD COLUMN allotment_id uuid,
    ADD COLUMN ticket_number integer CHECK (ticket_number > 0),
    ALTER COLUMN floor_id DROP NOT NULL,
    ALTER COLUMN spot_id DROP NOT NULL,
    ALTER COLUMN spot_number DROP NOT NULL,
    ADD CONSTRAINT booking_place CHECK (
        CASE WHEN allotment_id IS NULL
             THEN spot_id IS NOT NULL AND floor_id IS NOT NULL AND spot_number IS NOT NULL AND ticket_number IS NULL
             ELSE spot_id IS NULL AND floor_id IS NULL AND spot_number IS NULL AND ticket_number IS NOT NULL END);

-- The guard against selling a number twice; a number that is given back is sold again. As with spots, a lapsed hold is still in here
-- until somebody reclaims it.
CREATE UNIQUE INDEX booking_ticket_once ON booking (allotment_id, ticket_number) WHERE state IN (1, 2, 3);
