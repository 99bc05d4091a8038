-- Bookings that change: price differences that are set aside first, and cars that stay past their window.

-- What a booking owes for a car that stayed past its window, beside its final amount; NULL until the car has left.
ALTER TABLE booking ADD COLUMN overstay_minor bigint CHECK (overstay_minor >= 0);

-- Price differences: written before payment is asked, so that nothing is set aside that nobody remembers. The id names the authorisation.
CREATE TABLE price_difference (
    attempt        uuid PRIMARY KEY,
    booking_id     uuid NOT NULL,
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    currency_code  text NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
    -- The provider's token; empty for the one that covers the booking.
    payment_method text NOT NULL,
    -- open: a change waits for it. dropped: no change will use it, what was set aside is to be given back.
    -- done: the change stands, or everything is given back.
    state          text NOT NULL CHECK (state IN ('open', 'dropped', 'done')),
    -- When the clockwork looks after it.
    due_time       timestamptz,
    create_time    timestamptz NOT NULL,
    CHECK ((state = 'done') = (due_time IS NULL))
);

-- One change of a booking at a time asks for money.
CREATE UNIQUE INDEX price_difference_open_once ON price_difference (booking_id) WHERE state = 'open';
CREATE INDEX price_difference_due ON price_difference (due_time) WHERE due_time IS NOT NULL;
CREATE INDEX price_difference_by_age ON price_difference (create_time) WHERE state = 'done';

-- Cars that stay on a spot after their booking was completed by its deadline: the bookings that are to pay for it.
CREATE TABLE overstay (
    spot_id     uuid PRIMARY KEY,
    booking_id  uuid NOT NULL,
    create_time timestamptz NOT NULL
);
CREATE INDEX overstay_by_age ON overstay (create_time);
