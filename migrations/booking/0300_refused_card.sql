-- Cards of what is promised: that of a stay far ahead is asked near its start, and that of a long stay again, when nobody is there to hear a refusal.

-- Until when another card is to be given for a reservation; then it is given up.
ALTER TABLE booking ADD COLUMN card_due_time timestamptz;
CREATE INDEX booking_card_due ON booking (card_due_time) WHERE card_due_time IS NOT NULL AND state = 2;

-- What payment has told of them, in whatever order that comes.
CREATE TABLE refused_card (
    -- The first payment that was refused: all that were asked for in its place count as it.
    payment_id  uuid PRIMARY KEY,
    booking_id  uuid NOT NULL,
    -- Whether another stands in its place.
    covered     boolean NOT NULL,
    create_time timestamptz NOT NULL
);
CREATE INDEX refused_card_booking ON refused_card (booking_id) WHERE NOT covered;
