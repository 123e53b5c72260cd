-- The roles of zeropass in PostgreSQL 15 or later, as `zeropass store roles` prints them.
--
-- Review this, then run it once as an administrator in the (empty) database that shall hold
-- the store; running it again changes nothing. It makes roles and a schema, no tables: those
-- are made by `zeropass store migrate`, and so are the grants on them, which are listed at the end.
--
-- Every role logs in with a client certificate whose common name is the role's name. In
-- pg_hba.conf, for the network that the hosts are in:
--
--   hostssl  DATABASE  zeropass_migrator,zeropass_accounts,zeropass_credentials,zeropass_rollouts,zeropass_audit_writer,zeropass_audit_reader  NETWORK  cert
--
-- and in postgresql.conf: ssl = on, ssl_min_protocol_version = 'TLSv1.3', ssl_ca_file = the
-- authority of these certificates.

DO $roles$
DECLARE
    login text;
BEGIN
    -- Owns the schema and everything in it. Nobody logs in as it.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'zeropass_owner') THEN
        CREATE ROLE zeropass_owner NOLOGIN;
    END IF;
    -- zeropass_migrator:     `zeropass store migrate`; becomes the owner. No host has it.
    -- zeropass_accounts:     accounts and sessions, for auth-service; what workloads have asked.
    -- zeropass_credentials:  credentials and ceremonies, for passkey-manager.
    -- zeropass_rollouts:     component revisions and which of them serve, for the host.
    -- zeropass_audit_writer: adds audit records, and nothing else.
    -- zeropass_audit_reader: reads audit records, and nothing else.
    FOREACH login IN ARRAY ARRAY['zeropass_migrator', 'zeropass_accounts',
        'zeropass_credentials', 'zeropass_rollouts', 'zeropass_audit_writer',
        'zeropass_audit_reader']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', login);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), login);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END
$roles$;

GRANT zeropass_owner TO zeropass_migrator;

-- Nothing of zeropass is in the schema `public`, and its roles have no business there.
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS zeropass AUTHORIZATION zeropass_owner;
GRANT USAGE ON SCHEMA zeropass TO zeropass_accounts, zeropass_credentials, zeropass_rollouts,
    zeropass_audit_writer, zeropass_audit_reader;
