-- The time after a window in which its spot takes no other car: as the lot had it when the booking was made. `during` is the window and
-- this, so that the exclusion constraint guards both.
ALTER TABLE booking ADD COLUMN turnaround_seconds integer NOT NULL DEFAULT 0 CHECK (turnaround_seconds >= 0);
