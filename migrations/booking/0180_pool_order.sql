-- In which order a lot fills its pools: number of parkmesh.booking.v1.PoolOrder, 0 for the default, which the domain knows.
ALTER TABLE lot ADD COLUMN pool_order smallint NOT NULL DEFAULT 0 CHECK (pool_order BETWEEN 0 AND 2);
