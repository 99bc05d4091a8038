-- Where a plate was read, and what the barrier said when its car was let pass.
ALTER TABLE plate_read
    ADD COLUMN lot_id           uuid,
    ADD COLUMN gate_id          text NOT NULL DEFAULT '',
    ADD COLUMN opened           boolean,
    ADD COLUMN acknowledge_time timestamptz;
CREATE UNIQUE INDEX plate_read_once ON plate_read (plate_read_id);
