-- The oldest passkey of a relying party is found at once, however many there are: answers about
-- unknown names look like it.
CREATE INDEX credentials_age ON credentials (rp_id, created_at, id);
