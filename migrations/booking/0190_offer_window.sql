-- A spot that was told to one loser is left to them for their window only: losers of other hours may be told it too. Without this a lot
-- ran out of spots to tell, and a crowd was sent to the same few. The default is what a version before this one means.
ALTER TABLE offer ADD COLUMN during tstzrange NOT NULL DEFAULT tstzrange(NULL, NULL);
