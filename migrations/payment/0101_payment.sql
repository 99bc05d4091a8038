-- Money of bookings: what is asked of the provider, what came of it, and both sides of every movement.

-- What binds all payments of one booking. Its row is locked before any of them is made or moved.
CREATE TABLE booking_money (
    booking_id      uuid PRIMARY KEY,
    -- The stay as booking's facts told it, for the receipt; NULL until one came.
    stay            jsonb,
    -- How the booking ended. From then on nothing may be authorised: the tombstone.
    -- What is to be captured; 0: everything is to be given back. NULL: the booking lives.
    settle_minor    bigint CHECK (settle_minor >= 0),
    settle_currency text CHECK (settle_currency ~ '^[A-Z]{3}$'),
    -- Lines of the receipt to come.
    settle_lines    jsonb,
    -- Name of the fact that ended it.
    settle_reason   text,
    settle_time     timestamptz,
    CHECK (settle_minor IS NULL OR settle_minor = 0 OR settle_currency IS NOT NULL),
    CHECK ((settle_minor IS NULL) = (settle_time IS NULL))
);

CREATE TABLE payment (
    payment_id        uuid PRIMARY KEY,
    booking_id        uuid NOT NULL REFERENCES booking_money,
    lot_id            uuid NOT NULL,
    user_id           text NOT NULL CHECK (user_id <> ''),
    currency          text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    authorized_minor  bigint NOT NULL CHECK (authorized_minor > 0),
    captured_minor    bigint CHECK (captured_minor BETWEEN 1 AND authorized_minor),
    -- The provider's token, never a card number.
    payment_method    text NOT NULL,
    status            text NOT NULL
        CHECK (status IN ('pending', 'authorized', 'declined', 'captured', 'voided')),
    decline_code      text,
    -- The provider's id, once it is known.
    provider_id       text,
    -- The idempotency key of the authorisation; those of capture and void follow from payment_id.
    authorize_key     uuid NOT NULL UNIQUE,
    -- What the provider was or is about to be asked, committed before the call; NULL: nothing is open.
    intent            text CHECK (intent IN ('authorize', 'capture', 'void')),
    intent_minor      bigint,
    -- When the clockwork takes the intent up, unless somebody finished it before.
    due_time          timestamptz,
    attempts          integer NOT NULL DEFAULT 0,
    version           bigint NOT NULL CHECK (version > 0),
    create_time       timestamptz NOT NULL,
    update_time       timestamptz NOT NULL,
    CHECK ((status = 'declined') = (decline_code IS NOT NULL)),
    CHECK ((status = 'captured') = (captured_minor IS NOT NULL)),
    CHECK ((intent IS NULL) = (due_time IS NULL)),
    -- An authorisation is open exactly while the payment is pending; capture and void need one that stands.
    CHECK ((status = 'pending') = (intent IS NOT NULL AND intent = 'authorize')),
    CHECK (intent IS NULL OR status IN ('pending', 'authorized')),
    CHECK (status IN ('pending', 'declined') OR provider_id IS NOT NULL),
    CHECK ((intent IS NOT NULL AND intent = 'capture') = (intent_minor IS NOT NULL)),
    CHECK (intent_minor BETWEEN 1 AND authorized_minor)
);

-- Never two live payments of one booking, whatever the code thinks.
CREATE UNIQUE INDEX payment_live_once ON payment (booking_id)
    WHERE status IN ('pending', 'authorized', 'captured');
CREATE INDEX payment_by_booking ON payment (booking_id, payment_id);
CREATE INDEX payment_by_user ON payment (user_id, payment_id DESC);
CREATE INDEX payment_due ON payment (due_time) WHERE intent IS NOT NULL;

-- Requests to authorise and the payment that each led to. Two requests may lead to one payment.
CREATE TABLE payment_request (
    request_id  uuid PRIMARY KEY,
    -- SHA-256 of what was asked.
    body_hash   bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    payment_id  uuid NOT NULL REFERENCES payment,
    create_time timestamptz NOT NULL
);
