-- More ways than the list in the app: what people prefer, what is on its way to them, and what they are reminded of.

ALTER TABLE notification ALTER COLUMN booking_id DROP NOT NULL;
ALTER TABLE notification
    -- The lot, where it is known: whose operators may look after its deliveries.
    ADD COLUMN lot_id uuid,
    ADD COLUMN link   text NOT NULL DEFAULT '';

-- What a booking's driver is reminded of next, and what is said then.
ALTER TABLE booking_place
    ADD COLUMN lot_id         uuid,
    ADD COLUMN user_id        text,
    ADD COLUMN ticket_number  integer NOT NULL DEFAULT 0,
    ADD COLUMN code           text NOT NULL DEFAULT '',
    ADD COLUMN start_time     timestamptz,
    ADD COLUMN end_time       timestamptz,
    -- Version of the booking: an older fact that comes late changes nothing.
    ADD COLUMN version        bigint NOT NULL DEFAULT 0,
    ADD COLUMN remind_of      text,
    ADD COLUMN remind_happens timestamptz,
    ADD COLUMN remind_time    timestamptz,
    ADD CONSTRAINT booking_place_reminder CHECK (
        (remind_of IS NULL) = (remind_time IS NULL) AND (remind_of IS NULL) = (remind_happens IS NULL)
        AND (remind_of IS NULL OR (user_id IS NOT NULL AND start_time IS NOT NULL AND end_time IS NOT NULL)));

CREATE INDEX booking_place_to_remind ON booking_place (remind_time) WHERE remind_time IS NOT NULL;
CREATE INDEX booking_place_of_user ON booking_place (user_id) WHERE user_id IS NOT NULL;

-- How somebody is told. Addresses are sealed; nobody who reads the table knows them.
CREATE TABLE preferences (
    user_id            text PRIMARY KEY CHECK (user_id <> ''),
    language           text NOT NULL DEFAULT 'english' CHECK (language IN ('english', 'german')),
    email_sealed       bytea,
    -- Keyed hash: whose address it is can be asked without opening all.
    email_mark         bytea,
    webhook_sealed     bytea,
    secret_sealed      bytea,
    quiet_start_minute smallint CHECK (quiet_start_minute BETWEEN 0 AND 1439),
    quiet_end_minute   smallint CHECK (quiet_end_minute BETWEEN 0 AND 1439),
    quiet_zone         text,
    -- {"receipt": ["email"]}: kinds that come by other ways than usual.
    kinds              jsonb NOT NULL DEFAULT '{}',
    version            bigint NOT NULL DEFAULT 0,
    update_time        timestamptz NOT NULL,
    CHECK ((email_sealed IS NULL) = (email_mark IS NULL)),
    CHECK ((webhook_sealed IS NULL) = (secret_sealed IS NULL)),
    CHECK ((quiet_start_minute IS NULL) = (quiet_end_minute IS NULL)),
    CHECK ((quiet_start_minute IS NULL) = (quiet_zone IS NULL))
);

CREATE INDEX preferences_by_email ON preferences (email_mark) WHERE email_mark IS NOT NULL;

-- First answers, sealed: a repetition is given the same.
CREATE TABLE request (
    user_id     text NOT NULL,
    request_id  uuid NOT NULL,
    -- Keyed hash of method and body.
    body_mark   bytea NOT NULL,
    response    bytea NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (user_id, request_id)
);

CREATE INDEX request_by_age ON request (create_time);

-- Which lots an operator spoke for when they last called: whom alerts go to. The nil UUID is every lot.
CREATE TABLE operator_lot (
    lot_id      uuid NOT NULL,
    user_id     text NOT NULL,
    update_time timestamptz NOT NULL,
    PRIMARY KEY (lot_id, user_id)
);

CREATE INDEX operator_lot_of_user ON operator_lot (user_id);

-- Names of lots and what is painted on spots, for alerts: facts of the ground do not tell them.
CREATE TABLE lot_name (
    lot_id    uuid PRIMARY KEY,
    lot_name  text NOT NULL,
    time_zone text NOT NULL,
    version   bigint NOT NULL
);

CREATE TABLE spot_name (
    spot_id     uuid PRIMARY KEY,
    lot_id      uuid NOT NULL,
    spot_number text NOT NULL,
    version     bigint NOT NULL
);

-- One message on one way. Written with the message; whoever works on it takes a lease by moving next_attempt_time on.
CREATE TABLE delivery (
    delivery_id       uuid PRIMARY KEY,
    notification_id   uuid NOT NULL REFERENCES notification ON DELETE CASCADE,
    user_id           text NOT NULL,
    lot_id            uuid,
    channel           text NOT NULL CHECK (channel IN ('email', 'webhook')),
    state             text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts          integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Since when it is tried: its begin, or when it was sent again.
    begin_time        timestamptz NOT NULL,
    next_attempt_time timestamptz NOT NULL,
    create_time       timestamptz NOT NULL,
    CONSTRAINT delivery_once UNIQUE (notification_id, channel)
);

CREATE INDEX delivery_waiting ON delivery (channel, next_attempt_time) WHERE state = 'waiting';
CREATE INDEX delivery_of_user ON delivery (user_id, delivery_id DESC);
CREATE INDEX delivery_of_lot ON delivery (lot_id, delivery_id DESC) WHERE lot_id IS NOT NULL;

-- What was tried. Says statuses and causes, never an address.
CREATE TABLE delivery_attempt (
    delivery_id  uuid NOT NULL REFERENCES delivery ON DELETE CASCADE,
    attempt_time timestamptz NOT NULL,
    duration_ms  integer NOT NULL CHECK (duration_ms >= 0),
    status       integer NOT NULL,
    error        text NOT NULL
);

CREATE INDEX delivery_attempt_of ON delivery_attempt (delivery_id, attempt_time DESC);
