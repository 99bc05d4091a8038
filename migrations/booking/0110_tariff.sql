-- Tariffs with rules: steps, rates by type and local time, caps, fees.

-- The rules, by their form ({"form": "v1", ...}). NULL: an hour has one price, hourly_rate_minor, which stays beside them as an hour at the
-- plain rate, for who knows no rules.
ALTER TABLE tariff ADD COLUMN rules jsonb CHECK (rules IS NULL OR rules ? 'form');

-- The type of spot that was priced: a spot may become another one, or the booking move. NULL: as the spot is.
ALTER TABLE booking ADD COLUMN spot_type smallint CHECK (spot_type > 0);
-- The tariff's version says it.
ALTER TABLE booking ALTER COLUMN hourly_rate_minor DROP NOT NULL;

-- A version that bookings were quoted with is never another.
CREATE FUNCTION tariff_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a tariff is never changed; make its next version';
END
$$;
CREATE TRIGGER tariff_is_frozen BEFORE UPDATE OR DELETE ON tariff
    FOR EACH ROW EXECUTE FUNCTION tariff_is_frozen();
