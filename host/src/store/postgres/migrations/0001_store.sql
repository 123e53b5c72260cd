-- The first schema, made by the migrator as the owner, in the schema `zeropass` that
-- `zeropass store roles` has prepared. Times are milliseconds since the Unix epoch, lists are
-- JSON arrays in text, as in SQLite. Every key begins with the relying party.
--
-- Each role gets what its duty needs and no more; grants.txt lists it, and the host compares
-- that list with the catalog whenever it starts.

GRANT SELECT ON zeropass._sqlx_migrations
    TO zeropass_accounts, zeropass_credentials, zeropass_audit_writer, zeropass_audit_reader;

-- Accounts and sessions: the duty of auth-service.

CREATE TABLE zeropass.accounts (
    rp_id        text   NOT NULL,
    id           text   NOT NULL,
    name         text   NOT NULL,
    display_name text   NOT NULL,
    status       text   NOT NULL CHECK (status IN ('pending', 'active')),
    created_at   bigint NOT NULL,
    PRIMARY KEY (rp_id, id)
);

-- Pending accounts may share a name, so that nobody can reserve one by starting.
CREATE UNIQUE INDEX accounts_active_name ON zeropass.accounts (rp_id, name)
    WHERE status = 'active';
CREATE INDEX accounts_pending ON zeropass.accounts (created_at) WHERE status = 'pending';

CREATE TABLE zeropass.sessions (
    rp_id         text    NOT NULL,
    id            text    NOT NULL,
    user_id       text    NOT NULL,
    -- No foreign key: a session outlives its passkey's removal in the books.
    credential_id bytea   NOT NULL,
    created_at    bigint  NOT NULL,
    expires_at    bigint  NOT NULL,
    revoked_at    bigint,
    user_verified boolean NOT NULL,
    PRIMARY KEY (rp_id, id)
);

CREATE INDEX sessions_expiry ON zeropass.sessions (expires_at);

GRANT SELECT, INSERT, UPDATE (status) ON zeropass.accounts TO zeropass_accounts;
GRANT SELECT, INSERT, UPDATE (revoked_at), DELETE ON zeropass.sessions TO zeropass_accounts;

-- Credentials and ceremonies: the duty of passkey-manager.

CREATE TABLE zeropass.credentials (
    rp_id              text    NOT NULL,
    id                 bytea   NOT NULL,
    user_id            text    NOT NULL,
    label              text    NOT NULL,
    status             text    NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at         bigint  NOT NULL,
    last_used_at       bigint,
    public_key         bytea   NOT NULL,
    algorithm          bigint  NOT NULL,
    sign_count         bigint  NOT NULL,
    aaguid             bytea   NOT NULL,
    transports         text    NOT NULL,
    backup_eligible    boolean NOT NULL,
    backup_state       boolean NOT NULL,
    user_verified      boolean NOT NULL,
    discoverable       boolean,
    attestation_format text    NOT NULL,
    PRIMARY KEY (rp_id, id),
    FOREIGN KEY (rp_id, user_id) REFERENCES zeropass.accounts (rp_id, id)
);

CREATE INDEX credentials_user ON zeropass.credentials (rp_id, user_id, created_at);

CREATE TABLE zeropass.ceremonies (
    rp_id             text   NOT NULL,
    id                text   NOT NULL,
    kind              text   NOT NULL CHECK (kind IN ('registration', 'authentication')),
    challenge         bytea  NOT NULL,
    expires_at        bigint NOT NULL,
    -- Kept after use until it is swept, so that reuse is told from no such ceremony.
    used_at           bigint,
    user_id           text,
    user_name         text,
    user_display_name text,
    user_verification text   NOT NULL,
    resident_key      text   NOT NULL,
    attestation       text   NOT NULL,
    algorithms        text   NOT NULL,
    credentials       text   NOT NULL,
    extensions        text   NOT NULL,
    PRIMARY KEY (rp_id, id)
);

CREATE INDEX ceremonies_expiry ON zeropass.ceremonies (expires_at);
CREATE INDEX ceremonies_user ON zeropass.ceremonies (rp_id, user_id) WHERE user_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE (label, status, last_used_at, sign_count, backup_state), DELETE
    ON zeropass.credentials TO zeropass_credentials;
GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON zeropass.ceremonies TO zeropass_credentials;

