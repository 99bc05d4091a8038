-- The ledger: double entry, append only. The receipts.

CREATE TABLE ledger_entry (
    entry_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Follows from the payment and the kind: a movement cannot be written twice.
    movement_id  uuid NOT NULL,
    payment_id   uuid NOT NULL REFERENCES payment,
    kind         text NOT NULL CHECK (kind IN ('authorize', 'capture', 'void')),
    -- `driver:<user>`, `operator:<lot>`, `held:<payment>`.
    account      text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    create_time  timestamptz NOT NULL,
    CONSTRAINT ledger_entry_once UNIQUE (movement_id, account)
);

CREATE INDEX ledger_entry_by_payment ON ledger_entry (payment_id, entry_id);

-- Checked at the commit, when a movement is complete.
CREATE FUNCTION ledger_movement_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ledger_entry WHERE movement_id = NEW.movement_id
        HAVING sum(amount_minor) <> 0 OR count(DISTINCT currency) <> 1 OR count(DISTINCT payment_id) <> 1
    ) THEN
        RAISE EXCEPTION 'the entries of movement % do not sum to zero', NEW.movement_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_movement_balanced';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_movement_balanced AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_movement_balanced();

CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is never changed; write a movement that puts it right'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_append_only';
END $$;

CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_never_emptied BEFORE TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();

-- The last receipt number of each lot. A row, not a sequence: a number is taken with its receipt or not at all.
CREATE TABLE receipt_counter (
    lot_id      uuid PRIMARY KEY,
    last_number bigint NOT NULL CHECK (last_number > 0)
);

CREATE TABLE receipt (
    payment_id     uuid PRIMARY KEY REFERENCES payment,
    booking_id     uuid NOT NULL,
    lot_id         uuid NOT NULL,
    user_id        text NOT NULL,
    receipt_number bigint NOT NULL CHECK (receipt_number > 0),
    lot_name       text NOT NULL,
    spot_number    text NOT NULL,
    start_time     timestamptz,
    end_time       timestamptz,
    time_zone      text NOT NULL,
    lines          jsonb NOT NULL,
    total_minor    bigint NOT NULL CHECK (total_minor > 0),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    issue_time     timestamptz NOT NULL,
    CONSTRAINT receipt_number_once UNIQUE (lot_id, receipt_number),
    CONSTRAINT receipt_of_booking_once UNIQUE (booking_id)
);
