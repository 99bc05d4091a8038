-- A card's bank may want its owner to act first (3-D Secure). Until then the payment is pending, and this is what it waits for.

ALTER TABLE payment
    -- Whether whoever asked can have the driver do it.
    ADD COLUMN action_allowed     boolean NOT NULL DEFAULT false,
    -- Where the driver does it; forgotten when the outcome is known, for whoever has it can act.
    ADD COLUMN action_url         text,
    -- The provider's id of what waits. Not `provider_id`: nothing is set aside under it yet.
    ADD COLUMN action_provider_id text,
    -- When it is given up.
    ADD COLUMN action_expire_time timestamptz,
    -- Whether it is given up: committed before the provider is told, so that an acceptance that comes in between is given back.
    ADD COLUMN action_ended       boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT payment_action_whole CHECK ((action_url IS NULL) = (action_provider_id IS NULL)
        AND (action_url IS NULL) = (action_expire_time IS NULL) AND (action_url IS NOT NULL OR NOT action_ended)),
    ADD CONSTRAINT payment_action_pending CHECK (action_url IS NULL OR status = 'pending');
