-- Bookings: who has a spot when; and what the sensors say of the spots.
-- Numbers of states are those of parkmesh.booking.v1.BookingState:
-- 1 held, 2 reserved, 3 active, 4 completed, 5 cancelled, 6 expired, 7 no-show. Live are 1, 2 and 3.

CREATE TABLE booking (
    booking_id         uuid PRIMARY KEY,
    -- What the QR shows.
    code               text NOT NULL CHECK (code <> ''),
    -- Spots are never deleted and every insert reads its spot: a foreign key would only cost a lock on a row that many want.
    lot_id             uuid NOT NULL,
    floor_id           uuid NOT NULL,
    spot_id            uuid NOT NULL,
    spot_number        text NOT NULL,
    user_id            text NOT NULL,
    plate              text NOT NULL,
    -- The window kept, [start, end). An early arrival moves its start to that moment, never its end.
    during             tstzrange NOT NULL,
    -- The start that was booked and priced.
    start_time         timestamptz NOT NULL,
    state              smallint NOT NULL CHECK (state BETWEEN 1 AND 7),
    -- The price, frozen.
    tariff_version     bigint NOT NULL,
    hourly_rate_minor  bigint NOT NULL CHECK (hourly_rate_minor >= 0),
    amount_minor       bigint NOT NULL CHECK (amount_minor >= 0),
    currency_code      text NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
    -- Until when the driver may decide.
    hold_expire_time   timestamptz NOT NULL,
    -- While a payment is asked for: until when the spot is kept for its answer.
    confirm_until      timestamptz,
    -- The authorisation that was asked for and whose outcome is not known; no other may be asked for meanwhile.
    payment_attempt    uuid,
    -- Set when CreateBooking gave its hold back because of this.
    decline_code       text,
    payment_id         uuid,
    arrive_time        timestamptz,
    leave_time         timestamptz,
    final_amount_minor bigint CHECK (final_amount_minor BETWEEN 0 AND amount_minor),
    -- The one deadline of a live booking: the end of the hold, the no-show, the end of the grace.
    due_time           timestamptz,
    -- Which of the user's holds in the lot it is, from 1: two holds at once cannot pass the limit together.
    hold_slot          smallint NOT NULL CHECK (hold_slot > 0),
    version            bigint NOT NULL CHECK (version > 0),
    create_time        timestamptz NOT NULL,
    -- The guard against double booking. A hold that has lapsed is still in here until somebody reclaims it:
    -- whoever wants its window does.
    CONSTRAINT booking_no_overlap EXCLUDE USING gist (spot_id WITH =, during WITH &&) WHERE (state IN (1, 2, 3)),
    CONSTRAINT booking_window CHECK (NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)
                                     AND lower(during) IS NOT NULL AND upper(during) IS NOT NULL
                                     AND lower(during) <= start_time AND start_time < upper(during)),
    CONSTRAINT booking_due CHECK ((due_time IS NOT NULL) = (state IN (1, 2, 3))),
    CONSTRAINT booking_paid CHECK (payment_id IS NOT NULL OR amount_minor = 0 OR state NOT IN (2, 3, 4, 7)),
    CONSTRAINT booking_stay CHECK ((leave_time IS NULL OR leave_time >= arrive_time)
                                   AND (arrive_time IS NOT NULL) = (state IN (3, 4))
                                   AND (leave_time IS NOT NULL) = (state = 4))
);

CREATE UNIQUE INDEX booking_code_once ON booking (lot_id, code) WHERE state IN (1, 2, 3);
CREATE UNIQUE INDEX booking_hold_slot_once ON booking (user_id, lot_id, hold_slot) WHERE state = 1;
-- What the clockwork looks at.
CREATE INDEX booking_by_due ON booking (due_time) WHERE due_time IS NOT NULL;
-- Whose car may be there already when the window opens.
CREATE INDEX booking_awaited ON booking (start_time) WHERE state = 2;
-- Lists, newest first: ids ascend with time.
CREATE INDEX booking_by_user ON booking (user_id, booking_id);
CREATE INDEX booking_by_lot ON booking (lot_id, booking_id);
-- A kiosk reads a code from a QR.
CREATE INDEX booking_by_code ON booking (code);

-- What stands on a spot, as the sensors say. A fact that is not newer by its version changes nothing.
CREATE TABLE spot_reality (
    spot_id     uuid PRIMARY KEY,
    lot_id      uuid NOT NULL,
    -- NULL while the sensor is silent.
    occupied    boolean,
    version     bigint NOT NULL,
    -- Since when.
    change_time timestamptz NOT NULL
);
