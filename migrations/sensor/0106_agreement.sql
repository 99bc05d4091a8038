-- How far a sensor agrees with the books and with its neighbours. Apart from `sensor`, whose rows are rewritten with every reading.
CREATE TABLE sensor_agreement (
    sensor_id          uuid             PRIMARY KEY,
    -- Statements of others about its spot that it agreed with, and that it did not; older ones count less.
    agreed             double precision NOT NULL DEFAULT 0 CHECK (agreed >= 0),
    differed           double precision NOT NULL DEFAULT 0 CHECK (differed >= 0),
    -- How often its spot changes, and the usual on its floor; NULL before a second look.
    changes_per_day    double precision CHECK (changes_per_day >= 0),
    neighbours_per_day double precision CHECK (neighbours_per_day >= 0),
    -- What the last look at its changes saw, and when it was.
    seen_version       bigint,
    look_time          timestamptz
);

-- Somebody else than the sensor has said so: when to look whether the sensor agrees.
ALTER TABLE spot_books ADD COLUMN look_time timestamptz;
CREATE INDEX spot_books_look ON spot_books (look_time) WHERE look_time IS NOT NULL;
