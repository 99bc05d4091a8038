-- Holds whose driver does what the card's bank asks for (3-D Secure): what is needed to go on by itself when that is done.

CREATE TABLE payment_action (
    booking_id     uuid PRIMARY KEY,
    -- Names the authorisation; the same is asked what came of it.
    attempt        uuid NOT NULL,
    -- The provider's token: a repeated request is the same request only with it.
    payment_method text NOT NULL,
    -- The request that waits, to answer as it.
    subject        text NOT NULL,
    request_id     uuid NOT NULL,
    -- Whether a refusal gives the spot back: it was held by the same call.
    gives_up       boolean NOT NULL,
    -- When payment is asked next.
    due_time       timestamptz NOT NULL
);

CREATE INDEX payment_action_due ON payment_action (due_time);
