-- What a stream has lost is looked for hardly ever, and among the facts of a day: every fact paid for an index of it, when it was marked.
DROP INDEX outbox_published;
