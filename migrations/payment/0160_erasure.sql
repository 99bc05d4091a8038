-- A person who is erased leaves the ledger too. Nothing else of an entry may change: account and amount say what happened, the name of a
-- driver only to whom.
CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.account LIKE 'driver:%' AND NEW.account LIKE 'driver:erased:%'
        AND (to_jsonb(NEW) - 'account') = (to_jsonb(OLD) - 'account') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the ledger is never changed; write a movement that puts it right'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_append_only';
END $$;
