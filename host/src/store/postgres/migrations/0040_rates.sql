-- What identities have taken of the requests that they may send, for all hosts together. Accounts
-- and sessions are the duty that every host has; a host's own bookkeeping goes with it.

CREATE TABLE zeropass.rates (
    -- A SPIFFE id.
    identity   text   NOT NULL PRIMARY KEY,
    -- When everything that was taken will have been earned back, nanoseconds since the Unix
    -- epoch. Without an index, so that an update changes nothing but its row.
    owed_until bigint NOT NULL,
    -- How much the last taking got.
    taken      bigint NOT NULL
);

GRANT SELECT, INSERT, UPDATE (owed_until, taken), DELETE ON zeropass.rates TO zeropass_accounts;
