-- A log belongs to who can show its secret, which a host derives from the key that seals the log.
-- The certificates of a host's roles, stolen alone, write into no log that is another's, keep none
-- locked, and make no other host stumble over a place that is taken.

ALTER TABLE zeropass.audit_logs ADD COLUMN proof bytea CHECK (length(proof) = 32);

DROP FUNCTION zeropass.open_audit(text);

-- Begin a log, or go on with it; how many records it has, after whatever a host that was killed is
-- still committing. A log from before there were secrets is
-- the first one's that opens it.
CREATE FUNCTION zeropass.open_audit(log_id text, secret bytea) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_size bigint;
BEGIN
    INSERT INTO zeropass.audit_logs (log, size, last_group, proof)
        VALUES (log_id, 0, '-', sha256(secret)) ON CONFLICT (log) DO NOTHING;
    UPDATE zeropass.audit_logs SET proof = sha256(secret) WHERE log = log_id AND proof IS NULL;
    SELECT size INTO found_size FROM zeropass.audit_logs
        WHERE log = log_id AND proof = sha256(secret) FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'audit log % belongs to somebody else', log_id USING ERRCODE = 'ZP002';
    END IF;
    RETURN found_size;
END
$$;

-- As before, for who shows the secret.
CREATE FUNCTION zeropass.append_audit(
    log_id text, secret bytea, group_id text, first bigint, records text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE zeropass.audit_logs
        SET size = size + json_array_length(records::json), last_group = group_id
        WHERE log = log_id AND proof = sha256(secret) AND size = first - 1;
    IF NOT FOUND THEN
        PERFORM 1 FROM zeropass.audit_logs WHERE log = log_id AND proof = sha256(secret);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'audit log % belongs to somebody else', log_id
                USING ERRCODE = 'ZP002';
        END IF;
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
CREATE FUNCTION zeropass.last_audit_group(log_id text, secret bytea) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT last_group FROM zeropass.audit_logs
        WHERE log = log_id AND proof = sha256(secret) FOR UPDATE
$$;

-- Hosts that run already go on as they did, until their successor opens the log: from then on
-- these know it no more.
CREATE OR REPLACE FUNCTION zeropass.append_audit(
    log_id text, group_id text, first bigint, records text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE zeropass.audit_logs
        SET size = size + json_array_length(records::json), last_group = group_id
        WHERE log = log_id AND proof IS NULL AND size = first - 1;
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

CREATE OR REPLACE FUNCTION zeropass.last_audit_group(log_id text) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT last_group FROM zeropass.audit_logs WHERE log = log_id AND proof IS NULL FOR UPDATE
$$;

REVOKE ALL ON FUNCTION zeropass.open_audit(text, bytea) FROM PUBLIC;
REVOKE ALL ON FUNCTION zeropass.append_audit(text, bytea, text, bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION zeropass.last_audit_group(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zeropass.open_audit(text, bytea) TO zeropass_audit_writer;
GRANT EXECUTE ON FUNCTION zeropass.append_audit(text, bytea, text, bigint, text),
    zeropass.last_audit_group(text, bytea)
    TO zeropass_accounts, zeropass_credentials, zeropass_rollouts, zeropass_audit_writer;
