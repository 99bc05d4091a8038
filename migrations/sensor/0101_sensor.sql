-- What the sensor service owns: which device watches which spot, what it last said, what stands
-- there after debouncing, and
-- who spoke without being known.

CREATE TABLE sensor (
    sensor_id          uuid        PRIMARY KEY,
    -- The device's own name on its network. Byte order, so that two writers lock in the same order
    -- whatever the locale.
    device_id          text        COLLATE "C" NOT NULL CHECK (octet_length(device_id) BETWEEN 1 AND 256),
    spot_id            uuid        NOT NULL,
    lot_id             uuid        NOT NULL,
    floor_id           uuid        NOT NULL,
    model              text        NOT NULL,
    firmware           text        NOT NULL,
    heartbeat_seconds  integer     NOT NULL CHECK (heartbeat_seconds > 0),
    create_time        timestamptz NOT NULL,

    -- The newest reading that was applied: what a later one is measured against. NULL before the
    -- first.
    last_seen_time     timestamptz,
    last_boot          bigint      NOT NULL DEFAULT 0,
    last_sequence      bigint,
    last_device_time   timestamptz,
    -- Hashes of the last few message ids, 8 bytes each: for devices that neither count nor have a
    -- clock.
    recent_messages    bytea       NOT NULL DEFAULT '',
    battery_percent    smallint    CHECK (battery_percent BETWEEN 0 AND 100),

    -- What stands there: 1 vacant, 2 occupied, 3 unknown (silent, or never heard).
    state              smallint    NOT NULL CHECK (state BETWEEN 1 AND 3),
    change_time        timestamptz NOT NULL,
    version            bigint      NOT NULL CHECK (version >= 1),

    -- A change that has been heard and has not yet stood for its settle time.
    pending_occupied     boolean,
    pending_change_time  timestamptz,
    pending_receive_time timestamptz,
    settle_time          timestamptz,

    -- Changes that were taken back before they settled, and when the last one was.
    flaps              integer     NOT NULL DEFAULT 0,
    flap_time          timestamptz,

    -- When to look whether the sensor has fallen silent. Moved by that look and not by every
    -- reading, so that a reading
    -- touches no index. NULL: silent already.
    silence_look_time  timestamptz,

    CONSTRAINT sensor_device_once UNIQUE (device_id),
    CONSTRAINT sensor_spot_once UNIQUE (spot_id),
    CONSTRAINT sensor_pending_whole CHECK (
        num_nulls(pending_occupied, pending_change_time, pending_receive_time, settle_time) IN (0, 4)
    ),
    CONSTRAINT sensor_unknown_is_silent CHECK ((state = 3) = (silence_look_time IS NULL))
) WITH (fillfactor = 60);

CREATE INDEX sensor_lot ON sensor (lot_id, device_id);
CREATE INDEX sensor_settle ON sensor (settle_time) WHERE settle_time IS NOT NULL;
CREATE INDEX sensor_silence ON sensor (silence_look_time) WHERE silence_look_time IS NOT NULL;

-- Half of the rows may be rewritten every minute.
ALTER TABLE sensor SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

-- Devices that spoke and that nobody registered, or whose frames make no sense.
CREATE TABLE quarantine (
    -- The device's own name; the topic where no name could be read.
    device_id       text        COLLATE "C" PRIMARY KEY CHECK (octet_length(device_id) BETWEEN 1 AND 2048),
    reason          text        NOT NULL,
    detail          text        NOT NULL CHECK (char_length(detail) <= 512),
    topic           text        NOT NULL CHECK (char_length(topic) <= 512),
    -- The beginning of the last frame.
    payload         bytea       NOT NULL CHECK (octet_length(payload) <= 256),
    frames          bigint      NOT NULL CHECK (frames >= 1),
    first_seen_time timestamptz NOT NULL,
    last_seen_time  timestamptz NOT NULL
);

CREATE INDEX quarantine_newest ON quarantine (last_seen_time, device_id);
