-- What is set aside does not stay so for ever: before the provider lets go, the same is set aside anew, and the old given back.

-- When it is to be set aside anew; NULL: not any more, or the provider did not say how long it lives.
ALTER TABLE payment ADD COLUMN renew_time timestamptz;
CREATE INDEX payment_renewing ON payment (renew_time) WHERE renew_time IS NOT NULL AND status = 'authorized';

UPDATE payment SET renew_time = update_time + interval '6 days' WHERE status = 'authorized' AND kind IN ('booking', 'addition');

-- One begins to cover a booking; others take its place, one after the other (payment_replaced_once).
DROP INDEX payment_live_once;
CREATE UNIQUE INDEX payment_live_once ON payment (booking_id)
    WHERE kind = 'booking' AND replaces_payment_id IS NULL AND status IN ('pending', 'authorized', 'captured');
