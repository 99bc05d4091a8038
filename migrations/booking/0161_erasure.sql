-- Persons who were erased, without anything that tells who they were; and which services have done so.
CREATE TABLE erasure (
    erasure_id  uuid PRIMARY KEY,
    -- What stands in place of the person in bookings: `erased:<uuid>`.
    pseudonym   text NOT NULL UNIQUE,
    create_time timestamptz NOT NULL
);

CREATE TABLE erasure_step (
    erasure_id uuid NOT NULL REFERENCES erasure,
    service    text NOT NULL CHECK (service <> ''),
    -- NULL: not yet.
    done_time  timestamptz,
    PRIMARY KEY (erasure_id, service)
);
