-- What a device says of itself, and whether it has been told that it is suspect.
ALTER TABLE sensor
    -- Changes to come that are of low confidence: the device has started not long ago.
    ADD COLUMN low_confidence smallint NOT NULL DEFAULT 0 CHECK (low_confidence >= 0),
    -- The device says that it does not measure right.
    ADD COLUMN faulty         boolean  NOT NULL DEFAULT false,
    -- The device wants a new battery.
    ADD COLUMN battery_low    boolean  NOT NULL DEFAULT false,
    -- The fact sensor_suspect stands; and how often it was told.
    ADD COLUMN suspect        boolean  NOT NULL DEFAULT false,
    ADD COLUMN suspect_count  bigint   NOT NULL DEFAULT 0;
