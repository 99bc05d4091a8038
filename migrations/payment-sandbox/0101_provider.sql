-- The books of the stand-in provider. Its own, so that it can be asked what really happened.

-- `authorization` is a reserved word.
CREATE TABLE card_authorization (
    authorization_id uuid PRIMARY KEY,
    -- The merchant's own id for it: what an unknown outcome is looked up by.
    reference        text NOT NULL CHECK (reference <> ''),
    payment_method   text NOT NULL,
    amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
    captured_minor   bigint NOT NULL DEFAULT 0,
    currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status           text NOT NULL CHECK (status IN ('authorized', 'declined', 'captured', 'voided')),
    decline_code     text,
    create_time      timestamptz NOT NULL,
    CHECK (captured_minor BETWEEN 0 AND amount_minor),
    CHECK ((status = 'declined') = (decline_code IS NOT NULL)),
    CHECK ((status = 'captured') = (captured_minor > 0))
);

CREATE INDEX card_authorization_by_reference ON card_authorization (reference, create_time);

-- Answers by idempotency key: the same key with the same body has one effect and one answer.
CREATE TABLE keyed_call (
    idempotency_key text PRIMARY KEY,
    body_hash       bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    -- NULL only inside the transaction that makes the row.
    status          smallint,
    body            jsonb,
    create_time     timestamptz NOT NULL
);

-- Keys whose first call was answered by a failure on purpose.
CREATE TABLE hiccup (
    idempotency_key text PRIMARY KEY
);

-- Both sides of every movement.
CREATE TABLE ledger_entry (
    entry_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    authorization_id uuid NOT NULL REFERENCES card_authorization,
    reference        text NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('authorize', 'capture', 'void')),
    account          text NOT NULL,
    amount_minor     bigint NOT NULL,
    currency         text NOT NULL,
    create_time      timestamptz NOT NULL
);

CREATE INDEX ledger_entry_by_reference ON ledger_entry (reference, entry_id);