-- Whether an account owns something is for both duties to know together: neither role sees the
-- other's tables, so the owner's function looks. A ceremony that is kept keeps its account: it
-- may be finishing just now. An account that somebody is using is left for the next time.
CREATE FUNCTION zeropass.sweep_accounts(before bigint, batch bigint) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH stale AS (
        SELECT a.rp_id, a.id FROM zeropass.accounts a
        WHERE a.status = 'pending' AND a.created_at < before
            AND NOT EXISTS (SELECT 1 FROM zeropass.credentials c
                WHERE c.rp_id = a.rp_id AND c.user_id = a.id)
            AND NOT EXISTS (SELECT 1 FROM zeropass.ceremonies y
                WHERE y.rp_id = a.rp_id AND y.user_id = a.id)
        ORDER BY a.created_at LIMIT batch FOR UPDATE OF a SKIP LOCKED
    ), gone AS (
        DELETE FROM zeropass.accounts a USING stale s
        WHERE a.rp_id = s.rp_id AND a.id = s.id RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION zeropass.sweep_accounts(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zeropass.sweep_accounts(bigint, bigint) TO zeropass_accounts;

-- The audit logs, one for each host. `-` stands where there is nothing to say.

-- The head of each log: how many records it has, and which group of changes came last. A host
-- whose commit got no answer finds out here what became of it.
CREATE TABLE zeropass.audit_logs (
    log        text   PRIMARY KEY,
    size       bigint NOT NULL,
    last_group text   NOT NULL
);

CREATE TABLE zeropass.audit (
    log                text   NOT NULL,
    seq                bigint NOT NULL,
    time               bigint NOT NULL,
    request_id         text   NOT NULL,
    workload           text   NOT NULL,
    address            text   NOT NULL,
    component_name     text   NOT NULL,
    component_digest   text   NOT NULL,
    component_revision text   NOT NULL,
    action             text   NOT NULL,
    relying_party      text   NOT NULL,
    target             text   NOT NULL,
    outcome            text   NOT NULL,
    policies           text   NOT NULL,
    PRIMARY KEY (log, seq)
);

CREATE INDEX audit_time ON zeropass.audit (time);

-- What is left of records that retention has cut: their leaves.
CREATE TABLE zeropass.audit_pruned (
    log  text   NOT NULL,
    seq  bigint NOT NULL,
    leaf bytea  NOT NULL CHECK (length(leaf) = 32),
    PRIMARY KEY (log, seq)
);

-- For the owner, whom no grant holds back: a mistake is refused. Only what is older than 365
-- days may go, and only when its leaf stays behind.
CREATE FUNCTION zeropass.audit_is_append_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit' THEN
        IF OLD.time <= (extract(epoch FROM now())::bigint - 365 * 86400) * 1000 AND EXISTS (
            SELECT FROM zeropass.audit_pruned p WHERE p.log = OLD.log AND p.seq = OLD.seq)
        THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
REVOKE ALL ON FUNCTION zeropass.audit_is_append_only() FROM PUBLIC;
CREATE TRIGGER audit_rows_stay BEFORE UPDATE OR DELETE ON zeropass.audit
    FOR EACH ROW EXECUTE FUNCTION zeropass.audit_is_append_only();
CREATE TRIGGER audit_stays BEFORE TRUNCATE ON zeropass.audit
    FOR EACH STATEMENT EXECUTE FUNCTION zeropass.audit_is_append_only();
CREATE TRIGGER audit_pruned_rows_stay BEFORE UPDATE OR DELETE ON zeropass.audit_pruned
    FOR EACH ROW EXECUTE FUNCTION zeropass.audit_is_append_only();
CREATE TRIGGER audit_pruned_stays BEFORE TRUNCATE ON zeropass.audit_pruned
    FOR EACH STATEMENT EXECUTE FUNCTION zeropass.audit_is_append_only();

-- No role that runs may touch the tables of the log: these functions are the only way in.

-- Begin a log, or go on with it; how many records it has.
CREATE FUNCTION zeropass.open_audit(log_id text) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO zeropass.audit_logs VALUES (log_id, 0, '-') ON CONFLICT (log) DO NOTHING;
    SELECT size FROM zeropass.audit_logs WHERE log = log_id
$$;

-- Records in consecutive places from `first` on, each the JSON array of its columns. The lock on
-- the head holds until the commit; a place that is not the next one is refused: nobody
-- else may write this log.
CREATE FUNCTION zeropass.append_audit(log_id text, group_id text, first bigint, records text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE zeropass.audit_logs
        SET size = size + json_array_length(records::json), last_group = group_id
        WHERE log = log_id AND size = first - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'audit log %: place % is not the next one', log_id, first
            USING ERRCODE = 'ZP001';
    END IF;
    INSERT INTO zeropass.audit
    SELECT log_id, first + place - 1, (r ->> 0)::bigint, r ->> 1, r ->> 2, r ->> 3, r ->> 4,
        r ->> 5, r ->> 6, r ->> 7, r ->> 8, r ->> 9, r ->> 10, r ->> 11
    FROM json_array_elements(records::json) WITH ORDINALITY AS one (r, place);
END
$$;

-- Waits for a group that is committing just now.
CREATE FUNCTION zeropass.last_audit_group(log_id text) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT last_group FROM zeropass.audit_logs WHERE log = log_id FOR UPDATE
$$;

REVOKE ALL ON FUNCTION zeropass.open_audit(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION zeropass.append_audit(text, text, bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION zeropass.last_audit_group(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zeropass.open_audit(text) TO zeropass_audit_writer;
GRANT EXECUTE ON FUNCTION zeropass.append_audit(text, text, bigint, text),
    zeropass.last_audit_group(text)
    TO zeropass_accounts, zeropass_credentials, zeropass_audit_writer;
GRANT SELECT ON zeropass.audit, zeropass.audit_logs, zeropass.audit_pruned
    TO zeropass_audit_reader;
