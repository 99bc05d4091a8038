-- Messages to people, one for each fact that concerns them.

-- A person's counter. Its row is locked by whoever writes to the person, so that sequences are seen in their order.
CREATE TABLE recipient (
    user_id       text PRIMARY KEY CHECK (user_id <> ''),
    last_sequence bigint NOT NULL CHECK (last_sequence > 0)
);

CREATE TABLE notification (
    notification_id uuid PRIMARY KEY,
    user_id         text NOT NULL REFERENCES recipient,
    -- Counts up within a person's messages: where a watch resumes from.
    sequence        bigint NOT NULL CHECK (sequence > 0),
    kind            text NOT NULL CHECK (kind IN ('reserved', 'arrived', 'completed', 'receipt',
                        'cancelled', 'expired', 'no_show', 'payment_declined')),
    title           text NOT NULL CHECK (title <> ''),
    body            text NOT NULL CHECK (body <> ''),
    booking_id      uuid NOT NULL,
    -- The fact it tells of: never two messages of one.
    fact_id         uuid NOT NULL,
    create_time     timestamptz NOT NULL,
    read_time       timestamptz,
    CONSTRAINT notification_sequence_once UNIQUE (user_id, sequence),
    CONSTRAINT notification_of_fact_once UNIQUE (user_id, fact_id)
);

CREATE INDEX notification_unread ON notification (user_id, sequence DESC) WHERE read_time IS NULL;
CREATE INDEX notification_by_age ON notification (create_time);

-- Where a booking is, as booking's facts told it: facts of payment do not.
CREATE TABLE booking_place (
    booking_id  uuid PRIMARY KEY,
    lot_name    text NOT NULL,
    spot_number text NOT NULL,
    time_zone   text NOT NULL,
    update_time timestamptz NOT NULL
);

CREATE INDEX booking_place_by_age ON booking_place (update_time);
