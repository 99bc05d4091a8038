-- What booking says of the spots, by its facts, and where the ground says otherwise. No person is in here.

-- The session under way on a spot, or the last one that was.
CREATE TABLE spot_books (
    spot_id     uuid        PRIMARY KEY,
    lot_id      uuid        NOT NULL,
    booking_id  uuid        NOT NULL,
    -- Version of the booking: a fact of the same one that is not newer changes nothing.
    version     bigint      NOT NULL,
    in_session  boolean     NOT NULL,
    -- Since when, by the time of booking's fact: one of another booking that is older changes nothing.
    change_time timestamptz NOT NULL
);
CREATE INDEX spot_books_lot ON spot_books (lot_id);

CREATE TABLE discrepancy (
    discrepancy_id uuid        PRIMARY KEY,
    spot_id        uuid        NOT NULL,
    lot_id         uuid        NOT NULL,
    floor_id       uuid        NOT NULL,
    -- Number of parkmesh.sensor.v1.DiscrepancyKind, which follows from the next two.
    kind           smallint    NOT NULL CHECK (kind BETWEEN 1 AND 3),
    -- State of the ground, as in `sensor`.
    ground         smallint    NOT NULL CHECK (ground BETWEEN 1 AND 3),
    in_session     boolean     NOT NULL,
    booking_id     uuid,
    since_time     timestamptz NOT NULL,
    close_time     timestamptz
);
CREATE UNIQUE INDEX discrepancy_open_once ON discrepancy (spot_id) WHERE close_time IS NULL;
CREATE INDEX discrepancy_open_of_lot ON discrepancy (lot_id, discrepancy_id) WHERE close_time IS NULL;
CREATE INDEX discrepancy_of_lot ON discrepancy (lot_id, discrepancy_id);
CREATE INDEX discrepancy_by_close ON discrepancy (close_time) WHERE close_time IS NOT NULL;
