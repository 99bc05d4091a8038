-- The tax that a lot's prices include, in hundredths of a percent, for its receipts.
ALTER TABLE lot ADD COLUMN vat_basis_points integer NOT NULL DEFAULT 0 CHECK (vat_basis_points BETWEEN 0 AND 5000);
