-- The file of a revision stands behind everything else in its row: what stands behind a large
-- value is found by way of all pages of that value, and each change of a rollout asks for it.
CREATE TABLE reordered (
    component TEXT    NOT NULL,
    digest    TEXT    NOT NULL,
    version   TEXT    NOT NULL,
    minisig   TEXT    NOT NULL,
    pushed_at INTEGER NOT NULL,
    pushed_by TEXT    NOT NULL,
    wasm      BLOB    NOT NULL,
    PRIMARY KEY (component, digest)
) STRICT;

-- With the row's number, which is the order in which revisions were pushed.
INSERT INTO reordered (rowid, component, digest, version, minisig, pushed_at, pushed_by, wasm)
SELECT rowid, component, digest, version, minisig, pushed_at, pushed_by, wasm FROM revisions;

DROP TABLE revisions;

ALTER TABLE reordered RENAME TO revisions;
