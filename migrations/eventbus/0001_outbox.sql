-- The tables that every service has in its own schema for its facts. The search_path says which schema.
-- Numbers 0001 to 0099 belong to eventbus; a service's own migrations begin at 0101.

-- Facts that a service has committed together with the change they tell of. The relay publishes
-- them and keeps them for a day, so that a stream that lost its tail can be filled again.
CREATE TABLE outbox (
    -- The order of publishing. Not the order of commits; per aggregate it is, because an
    -- aggregate's facts are written under its row lock.
    seq             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fact_id         uuid        NOT NULL UNIQUE,
    aggregate_id    uuid        NOT NULL,
    -- Version of the aggregate after the fact.
    version         bigint      NOT NULL CHECK (version >= 0),
    fact_type       text        NOT NULL CHECK (fact_type ~ '^[a-z0-9_]+(\.[a-z0-9_]+)+$'),
    -- Text of the lot, empty for a fact that belongs to none.
    lot_id          text        NOT NULL,
    -- The limit keeps a fact with its headers below the bus's largest message (1 MiB): what could
    -- never be published must not be committed.
    body            bytea       NOT NULL CHECK (octet_length(body) <= 917504),
    -- W3C trace context of the call that caused the fact.
    trace_parent    text,
    create_time     timestamptz NOT NULL,
    -- NULL until the stream has acknowledged it.
    publish_time    timestamptz,
    stream          text,
    stream_sequence bigint,
    -- One command may tell several facts of one version, but each only once.
    UNIQUE (aggregate_id, version, fact_type),
    CHECK ((publish_time IS NULL) = (stream_sequence IS NULL)),
    CHECK ((publish_time IS NULL) = (stream IS NULL))
);

CREATE INDEX outbox_unpublished ON outbox (seq) WHERE publish_time IS NULL;
-- To find what a stream has lost, and what is old enough to go.
CREATE INDEX outbox_published ON outbox (stream, stream_sequence) WHERE publish_time IS NOT NULL;
CREATE INDEX outbox_published_at ON outbox (publish_time) WHERE publish_time IS NOT NULL;

-- The outbox is a queue: most of its rows die within a day.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Facts that a consumer of this service has acted on. Written in the transaction of the effect.
CREATE TABLE inbox (
    consumer    text        NOT NULL,
    fact_id     uuid        NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (consumer, fact_id)
);

CREATE INDEX inbox_create_time ON inbox (create_time);

-- How far each stream had acknowledged us, and which incarnation of it that was. A stream that
-- shows another creation time or an older end has lost facts.
CREATE TABLE stream_position (
    stream         text        PRIMARY KEY,
    -- Nanoseconds since 1970, as the server says.
    stream_created_ns bigint   NOT NULL,
    last_sequence  bigint      NOT NULL CHECK (last_sequence >= 0),
    update_time    timestamptz NOT NULL
);
