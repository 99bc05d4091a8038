-- A live booking is found by its code in the index that keeps codes unique, and need not be written into a second one: that is for those that
-- are over.
DROP INDEX booking_by_code;
DROP INDEX booking_code_once;
CREATE UNIQUE INDEX booking_code_once ON booking (code, lot_id) WHERE state IN (1, 2, 3);
CREATE INDEX booking_by_code ON booking (code) WHERE state NOT IN (1, 2, 3);
