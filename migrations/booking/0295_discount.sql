-- What reduces prices: promo codes, and merchants who validate parking.

-- Rows are never changed, but for their end.
CREATE TABLE discount (
    discount_id   uuid PRIMARY KEY,
    lot_id        uuid NOT NULL REFERENCES lot,
    -- 1: promo code, 2: merchant.
    kind          smallint NOT NULL CHECK (kind IN (1, 2)),
    -- The code in capitals, or the merchant as drivers read it.
    name          text NOT NULL CHECK (name <> ''),
    -- A share or an amount.
    basis_points  integer CHECK (basis_points BETWEEN 1 AND 10000),
    amount_minor  bigint CHECK (amount_minor > 0),
    currency_code text NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
    valid_from    timestamptz NOT NULL,
    -- NULL: until it is ended.
    valid_until   timestamptz CHECK (valid_until > valid_from),
    -- Limits; 0 for none. In all and of one driver, of a code; on one date of the lot, of a merchant.
    most_uses            integer NOT NULL CHECK (most_uses >= 0),
    most_uses_per_driver integer NOT NULL CHECK (most_uses_per_driver >= 0),
    most_uses_per_day    integer NOT NULL CHECK (most_uses_per_day >= 0),
    end_time      timestamptz,
    create_time   timestamptz NOT NULL,
    CHECK ((basis_points IS NULL) <> (amount_minor IS NULL))
);

-- A code that was ended can be made again.
CREATE UNIQUE INDEX discount_code_once ON discount (lot_id, name) WHERE kind = 1 AND end_time IS NULL;
-- Lists, newest first: ids ascend with time.
CREATE INDEX discount_by_lot ON discount (lot_id, discount_id);

-- Which bookings a discount reduces: what its limits count, and what a merchant is billed for. Written under the lock of the discount's row. Whose the
-- booking is is known from the booking.
CREATE TABLE reduction (
    booking_id  uuid NOT NULL,
    discount_id uuid NOT NULL REFERENCES discount,
    -- Of the discount.
    kind        smallint NOT NULL,
    create_time timestamptz NOT NULL,
    -- What it took off; NULL until the booking has ended, and where it ended without a stay.
    taken_minor bigint CHECK (taken_minor >= 0),
    PRIMARY KEY (booking_id, discount_id)
);

-- One code for a booking.
CREATE UNIQUE INDEX reduction_code_once ON reduction (booking_id) WHERE kind = 1;
CREATE INDEX reduction_by_discount ON reduction (discount_id, create_time, booking_id);

-- What is taken off a booking's price, frozen: the price before, and each reduction in the order in which they came. NULL where there is none. It is in
-- the row of the booking, so that whoever waits for the row's lock sees both as they are then.
ALTER TABLE booking ADD COLUMN reductions jsonb;
