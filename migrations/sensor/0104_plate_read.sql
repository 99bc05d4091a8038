-- Plates that were read, so that a repetition gets the first answer. The plate is not in here, and nothing that tells it without the key.
CREATE TABLE plate_read (
    subject       text        NOT NULL,
    request_id    uuid        NOT NULL,
    -- Keyed hash of the request.
    body_mark     bytea       NOT NULL CHECK (octet_length(body_mark) = 16),
    plate_read_id uuid        NOT NULL,
    create_time   timestamptz NOT NULL,
    PRIMARY KEY (subject, request_id)
);
CREATE INDEX plate_read_by_age ON plate_read (create_time);
