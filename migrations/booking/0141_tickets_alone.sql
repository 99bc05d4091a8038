-- Only tickets are in the guard of tickets: a hold of a spot has no entry there to write.
DROP INDEX booking_ticket_once;
CREATE UNIQUE INDEX booking_ticket_once ON booking (allotment_id, ticket_number)
    WHERE state IN (1, 2, 3) AND allotment_id IS NOT NULL;
