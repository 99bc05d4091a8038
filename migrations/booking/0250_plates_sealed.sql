-- Plates are sealed before they are written. Those of before are found by this, until there are none; and those of bookings that are long over
-- by the other two. Neither costs a hold more than a look at its plate.
CREATE INDEX booking_plate_bare ON booking (booking_id) WHERE plate <> '' AND NOT starts_with(plate, 'sealed:');
CREATE INDEX booking_plate_over ON booking (start_time) WHERE plate <> '' AND state > 3;
CREATE INDEX waitlist_plate_over ON waitlist_entry (wait_until) WHERE plate <> '' AND state > 2;
