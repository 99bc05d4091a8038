-- Which free spot was told to a loser first, and until when no other loser is told it first, in any replica. It may be lost at any
-- time: it only keeps a crowd from running to one spot.
CREATE UNLOGGED TABLE offer (
    spot_id  uuid PRIMARY KEY,
    end_time timestamptz NOT NULL
);
