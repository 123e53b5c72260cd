-- When sessions are over before their time, what a counter gave away, and how many
-- sign-ins failed.

ALTER TABLE credentials ADD COLUMN suspended_at INTEGER;
ALTER TABLE credentials ADD COLUMN clone_alarm_at INTEGER;

ALTER TABLE sessions ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET last_used_at = created_at;

-- No foreign key: unknown names are counted like known ones.
CREATE TABLE failures (
    rp_id        TEXT    NOT NULL,
    -- An account's id, or what stands for the account of an unknown name.
    subject      TEXT    NOT NULL,
    count        INTEGER NOT NULL,
    -- Of the first one.
    since        INTEGER NOT NULL,
    locked_until INTEGER,
    PRIMARY KEY (rp_id, subject)
) STRICT;

CREATE INDEX failures_since ON failures (since);
