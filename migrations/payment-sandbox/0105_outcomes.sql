-- More of what cards do: actions, increases, late outcomes, refunds, disputes, and what is told of them.

ALTER TABLE card_authorization
    DROP CONSTRAINT card_authorization_status_check,
    DROP CONSTRAINT card_authorization_check2,
    -- Given back of what was captured; a refund that failed does not count.
    ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0,
    -- With this the driver's app does what the bank asks for.
    ADD COLUMN client_secret  text,
    -- When the sandbox lets go of what is set aside.
    ADD COLUMN expire_time    timestamptz NOT NULL DEFAULT '9999-01-01T00:00:00Z',
    -- When the outcome comes that was left open.
    ADD COLUMN settle_time    timestamptz,
    -- Whether the card's holder disputes the charge, and how much of it.
    ADD COLUMN dispute        text CHECK (dispute IN ('opened', 'won', 'lost')),
    ADD COLUMN disputed_minor bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT card_authorization_status_known CHECK (status IN ('action_required',
        'authorized', 'declined', 'capturing', 'captured', 'voided', 'expired')),
    ADD CONSTRAINT card_authorization_captured CHECK
        ((status IN ('capturing', 'captured')) = (captured_minor > 0)),
    ADD CONSTRAINT card_authorization_refunded CHECK
        (refunded_minor BETWEEN 0 AND captured_minor AND disputed_minor BETWEEN 0 AND captured_minor);

-- What the clockwork looks for.
CREATE INDEX card_authorization_open ON card_authorization (expire_time)
    WHERE status IN ('action_required', 'authorized');
CREATE INDEX card_authorization_settling ON card_authorization (settle_time)
    WHERE settle_time IS NOT NULL;

CREATE TABLE refund (
    refund_id        uuid PRIMARY KEY,
    authorization_id uuid NOT NULL REFERENCES card_authorization,
    -- The merchant's own id for it.
    reference        text NOT NULL CHECK (reference <> ''),
    amount_minor     bigint NOT NULL CHECK (amount_minor > 0),
    currency         text NOT NULL,
    status           text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    failure_code     text,
    settle_time      timestamptz,
    create_time      timestamptz NOT NULL,
    CHECK ((status = 'failed') = (failure_code IS NOT NULL))
);

CREATE INDEX refund_of ON refund (authorization_id, create_time);
CREATE INDEX refund_settling ON refund (settle_time) WHERE settle_time IS NOT NULL;

ALTER TABLE ledger_entry
    DROP CONSTRAINT ledger_entry_kind_check,
    ADD CONSTRAINT ledger_entry_kind_known CHECK (kind IN ('authorize', 'increase', 'capture',
        'void', 'expire', 'refund', 'refund_failed', 'chargeback', 'chargeback_reversed'));

-- What reconciliations read.
CREATE INDEX ledger_entry_of_merchant ON ledger_entry (create_time, entry_id)
    WHERE account = 'merchant';

-- Webhooks that are still to be delivered.
CREATE TABLE webhook_event (
    event_id uuid PRIMARY KEY,
    body     text NOT NULL,
    -- How often it is still to be delivered.
    copies   integer NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due_time timestamptz NOT NULL
);

CREATE INDEX webhook_event_due ON webhook_event (due_time);
