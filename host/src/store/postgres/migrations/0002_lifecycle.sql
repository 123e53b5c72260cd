-- When sessions are over before their time, what a counter gave away, and how many
-- sign-ins failed. As step 3 of SQLite.

ALTER TABLE zeropass.credentials ADD COLUMN suspended_at bigint;
ALTER TABLE zeropass.credentials ADD COLUMN clone_alarm_at bigint;

ALTER TABLE zeropass.sessions ADD COLUMN last_used_at bigint NOT NULL DEFAULT 0;
UPDATE zeropass.sessions SET last_used_at = created_at;

-- Failed sign-ins belong to passkey-manager's duty: a recorded use ends their count.
-- No foreign key: unknown names are counted like known ones.
CREATE TABLE zeropass.failures (
    rp_id        text   NOT NULL,
    -- An account's id, or what stands for the account of an unknown name.
    subject      text   NOT NULL,
    count        bigint NOT NULL,
    -- Of the first one.
    since        bigint NOT NULL,
    locked_until bigint,
    PRIMARY KEY (rp_id, subject)
);

CREATE INDEX failures_since ON zeropass.failures (since);

GRANT UPDATE (backup_eligible, suspended_at, clone_alarm_at)
    ON zeropass.credentials TO zeropass_credentials;
GRANT UPDATE (last_used_at) ON zeropass.sessions TO zeropass_accounts;
GRANT SELECT, INSERT, UPDATE (count, since, locked_until), DELETE
    ON zeropass.failures TO zeropass_credentials;
