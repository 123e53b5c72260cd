-- Component revisions and rollouts. Times are milliseconds since the Unix epoch.

CREATE TABLE revisions (
    component TEXT    NOT NULL,
    digest    TEXT    NOT NULL,
    version   TEXT    NOT NULL,
    wasm      BLOB    NOT NULL,
    minisig   TEXT    NOT NULL,
    pushed_at INTEGER NOT NULL,
    pushed_by TEXT    NOT NULL,
    PRIMARY KEY (component, digest)
) STRICT;

CREATE TABLE rollouts (
    component     TEXT    NOT NULL PRIMARY KEY,
    epoch         INTEGER NOT NULL,
    stable        TEXT    NOT NULL,
    canary        TEXT,
    canary_weight INTEGER,
    -- A JSON array of digests, the nearest last.
    predecessors  TEXT    NOT NULL
) STRICT;

CREATE TABLE rollout_history (
    component   TEXT    NOT NULL,
    epoch       INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    who         TEXT    NOT NULL,
    what        TEXT    NOT NULL,
    from_digest TEXT    NOT NULL,
    to_digest   TEXT    NOT NULL,
    why         TEXT    NOT NULL,
    PRIMARY KEY (component, epoch)
) STRICT;

CREATE TABLE rollout_hosts (
    host      TEXT    NOT NULL,
    component TEXT    NOT NULL,
    epoch     INTEGER NOT NULL,
    stable    TEXT    NOT NULL,
    canary    TEXT,
    problem   TEXT    NOT NULL,
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (host, component)
) STRICT;
