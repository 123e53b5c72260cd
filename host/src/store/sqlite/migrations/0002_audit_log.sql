-- Records are keyed by the log they belong to: each writer has its own, and each log
-- is a tree of its own. Records from before are in the log `unsealed`, which no
-- checkpoint covers.
CREATE TABLE audit_keyed (
    log                TEXT    NOT NULL,
    -- From 1, without a hole.
    seq                INTEGER NOT NULL,
    time               INTEGER NOT NULL,
    request_id         TEXT    NOT NULL,
    workload           TEXT    NOT NULL,
    address            TEXT    NOT NULL,
    component_name     TEXT    NOT NULL,
    component_digest   TEXT    NOT NULL,
    component_revision TEXT    NOT NULL,
    action             TEXT    NOT NULL,
    relying_party      TEXT    NOT NULL,
    target             TEXT    NOT NULL,
    outcome            TEXT    NOT NULL,
    policies           TEXT    NOT NULL,
    PRIMARY KEY (log, seq)
) STRICT;

INSERT INTO audit_keyed
SELECT 'unsealed', row_number() OVER (ORDER BY seq), time, request_id, workload, address,
    component_name, component_digest, component_revision, action, relying_party, target,
    outcome, policies
FROM audit ORDER BY seq;

DROP TABLE audit;
ALTER TABLE audit_keyed RENAME TO audit;

CREATE INDEX audit_time ON audit (time);

-- What is left of records that retention has cut: their leaves.
CREATE TABLE audit_pruned (
    log  TEXT    NOT NULL,
    seq  INTEGER NOT NULL,
    leaf BLOB    NOT NULL CHECK (length(leaf) = 32),
    PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- Only what is older than 365 days, and only when its leaf stays behind.
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
WHEN OLD.time > (unixepoch() - 365 * 86400) * 1000
    OR NOT EXISTS (SELECT 1 FROM audit_pruned p WHERE p.log = OLD.log AND p.seq = OLD.seq)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_pruned_no_update BEFORE UPDATE ON audit_pruned
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_pruned_no_delete BEFORE DELETE ON audit_pruned
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
