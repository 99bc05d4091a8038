-- What there is to book: lots, their tariffs, floors and spots; and the answers already given to writes.
-- Names and numbers sort by bytes (COLLATE "C"): the order of a page must not change with the machine's locale.

CREATE TABLE lot (
    lot_id                 uuid PRIMARY KEY,
    -- Subject of the operator's tokens; nobody else changes the lot.
    operator_id            text NOT NULL,
    name                   text COLLATE "C" NOT NULL,
    address                text NOT NULL,
    latitude               double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude              double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    -- IANA name; checked when written.
    time_zone              text NOT NULL,
    currency_code          text NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
    -- Policy: 0 stands for the default, which the domain knows and may change without touching rows.
    hold_ttl_seconds       integer NOT NULL DEFAULT 0 CHECK (hold_ttl_seconds BETWEEN 0 AND 3600),
    early_arrival_seconds  integer NOT NULL DEFAULT 0 CHECK (early_arrival_seconds BETWEEN 0 AND 7200),
    no_show_seconds        integer NOT NULL DEFAULT 0 CHECK (no_show_seconds BETWEEN 0 AND 86400),
    overstay_grace_seconds integer NOT NULL DEFAULT 0 CHECK (overstay_grace_seconds BETWEEN 0 AND 86400),
    max_holds_per_user     integer NOT NULL DEFAULT 0 CHECK (max_holds_per_user BETWEEN 0 AND 100),
    -- Counts up with every inventory_changed: the version of that fact.
    version                bigint NOT NULL CHECK (version > 0),
    create_time            timestamptz NOT NULL
);

CREATE INDEX lot_by_name ON lot (name, lot_id);

-- Prices. Rows are never changed: a booking keeps the version that it was quoted with.
CREATE TABLE tariff (
    tariff_id         uuid PRIMARY KEY,
    lot_id            uuid NOT NULL REFERENCES lot,
    version           bigint NOT NULL CHECK (version > 0),
    -- Minor units of the currency for one started hour.
    hourly_rate_minor bigint NOT NULL CHECK (hourly_rate_minor >= 0),
    currency_code     text NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
    create_time       timestamptz NOT NULL,
    CONSTRAINT tariff_version_once UNIQUE (lot_id, version)
);

CREATE TABLE floor (
    floor_id     uuid PRIMARY KEY,
    lot_id       uuid NOT NULL REFERENCES lot,
    floor_number integer NOT NULL,
    name         text NOT NULL,
    plan_width   double precision NOT NULL CHECK (plan_width >= 0),
    plan_height  double precision NOT NULL CHECK (plan_height >= 0),
    create_time  timestamptz NOT NULL,
    CONSTRAINT floor_number_once UNIQUE (lot_id, floor_number),
    -- What a spot refers to, so that its lot is always the lot of its floor.
    CONSTRAINT floor_of_lot UNIQUE (floor_id, lot_id)
);

CREATE TABLE spot (
    spot_id        uuid PRIMARY KEY,
    lot_id         uuid NOT NULL,
    floor_id       uuid NOT NULL,
    spot_number    text COLLATE "C" NOT NULL CHECK (spot_number <> ''),
    -- Number of parkmesh.common.v1.SpotType.
    spot_type      smallint NOT NULL CHECK (spot_type > 0),
    out_of_service boolean NOT NULL DEFAULT false,
    plan_x         double precision NOT NULL,
    plan_y         double precision NOT NULL,
    -- Both 0 where the spot is not surveyed.
    latitude       double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude      double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    -- Changes with the spot's own state, not with its bookings: the version of spot_state_changed, and what a hold checks.
    version        bigint NOT NULL CHECK (version > 0),
    create_time    timestamptz NOT NULL,
    CONSTRAINT spot_number_once UNIQUE (lot_id, spot_number),
    CONSTRAINT spot_on_floor FOREIGN KEY (floor_id, lot_id) REFERENCES floor (floor_id, lot_id)
);

-- Pages of one floor, and the search of a pool on its preferred floor.
CREATE INDEX spot_by_floor ON spot (floor_id, spot_number, spot_id);
-- A pool: every spot of a type in a lot.
CREATE INDEX spot_by_pool ON spot (lot_id, spot_type, spot_number) WHERE NOT out_of_service;

-- Answers already given: the same request id with the same body gives the first answer again.
-- The key holds the caller, so that nobody can meet or guess another's requests.
CREATE TABLE request (
    subject     text NOT NULL,
    request_id  uuid NOT NULL,
    -- Name of the RPC, `CreateLot`.
    method      text NOT NULL,
    -- SHA-256 of method and request.
    body_hash   bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    -- The encoded response.
    response    bytea NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (subject, request_id)
);

CREATE INDEX request_by_age ON request (create_time);
