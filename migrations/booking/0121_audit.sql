-- What operators did: one row for each object that a call changed, written in the transaction of the change.
CREATE TABLE audit_entry (
    -- Ascends with time: the newest entry has the greatest.
    entry_id    uuid PRIMARY KEY,
    lot_id      uuid NOT NULL,
    -- Subject of the operator's token.
    actor       text NOT NULL,
    -- Name of the RPC, `UpdateLot`.
    action      text NOT NULL,
    -- What was changed: `lot`, `floor`, `spot`, `closure`, …
    object_type text NOT NULL,
    object_id   uuid NOT NULL,
    -- As it was, NULL for what was made; as it is then, NULL for what was removed.
    before      jsonb,
    after       jsonb,
    create_time timestamptz NOT NULL
);

CREATE INDEX audit_entry_by_lot ON audit_entry (lot_id, entry_id);
CREATE INDEX audit_entry_by_object ON audit_entry (object_id, entry_id);

-- A record that could be changed would prove nothing. The service owns the table, so it is a trigger that says no, not a grant.
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_entry_stands BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
