-- The first schema. Times are milliseconds since the Unix epoch, lists are JSON
-- arrays. Every key begins with the relying party: what belongs to one can
-- neither be seen nor collide with what belongs to another.

CREATE TABLE accounts (
    rp_id        TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    display_name TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('pending', 'active')),
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (rp_id, id)
) STRICT;

-- Pending accounts may share a name, so that nobody can reserve one by starting.
CREATE UNIQUE INDEX accounts_active_name ON accounts (rp_id, name) WHERE status = 'active';
CREATE INDEX accounts_pending ON accounts (created_at) WHERE status = 'pending';

CREATE TABLE credentials (
    rp_id              TEXT    NOT NULL,
    id                 BLOB    NOT NULL,
    user_id            TEXT    NOT NULL,
    label              TEXT    NOT NULL,
    status             TEXT    NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at         INTEGER NOT NULL,
    last_used_at       INTEGER,
    public_key         BLOB    NOT NULL,
    algorithm          INTEGER NOT NULL,
    sign_count         INTEGER NOT NULL,
    aaguid             BLOB    NOT NULL,
    transports         TEXT    NOT NULL,
    backup_eligible    INTEGER NOT NULL,
    backup_state       INTEGER NOT NULL,
    user_verified      INTEGER NOT NULL,
    discoverable       INTEGER,
    attestation_format TEXT    NOT NULL,
    PRIMARY KEY (rp_id, id),
    FOREIGN KEY (rp_id, user_id) REFERENCES accounts (rp_id, id)
) STRICT;

CREATE INDEX credentials_user ON credentials (rp_id, user_id, created_at);

CREATE TABLE ceremonies (
    rp_id             TEXT    NOT NULL,
    id                TEXT    NOT NULL,
    kind              TEXT    NOT NULL CHECK (kind IN ('registration', 'authentication')),
    challenge         BLOB    NOT NULL,
    expires_at        INTEGER NOT NULL,
    -- Kept after use until it is swept, so that reuse is told from no such ceremony.
    used_at           INTEGER,
    user_id           TEXT,
    user_name         TEXT,
    user_display_name TEXT,
    user_verification TEXT    NOT NULL,
    resident_key      TEXT    NOT NULL,
    attestation       TEXT    NOT NULL,
    algorithms        TEXT    NOT NULL,
    credentials       TEXT    NOT NULL,
    extensions        TEXT    NOT NULL,
    PRIMARY KEY (rp_id, id)
) STRICT;

CREATE INDEX ceremonies_expiry ON ceremonies (expires_at);
CREATE INDEX ceremonies_user ON ceremonies (rp_id, user_id) WHERE user_id IS NOT NULL;

CREATE TABLE sessions (
    rp_id         TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    user_id       TEXT    NOT NULL,
    -- No foreign key: a session outlives its passkey's removal in the books.
    credential_id BLOB    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    revoked_at    INTEGER,
    user_verified INTEGER NOT NULL,
    PRIMARY KEY (rp_id, id)
) STRICT;

CREATE INDEX sessions_expiry ON sessions (expires_at);

-- The audit log. `-` stands where there is nothing to say.
CREATE TABLE audit (
    seq                INTEGER PRIMARY KEY AUTOINCREMENT,
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
    policies           TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
