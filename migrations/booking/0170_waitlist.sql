-- Who waits for a place of a pool that is sold out. What becomes free goes to the line before anybody else may have it: the statement of a
-- hold asks `spot_awaited`, and the line's own writer (`app/waitlist/serve.rs`) makes the offers.

ALTER TABLE lot
    -- Somebody waits in the lot, or has an offer that stands. The statement of a hold reads the lot anyway: where nobody waits, the
    -- waitlist costs it nothing. Set by whoever joins, taken back when the last has gone, both under the lot's lock.
    ADD COLUMN has_waiting        boolean NOT NULL DEFAULT false,
    -- Policy, as in 0101: 0 stands for the default.
    ADD COLUMN offer_ttl_seconds  integer NOT NULL DEFAULT 0 CHECK (offer_ttl_seconds BETWEEN 0 AND 3600),
    ADD COLUMN max_waits_per_user integer NOT NULL DEFAULT 0 CHECK (max_waits_per_user BETWEEN 0 AND 20);
CREATE INDEX lot_with_waiting ON lot (lot_id) WHERE has_waiting;

-- States are numbers of parkmesh.booking.v1.WaitlistState: 1 waiting, 2 offered, 3 taken, 4 expired, 5 left.
CREATE TABLE waitlist_entry (
    entry_id           uuid PRIMARY KEY,
    -- The order of joining: given under the lot's lock, so that of two entries of a lot the earlier has the lower number.
    place              bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    lot_id             uuid NOT NULL,
    spot_type          smallint NOT NULL CHECK (spot_type > 0),
    preferred_floor_id uuid,
    user_id            text NOT NULL,
    plate              text NOT NULL,
    disability_permit  boolean NOT NULL,
    during             tstzrange NOT NULL CHECK (NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)),
    -- Until when the window could still be held.
    wait_until         timestamptz NOT NULL,
    state              smallint NOT NULL CHECK (state BETWEEN 1 AND 5),
    -- Number of parkmesh.booking.v1.WaitlistEndReason.
    end_reason         smallint CHECK (end_reason > 0),
    -- The newest offer, and how many there have been.
    booking_id         uuid,
    offers             integer NOT NULL DEFAULT 0,
    -- Number of parkmesh.booking.v1.WaitlistPassedReason.
    passed_reason      smallint CHECK (passed_reason > 0),
    passed_time        timestamptz,
    -- What the lot's rules refuse claims nothing: until then, or until the lot changes.
    paused_until       timestamptz,
    paused_lot_version bigint,
    -- When the whole pool is searched for it again: the net under everything that tells of a place becoming free.
    next_search_time   timestamptz NOT NULL,
    join_time          timestamptz NOT NULL,
    CONSTRAINT waitlist_offer CHECK (state NOT IN (2, 3) OR booking_id IS NOT NULL),
    CONSTRAINT waitlist_end CHECK ((end_reason IS NOT NULL) = (state IN (4, 5))),
    CONSTRAINT waitlist_passed CHECK ((passed_reason IS NULL) = (passed_time IS NULL)),
    CONSTRAINT waitlist_paused CHECK ((paused_until IS NULL) = (paused_lot_version IS NULL))
);

-- The lines.
CREATE INDEX waitlist_line ON waitlist_entry (lot_id, spot_type, place) WHERE state IN (1, 2);
-- Whose window a hold would meet.
CREATE INDEX waitlist_wanting ON waitlist_entry USING gist (lot_id, spot_type, during) WHERE state = 1;
-- What the clockwork looks at.
CREATE INDEX waitlist_by_search ON waitlist_entry (next_search_time) WHERE state = 1;
CREATE INDEX waitlist_by_end ON waitlist_entry (wait_until) WHERE state = 1;
-- Lists, newest first: ids ascend with time.
CREATE INDEX waitlist_by_user ON waitlist_entry (user_id, entry_id);
CREATE INDEX waitlist_by_lot ON waitlist_entry (lot_id, entry_id);

-- What has become free in lots where somebody waits, until it has been offered. Only ever added to and taken from: whoever frees a spot
-- waits for nobody.
CREATE TABLE waitlist_freed (
    mark_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot_id  uuid NOT NULL,
    -- NULL: anything in the lot, because its rules have changed.
    spot_id uuid,
    -- NULL: at any time.
    during  tstzrange
);
CREATE INDEX waitlist_freed_by_lot ON waitlist_freed (lot_id);

-- The entry that an offer is for; NULL for what was asked for.
ALTER TABLE booking ADD COLUMN waitlist_entry_id uuid;

