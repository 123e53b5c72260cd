//! Least privilege, checked: what a role may do is exactly what `grants.txt` lists.
//!
//! The database says what is granted; the host compares when it starts and refuses to
//! run with anything else. Looked at are the role's attributes, its memberships, what it
//! owns, and every grant to it or to everybody on the database, on schemas, and on the tables,
//! columns and functions that it can reach. What everybody has on the system's own things is
//! compared with what it was when the database was made (`pg_init_privs`).

use std::collections::BTreeSet;

use sqlx::postgres::PgConnection;

use super::role::Role;

/// `role KIND object PRIVILEGE` in each line, sorted; `-` is the database itself.
pub(super) const GRANTS: &str = include_str!("grants.txt");

const WHO: &str = "
    SELECT session_user::text, current_user::text,
        (SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid())";

/// What no role of a host may be, by the words of `CREATE ROLE`.
const ATTRIBUTES: &str = "
    SELECT word FROM pg_roles, LATERAL (VALUES
        (rolsuper, 'SUPERUSER'), (rolcreaterole, 'CREATEROLE'), (rolcreatedb, 'CREATEDB'),
        (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS')) AS has (it, word)
    WHERE rolname = current_user AND it ORDER BY word";

const MEMBERSHIPS: &str = "
    SELECT up.rolname::text FROM pg_auth_members m
    JOIN pg_roles up ON up.oid = m.roleid JOIN pg_roles me ON me.oid = m.member
    WHERE me.rolname = current_user ORDER BY 1";

/// Ownership anywhere in the cluster, and grants on other kinds of things than those below.
const BELONGINGS: &str = "
    SELECT CASE deptype WHEN 'o' THEN 'owns ' ELSE 'has a grant on ' END || CASE
        WHEN d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
            THEN pg_describe_object(d.classid, d.objid, 0)
        ELSE 'something in another database' END
    FROM pg_shdepend d JOIN pg_roles me ON me.oid = d.refobjid
    WHERE d.refclassid = 'pg_authid'::regclass AND me.rolname = current_user
        AND (d.deptype = 'o' OR d.deptype = 'a'
            AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
            AND d.classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass,
                'pg_namespace'::regclass, 'pg_database'::regclass))
    ORDER BY 1";

/// Grants to the role anywhere in this database; grants to everybody where it gets to them.
/// An absent list of grants means the defaults of the kind. What everybody may look up in
/// `information_schema`, which shows nobody more than its own, is not noted as initial.
const GRANTED: &str = "
    WITH me AS (SELECT oid FROM pg_roles WHERE rolname = $1),
    user_schemas AS (
        SELECT n.oid, n.nspname, n.nspacl, n.nspowner,
            n.nspname = 'information_schema' OR n.nspname LIKE 'pg\\_%' AS of_system,
            has_schema_privilege(me.oid, n.oid, 'USAGE') AS open
        FROM pg_namespace n, me
    ),
    acls AS (
        SELECT 'DATABASE' AS kind, '-' AS object, false AS of_system, true AS open,
            coalesce(datacl, acldefault('d', datdba)) AS acl,
            0::oid AS class, 0::oid AS id, 0 AS part, NULL::aclitem[] AS at_first
        FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT 'SCHEMA', quote_ident(nspname), of_system, true,
            coalesce(nspacl, acldefault('n', nspowner)), 'pg_namespace'::regclass, oid, 0,
            acldefault('n', nspowner) FROM user_schemas
        UNION ALL
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
            quote_ident(s.nspname) || '.' || quote_ident(c.relname), s.of_system, s.open,
            coalesce(c.relacl, d.acl), 'pg_class'::regclass, c.oid, 0, d.acl
        FROM pg_class c JOIN user_schemas s ON s.oid = c.relnamespace,
            LATERAL acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\",
                c.relowner) AS d (acl)
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL
        SELECT 'COLUMN', quote_ident(s.nspname) || '.' || quote_ident(c.relname) || '.'
            || quote_ident(a.attname), s.of_system, s.open, a.attacl,
            'pg_class'::regclass, c.oid, a.attnum, NULL
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN user_schemas s ON s.oid = c.relnamespace WHERE a.attacl IS NOT NULL
        UNION ALL
        SELECT 'FUNCTION', p.oid::regprocedure::text, s.of_system, s.open,
            coalesce(p.proacl, d.acl), 'pg_proc'::regclass, p.oid, 0, d.acl
        FROM pg_proc p JOIN user_schemas s ON s.oid = p.pronamespace,
            LATERAL acldefault('f', p.proowner) AS d (acl)
    )
    SELECT DISTINCT CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE $1 END || ' ' || kind || ' '
        || object || ' ' || one.privilege_type
        || CASE WHEN one.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    FROM acls LEFT JOIN pg_init_privs was
            ON was.classoid = class AND was.objoid = id AND was.objsubid = part,
        me, LATERAL aclexplode(acl) AS one
    WHERE one.grantee = me.oid OR one.grantee = 0 AND open AND (NOT of_system
        OR acl IS DISTINCT FROM coalesce(was.initprivs, at_first) AND NOT EXISTS (
            SELECT FROM aclexplode(coalesce(was.initprivs, at_first)) AS first
            WHERE first.grantee = 0 AND first.privilege_type = one.privilege_type)
        AND (object NOT LIKE 'information\\_schema%' OR one.privilege_type NOT IN ('SELECT', 'USAGE')))
    ORDER BY 1";

/// Everything that keeps a role from being used, in words; empty when all is well.
pub(super) async fn findings(
    db: &mut PgConnection,
    role: Role,
) -> Result<Vec<String>, sqlx::Error> {
    let (session, current, dn): (String, String, Option<String>) =
        sqlx::query_as(WHO).fetch_one(&mut *db).await?;
    let mut findings = Vec::new();
    if session != role.name() || current != role.name() {
        findings.push(format!("it is {session} and acts as {current}"));
    }
    let name = format!("CN={role}");
    let shown = dn.as_deref().unwrap_or("none");
    if !shown.split(['/', ',']).any(|part| part.trim() == name) {
        findings.push(format!(
            "the server did not ask for its certificate (it saw {shown}); \
             set the method `cert` for it in pg_hba.conf"
        ));
    }
    for word in words(db, ATTRIBUTES).await? {
        findings.push(format!("too much: it is {word}"));
    }
    for group in words(db, MEMBERSHIPS).await? {
        findings.push(format!("too much: it is a member of {group}"));
    }
    for belonging in words(db, BELONGINGS).await? {
        findings.push(format!("too much: it {belonging}"));
    }
    let granted: BTreeSet<String> = granted(db, role).await?.into_iter().collect();
    let expected: BTreeSet<String> = expected(role).map(str::to_owned).collect();
    for line in granted.difference(&expected) {
        findings.push(format!("too much: {line}"));
    }
    for line in expected.difference(&granted) {
        findings.push(format!("missing: {line}"));
    }
    Ok(findings)
}

/// What the catalog says that `role`, or everybody, has in this database.
pub(super) async fn granted(db: &mut PgConnection, role: Role) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(GRANTED)
        .bind(role.name())
        .fetch_all(db)
        .await
}

/// What `role` should have.
pub(super) fn expected(role: Role) -> impl Iterator<Item = &'static str> {
    GRANTS
        .lines()
        .filter(move |line| line.split(' ').next() == Some(role.name()))
}

async fn words(db: &mut PgConnection, statement: &'static str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(statement).fetch_all(db).await
}
