-- What was owed when the provider said no is a debt: it is asked for again and again, later each time, and never forgotten.

ALTER TABLE payment DROP CONSTRAINT payment_kind_check;
ALTER TABLE payment ADD CONSTRAINT payment_kind_check CHECK (kind IN ('booking', 'addition', 'overstay', 'debt'));
-- How often what it is for was asked for in vain before.
ALTER TABLE payment ADD COLUMN chases smallint NOT NULL DEFAULT 0 CHECK (chases >= 0);

-- An overstay that was refused is asked for anew.
DROP INDEX payment_overstay_once;
CREATE UNIQUE INDEX payment_overstay_once ON payment (booking_id) WHERE kind = 'overstay' AND status <> 'declined';
