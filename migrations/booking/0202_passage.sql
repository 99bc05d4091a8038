-- Whose car was let pass for which reading of a plate: what the barrier says of it belongs to the booking's story.
CREATE TABLE passage (
    plate_read_id uuid PRIMARY KEY,
    booking_id    uuid NOT NULL,
    create_time   timestamptz NOT NULL
);
CREATE INDEX passage_by_age ON passage (create_time);
