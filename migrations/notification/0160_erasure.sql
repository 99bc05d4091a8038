-- Bookings of persons who were erased: of them nothing is told any more, however late a fact comes.
ALTER TABLE booking_place ADD COLUMN erased boolean NOT NULL DEFAULT false;
