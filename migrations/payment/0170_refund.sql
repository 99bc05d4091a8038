-- What was captured may be given back, in parts. One refund of a payment is under way at a time; it is the payment's intent, so that whatever
-- takes up what a crash left takes it up too.

ALTER TABLE payment
    -- Given back of what was captured, in all.
    ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0,
    -- The refund that is under way.
    ADD COLUMN intent_refund_id uuid;

ALTER TABLE payment
    DROP CONSTRAINT payment_intent_check,
    DROP CONSTRAINT payment_check5,
    DROP CONSTRAINT payment_check7,
    ADD CONSTRAINT payment_intent_known CHECK (intent IN ('authorize', 'capture', 'void', 'refund')),
    -- A capture and a void need what is set aside, a refund what was taken.
    ADD CONSTRAINT payment_intent_of_status CHECK (intent IS NULL OR status IN ('pending', 'authorized')
        OR (status = 'captured' AND intent = 'refund')),
    ADD CONSTRAINT payment_intent_amount CHECK ((intent IS NOT NULL AND intent IN ('capture', 'refund')) = (intent_minor IS NOT NULL)),
    ADD CONSTRAINT payment_intent_refund CHECK ((intent IS NOT NULL AND intent = 'refund') = (intent_refund_id IS NOT NULL)),
    -- Never more given back than was taken, the refund under way included.
    ADD CONSTRAINT payment_refunded_of_captured CHECK (refunded_minor BETWEEN 0 AND coalesce(captured_minor, 0)),
    ADD CONSTRAINT payment_refunding_of_captured
        CHECK (intent_refund_id IS NULL OR refunded_minor + intent_minor <= captured_minor);

CREATE TABLE refund (
    refund_id      uuid PRIMARY KEY,
    payment_id     uuid NOT NULL REFERENCES payment,
    request_id     uuid NOT NULL,
    -- SHA-256 of what was asked.
    body_hash      bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason         text NOT NULL,
    status         text NOT NULL CHECK (status IN ('pending', 'refunded', 'failed')),
    failure_code   text,
    -- Refunded: what was given back of the payment in all, with this.
    total_minor    bigint,
    create_time    timestamptz NOT NULL,
    CONSTRAINT refund_request_once UNIQUE (request_id),
    CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((status = 'refunded') = (total_minor IS NOT NULL))
);

CREATE INDEX refund_by_payment ON refund (payment_id, refund_id DESC);
-- One at a time, whatever the code thinks.
CREATE UNIQUE INDEX refund_pending_once ON refund (payment_id) WHERE status = 'pending';

ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_kind_check;
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_kind_check CHECK (kind IN ('authorize', 'capture', 'void', 'refund'));
