-- Cards on file: the provider's token and what may be shown of the card, never a number.

CREATE TABLE payment_method (
    payment_method_id uuid PRIMARY KEY,
    user_id           text NOT NULL CHECK (user_id <> ''),
    request_id        uuid NOT NULL,
    -- SHA-256 of what was asked.
    body_hash         bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    -- The provider's token; forgotten when the card is taken off file.
    token             text,
    brand             text NOT NULL,
    last_four         text NOT NULL CHECK (last_four ~ '^[0-9]{4}$'),
    expiry_month      smallint NOT NULL CHECK (expiry_month BETWEEN 1 AND 12),
    expiry_year       smallint NOT NULL,
    create_time       timestamptz NOT NULL,
    delete_time       timestamptz,
    CHECK ((token IS NULL) = (delete_time IS NOT NULL)),
    CONSTRAINT payment_method_request_once UNIQUE (user_id, request_id)
);

CREATE INDEX payment_method_on_file ON payment_method (user_id, payment_method_id DESC) WHERE delete_time IS NULL;