-- Whether the line has a claim on this spot for all that somebody else would keep (the window with the turnaround after it): an entry waits
-- that meets it and that this spot would fit. It is STABLE, so that it sees what the statement that calls it sees.
--
-- What holds the spot in the wish of the other at this moment counts as free for the entry: should it go away before the statement has
-- written, the entry was there first. So a hold is only let pass where something else keeps the entry out, and then it takes its spot as of
-- the beginning of its statement.
CREATE FUNCTION spot_awaited(wanted_spot_id uuid, wanted tstzrange) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM spot
        JOIN lot ON lot.lot_id = spot.lot_id
        JOIN waitlist_entry AS entry ON entry.lot_id = spot.lot_id AND entry.spot_type = spot.spot_type AND entry.state = 1
         AND entry.during && tstzrange(lower(wanted) - make_interval(secs => lot.turnaround_seconds), upper(wanted), '[)')
        WHERE spot.spot_id = wanted_spot_id AND entry.wait_until > park_now()
          AND (entry.paused_lot_version = lot.version AND entry.paused_until > park_now()) IS NOT TRUE
          AND NOT EXISTS (SELECT FROM closure
            WHERE closure.lot_id = spot.lot_id AND tstzrange(closure.start_time, closure.end_time, '[)') && entry.during
              AND coalesce(closure.floor_id, spot.floor_id) = spot.floor_id
              AND coalesce(closure.spot_id, spot.spot_id) = spot.spot_id
            OFFSET 0)
          AND (
            NOT EXISTS (SELECT FROM booking AS other
                WHERE other.spot_id = spot.spot_id AND other.state IN (1, 2, 3)
                  AND (other.state <> 1 OR other.due_time > park_now())
                  AND other.during && tstzrange(lower(entry.during),
                      upper(entry.during) + make_interval(secs => lot.turnaround_seconds), '[)')
                OFFSET 0)
            OR EXISTS (SELECT FROM booking AS other
                WHERE other.spot_id = spot.spot_id AND other.state IN (1, 2, 3)
                  AND (other.state <> 1 OR other.due_time > park_now())
                  AND other.during && wanted
                OFFSET 0)));
END
$$;

-- Notes what a booking gives free. A trigger, because then no way of giving a spot back can be forgotten, also not the statement of a hold
-- that ends a lapsed one.
CREATE FUNCTION note_freed_booking() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (SELECT FROM lot WHERE lot.lot_id = OLD.lot_id AND lot.has_waiting) THEN
        -- A booking that is moved may stand nowhere for a moment.
        INSERT INTO waitlist_freed (lot_id, spot_id, during)
        SELECT spot.lot_id, spot.spot_id, OLD.during FROM spot WHERE spot.spot_id = OLD.spot_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER booking_freed AFTER UPDATE ON booking FOR EACH ROW
    WHEN (OLD.state IN (1, 2, 3) AND OLD.spot_id IS NOT NULL
        AND (NEW.state NOT IN (1, 2, 3) OR NEW.during <> OLD.during OR NEW.spot_id IS DISTINCT FROM OLD.spot_id))
    EXECUTE FUNCTION note_freed_booking();

-- New spots, and those that are back in service or of another type.
CREATE FUNCTION note_freed_spots() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO waitlist_freed (lot_id, spot_id)
    SELECT fresh.lot_id, fresh.spot_id FROM fresh JOIN lot ON lot.lot_id = fresh.lot_id
    WHERE lot.has_waiting AND NOT fresh.out_of_service;
    RETURN NULL;
END
$$;
CREATE TRIGGER spot_made_free AFTER INSERT ON spot
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note_freed_spots();
CREATE TRIGGER spot_changed_free AFTER UPDATE ON spot
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note_freed_spots();

-- Closures, hours and limits count the lot's version up.
CREATE FUNCTION note_changed_lot() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO waitlist_freed (lot_id) VALUES (NEW.lot_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER lot_changed_free AFTER UPDATE ON lot FOR EACH ROW
    WHEN (NEW.has_waiting AND NEW.version <> OLD.version) EXECUTE FUNCTION note_changed_lot();

-- What became of an offer is what became of its entry, whoever decided it: a confirmation, a cancellation, the clockwork, or the statement of
-- a hold that found it lapsed. An offer that the operator takes back (cause 4) leaves the driver in line.
CREATE FUNCTION note_ended_offer() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    is_withdrawn constant boolean := NEW.state = 5 AND told_cause() = 4;
BEGIN
    UPDATE waitlist_entry
    SET state = CASE WHEN is_withdrawn THEN 1 WHEN NEW.state IN (2, 3) THEN 3 WHEN NEW.state = 6 THEN 4 ELSE 5 END,
        end_reason = CASE WHEN is_withdrawn OR NEW.state IN (2, 3) THEN NULL WHEN NEW.state = 6 THEN 1 ELSE 4 END,
        passed_reason = CASE WHEN is_withdrawn THEN 4 ELSE passed_reason END,
        passed_time = CASE WHEN is_withdrawn THEN park_now() ELSE passed_time END
    WHERE entry_id = NEW.waitlist_entry_id AND booking_id = NEW.booking_id AND state = 2;
    RETURN NULL;
END
$$;
CREATE TRIGGER booking_offer_ended AFTER UPDATE ON booking FOR EACH ROW
    WHEN (NEW.waitlist_entry_id IS NOT NULL AND OLD.state = 1 AND NEW.state <> 1)
    EXECUTE FUNCTION note_ended_offer();
