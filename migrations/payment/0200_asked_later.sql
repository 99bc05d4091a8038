-- A payment that is asked for later: its card may be changed until the provider is asked, and it may end before.

ALTER TABLE payment
    -- When the clockwork asks for the first time; NULL: whoever made it asks at once.
    ADD COLUMN authorize_time      timestamptz,
    -- The payment whose place it takes: one that was refused, or lets go of what it has set aside.
    ADD COLUMN replaces_payment_id uuid REFERENCES payment,
    -- Only what was never asked for ends without the provider's word.
    DROP CONSTRAINT payment_check6,
    ADD CONSTRAINT payment_provider_known CHECK (provider_id IS NOT NULL OR status IN ('pending', 'declined')
        OR (status = 'voided' AND authorize_time IS NOT NULL));

UPDATE payment SET authorize_time = due_time WHERE status = 'pending' AND chases > 0 AND attempts = 0;

-- One takes the place of another at a time, whatever the code thinks.
CREATE UNIQUE INDEX payment_replaced_once ON payment (replaces_payment_id)
    WHERE replaces_payment_id IS NOT NULL AND status IN ('pending', 'authorized', 'captured');

-- An overstay that ended before it was asked for is asked for with another card.
DROP INDEX payment_overstay_once;
CREATE UNIQUE INDEX payment_overstay_once ON payment (booking_id) WHERE kind = 'overstay' AND status NOT IN ('declined', 'voided');
