-- When a lot is open, and what windows it takes. As with the times of 0101, 0 stands for the default, which the domain knows.
ALTER TABLE lot
    -- A list of {"day": 0 to 6 from Monday, "open": minute, "close": minute}; empty: always open.
    ADD COLUMN opening_hours           jsonb   NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(opening_hours) = 'array'),
    ADD COLUMN shortest_window_seconds integer NOT NULL DEFAULT 0 CHECK (shortest_window_seconds BETWEEN 0 AND 2592000),
    ADD COLUMN longest_window_seconds  integer NOT NULL DEFAULT 0 CHECK (longest_window_seconds BETWEEN 0 AND 2592000),
    ADD COLUMN booking_ahead_seconds   integer NOT NULL DEFAULT 0 CHECK (booking_ahead_seconds BETWEEN 0 AND 31622400),
    ADD COLUMN turnaround_seconds      integer NOT NULL DEFAULT 0 CHECK (turnaround_seconds BETWEEN 0 AND 7200);
