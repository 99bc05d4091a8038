-- Whose a lot is: heard of booking, the newest version. Alerts of a lot go to its operator alone, who alone sees what was sent of it.
CREATE TABLE lot_operator (
    lot_id      uuid PRIMARY KEY,
    operator_id text NOT NULL,
    version     bigint NOT NULL
);
CREATE INDEX lot_operator_by_operator ON lot_operator (operator_id);
