-- Kinds of messages come with the facts of other services. Which there are is known to the code, which reads every word back; a second list
-- here would only have to be changed with it.
ALTER TABLE notification DROP CONSTRAINT IF EXISTS notification_kind_check;
ALTER TABLE notification ADD CONSTRAINT notification_kind_check CHECK (kind <> '');
