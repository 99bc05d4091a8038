-- What the provider tells by itself: each event is kept once, and applied then.

CREATE TABLE provider_notice (
    event_id         text PRIMARY KEY,
    -- The provider's id of the authorisation, and ours.
    provider_id      text NOT NULL,
    reference        text NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('moved', 'refund', 'chargeback')),
    refund_reference text,
    chargeback_id    text,
    amount_minor     bigint,
    currency         text,
    reason           text,
    dispute          text CHECK (dispute IN ('opened', 'won', 'lost')),
    event_time       timestamptz NOT NULL,
    receive_time     timestamptz NOT NULL,
    attempts         integer NOT NULL DEFAULT 0,
    -- When it is to be applied; NULL: it was.
    due_time         timestamptz,
    CHECK ((kind = 'refund') = (refund_reference IS NOT NULL)),
    CHECK ((kind = 'chargeback') = (chargeback_id IS NOT NULL AND amount_minor IS NOT NULL
        AND currency IS NOT NULL AND reason IS NOT NULL AND dispute IS NOT NULL))
);

CREATE INDEX provider_notice_due ON provider_notice (due_time) WHERE due_time IS NOT NULL;
CREATE INDEX provider_notice_done ON provider_notice (receive_time) WHERE due_time IS NULL;

-- Which payment an event is of that does not carry our reference.
CREATE INDEX payment_by_provider ON payment (provider_id) WHERE provider_id IS NOT NULL;

CREATE TABLE chargeback (
    chargeback_id text PRIMARY KEY,
    payment_id    uuid NOT NULL REFERENCES payment,
    amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason        text NOT NULL,
    dispute       text NOT NULL CHECK (dispute IN ('opened', 'won', 'lost')),
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL
);

CREATE INDEX chargeback_by_payment ON chargeback (payment_id);

ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_kind_check;
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_kind_check CHECK (kind IN ('authorize', 'capture', 'void',
    'refund', 'refund_failed', 'chargeback', 'chargeback_reversed', 'fee'));
