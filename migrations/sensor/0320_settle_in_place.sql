-- Every reading and every change that settles writes a sensor's row, and while the time to settle was in an index, each such
-- write was one to all other indexes, too. The service knows by itself what settles when; what it does not know of it
-- looks for in the table, once a second.
DROP INDEX sensor_settle;
