-- A statement of a time that is closed never changes: an hour after its end nothing is written into it any more. Entries carry the time of their
-- transaction, which is over in seconds; whatever would be written with an older one is refused, so that no clock that is wrong can change what was paid out.
CREATE FUNCTION ledger_time_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.create_time < park_now() - interval '30 minutes' THEN
        RAISE EXCEPTION 'an entry of % would change statements that are closed', NEW.create_time
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_time_open';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_time_open BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION ledger_time_open();

-- What was refused at the first try is a debt since then: statements tell how many were written.
CREATE INDEX payment_debt_written ON payment (lot_id, create_time) WHERE chases = 1;
