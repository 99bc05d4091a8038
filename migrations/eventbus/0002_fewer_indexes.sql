-- Every fact is written, and soon after marked as published: each index of the outbox is paid for twice by every command. These
-- two and the pattern guarded nothing that the writers' types and the ids do not; old facts are found at the low end of `seq`.
DROP INDEX outbox_published_at;
ALTER TABLE outbox DROP CONSTRAINT outbox_fact_id_key;
ALTER TABLE outbox DROP CONSTRAINT outbox_fact_type_check;
