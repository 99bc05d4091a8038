-- What a message may be about is the code's list, which grows with every fact that people are told of.
ALTER TABLE notification DROP CONSTRAINT notification_kind_check;
ALTER TABLE notification ADD CONSTRAINT notification_kind CHECK (kind <> '');
