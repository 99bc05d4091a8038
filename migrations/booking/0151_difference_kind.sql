-- Whether a price difference is set aside beside what covers its booking, or is the first that covers it: asked the same way however often.
ALTER TABLE price_difference ADD COLUMN additional boolean NOT NULL DEFAULT true;
