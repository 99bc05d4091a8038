-- What receipts say of a lot: heard of booking, the newest version.
CREATE TABLE lot (
    lot_id           uuid PRIMARY KEY,
    address          text NOT NULL,
    -- Tax that prices include, in hundredths of a percent.
    vat_basis_points integer NOT NULL CHECK (vat_basis_points BETWEEN 0 AND 5000),
    version          bigint NOT NULL
);

-- As it was when the receipt was written.
ALTER TABLE receipt
    ADD COLUMN lot_address      text NOT NULL DEFAULT '',
    ADD COLUMN vat_basis_points integer NOT NULL DEFAULT 0 CHECK (vat_basis_points BETWEEN 0 AND 5000);
