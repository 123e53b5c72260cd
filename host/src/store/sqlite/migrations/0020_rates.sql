-- What identities have taken of the requests that they may send, for all front hosts of a back
-- tier together.

CREATE TABLE rates (
    -- A SPIFFE id.
    identity   TEXT    NOT NULL PRIMARY KEY,
    -- When everything that was taken will have been earned back, nanoseconds since the Unix
    -- epoch.
    owed_until INTEGER NOT NULL,
    -- How much the last taking got.
    taken      INTEGER NOT NULL
) STRICT;
