-- Cars that are in a lot, or have driven out not long ago: whose plate a gate reads is one of them.
CREATE INDEX booking_in_lot ON booking (lot_id) WHERE state IN (2, 3) AND plate <> '';
CREATE INDEX booking_left ON booking (lot_id, leave_time) WHERE state = 4 AND plate <> '';
