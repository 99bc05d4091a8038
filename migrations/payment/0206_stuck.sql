-- Payments whose intent the clockwork has taken up in vain, since when, and whether their operator was told. A row is of one version of its payment:
-- what has moved since is in no trouble.
CREATE TABLE payment_trouble (
    payment_id uuid PRIMARY KEY REFERENCES payment,
    version    bigint NOT NULL,
    since_time timestamptz NOT NULL,
    -- Once for a payment, whatever it is stuck in later.
    told_time  timestamptz
);

CREATE INDEX payment_trouble_untold ON payment_trouble (since_time) WHERE told_time IS NULL;
