-- Whose a lot is: heard of booking, the newest version. Operators act at the lots that they run, whatever their token names.
CREATE TABLE lot (
    lot_id      uuid   PRIMARY KEY,
    operator_id text   NOT NULL,
    version     bigint NOT NULL
);
