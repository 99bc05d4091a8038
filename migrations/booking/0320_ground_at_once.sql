-- What the sensors say comes by the hundred: their entries are written once for each statement, not one by one.
DROP TRIGGER spot_reality_timeline ON spot_reality;

CREATE OR REPLACE FUNCTION keep_ground() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO timeline (aggregate_id, spot_id, version, fact_type, cause, create_time)
    SELECT told.spot_id, told.spot_id, told.version,
        CASE WHEN told.occupied THEN 'parkmesh.sensor.v1.spot_occupied'
             WHEN NOT told.occupied THEN 'parkmesh.sensor.v1.spot_vacated'
             ELSE 'parkmesh.sensor.v1.sensor_silent' END,
        1, told.change_time
    FROM told;
    RETURN NULL;
END
$$;

CREATE TRIGGER spot_reality_timeline AFTER INSERT ON spot_reality
    REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION keep_ground();
CREATE TRIGGER spot_reality_timeline_again AFTER UPDATE ON spot_reality
    REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION keep_ground();

-- A spot's next state goes into the page of the one before.
ALTER TABLE spot_reality SET (fillfactor = 70);
