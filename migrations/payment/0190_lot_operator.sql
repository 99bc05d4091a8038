-- Whose a lot is, beside what receipts say of it. Empty: nobody's, until booking's facts have been heard again.
ALTER TABLE lot ADD COLUMN operator_id text NOT NULL DEFAULT '';
CREATE INDEX lot_by_operator ON lot (operator_id);
