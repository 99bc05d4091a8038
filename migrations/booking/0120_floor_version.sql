-- A floor can be changed from now on, and whoever changes it says which one was seen.
ALTER TABLE floor ADD COLUMN version bigint NOT NULL DEFAULT 1 CHECK (version > 0);
