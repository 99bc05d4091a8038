-- The provider's own ledger, read again and again, and where ours says something else.

CREATE TABLE provider_movement (
    -- The provider's id of the line: each line once.
    movement_id  text PRIMARY KEY,
    kind         text NOT NULL,
    -- The payment, where the line carries our reference.
    payment_id   uuid,
    -- Signed: what it adds to what the provider owes us.
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    fee_minor    bigint NOT NULL CHECK (fee_minor >= 0),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    move_time    timestamptz NOT NULL
);

CREATE INDEX provider_movement_by_payment ON provider_movement (payment_id);
CREATE INDEX provider_movement_by_time ON provider_movement (move_time);

-- Payments whose two ledgers differed when they were last compared, at rest.
CREATE TABLE ledger_difference (
    payment_id   uuid PRIMARY KEY,
    ours_minor   bigint NOT NULL,
    theirs_minor bigint NOT NULL,
    found_time   timestamptz NOT NULL,
    -- NULL: it stands.
    mend_time    timestamptz
);

CREATE INDEX ledger_difference_standing ON ledger_difference (found_time) WHERE mend_time IS NULL;

ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_kind_check;
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_kind_check CHECK (kind IN ('authorize', 'capture', 'void', 'refund', 'fee'));

-- What an account did in a time: reports and pay-outs. Of operators only: drivers are nobody's report.
CREATE INDEX ledger_entry_of_operator ON ledger_entry (account, create_time) WHERE account LIKE 'operator:%';
CREATE INDEX ledger_entry_by_time ON ledger_entry (create_time);
