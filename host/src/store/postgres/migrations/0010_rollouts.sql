-- Component revisions and rollouts, as in SQLite. They are kept with accounts and sessions,
-- the duty that every host has. What is kept here is trusted no further than its signatures:
-- a host verifies a revision whenever it loads it. History can only be added to.

CREATE TABLE zeropass.revisions (
    component text   NOT NULL,
    digest    text   NOT NULL,
    version   text   NOT NULL,
    wasm      bytea  NOT NULL,
    minisig   text   NOT NULL,
    pushed_at bigint NOT NULL,
    pushed_by text   NOT NULL,
    PRIMARY KEY (component, digest)
);

CREATE TABLE zeropass.rollouts (
    component     text   NOT NULL PRIMARY KEY,
    epoch         bigint NOT NULL,
    stable        text   NOT NULL,
    canary        text,
    canary_weight bigint,
    -- A JSON array of digests, the nearest last.
    predecessors  text   NOT NULL
);

CREATE TABLE zeropass.rollout_history (
    component   text   NOT NULL,
    epoch       bigint NOT NULL,
    time        bigint NOT NULL,
    who         text   NOT NULL,
    what        text   NOT NULL,
    from_digest text   NOT NULL,
    to_digest   text   NOT NULL,
    why         text   NOT NULL,
    PRIMARY KEY (component, epoch)
);

CREATE TABLE zeropass.rollout_hosts (
    host      text   NOT NULL,
    component text   NOT NULL,
    epoch     bigint NOT NULL,
    stable    text   NOT NULL,
    canary    text,
    problem   text   NOT NULL,
    seen_at   bigint NOT NULL,
    PRIMARY KEY (host, component)
);

GRANT SELECT, INSERT, UPDATE (version, minisig), DELETE ON zeropass.revisions
    TO zeropass_accounts;
GRANT SELECT, INSERT, UPDATE (epoch, stable, canary, canary_weight, predecessors)
    ON zeropass.rollouts TO zeropass_accounts;
GRANT SELECT, INSERT ON zeropass.rollout_history TO zeropass_accounts;
GRANT SELECT, INSERT, UPDATE (epoch, stable, canary, problem, seen_at)
    ON zeropass.rollout_hosts TO zeropass_accounts;
