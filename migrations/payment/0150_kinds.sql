-- A booking may have several payments: the one that covers it, one for each time that it became dearer by a change, and one for an overstay.

ALTER TABLE payment ADD COLUMN kind text NOT NULL DEFAULT 'booking' CHECK (kind IN ('booking', 'addition', 'overstay'));

-- Never two live payments that cover the same booking, and never two for its overstay, whatever the code thinks. Of an addition booking's own row
-- says that it is asked for once, and no capture takes more in all than the booking came to.
DROP INDEX payment_live_once;
CREATE UNIQUE INDEX payment_live_once ON payment (booking_id)
    WHERE kind = 'booking' AND status IN ('pending', 'authorized', 'captured');
CREATE UNIQUE INDEX payment_overstay_once ON payment (booking_id) WHERE kind = 'overstay';

-- The overstay as booking's fact told it, for its receipt; NULL until it came. From then on it is not charged again.
ALTER TABLE booking_money ADD COLUMN overstay jsonb;

ALTER TABLE receipt ADD COLUMN overstay boolean NOT NULL DEFAULT false;
ALTER TABLE receipt DROP CONSTRAINT receipt_of_booking_once;
ALTER TABLE receipt ADD CONSTRAINT receipt_of_booking_once UNIQUE (booking_id, overstay);
