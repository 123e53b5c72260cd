//! The configuration as a whole; the files beside this one test their own kinds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::*;

const EXAMPLE: &str = include_str!("../../../zeropass.example.toml");

/// Required settings only.
const MINIMAL: &str = r#"[service]
certificate = "pki/host.pem"
key = "pki/host.key"
client-ca = "pki/ca.pem"
trust-domain = "zeropass.internal"
[components.auth-service]
file = "auth.wasm"
[components.passkey-manager]
file = "passkeys.wasm"
[link.auth-service]
certificate = "pki/auth-service.pem"
key = "pki/auth-service.key"
[link.passkey-manager]
certificate = "pki/passkey-manager.pem"
key = "pki/passkey-manager.key"
[[relying-party]]
id = "example.com"
name = "Example"
origins = ["https://example.com", "https://login.example.com:8443"]
workloads = ["spiffe://zeropass.internal/shop"]
"#;

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(text, Path::new("/etc/zeropass/zeropass.toml"))
}

fn messages(text: &str) -> Vec<String> {
    match parse(text) {
        Err(Error::Invalid { problems, .. }) => problems
            .into_iter()
            .map(|problem| problem.message)
            .collect(),
        other => panic!("expected problems, found {other:?}"),
    }
}

/// The one message about the minimal configuration with `line` put into `section`.
fn message_about(section: &str, line: &str) -> String {
    let header = format!("{section}\n");
    let text = if MINIMAL.contains(&header) {
        MINIMAL.replace(&header, &format!("{header}{line}\n"))
    } else {
        format!("{MINIMAL}{header}{line}\n")
    };
    only(&text)
}

/// The one message about the minimal configuration with `old` replaced.
fn message_instead(old: &str, new: &str) -> String {
    assert!(MINIMAL.contains(old), "{old}");
    only(&MINIMAL.replace(old, new))
}

fn only(text: &str) -> String {
    let messages = messages(text);
    assert_eq!(messages.len(), 1, "{messages:#?}");
    messages.into_iter().next().unwrap()
}

/// The example with its optional settings switched on.
fn whole_example() -> String {
    let mut text = String::new();
    for line in EXAMPLE.lines() {
        let setting = line
            .strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['));
        text.push_str(setting.unwrap_or(line));
        text.push('\n');
    }
    text
}

fn keys(config: &Config) -> Vec<(String, &'static str)> {
    let settings = config.settings().iter();
    settings
        .map(|setting| (setting.section.clone(), setting.key))
        .collect()
}

// What is left out.

#[test]
fn required_settings_are_enough_and_the_rest_has_defaults() {
    let config = parse(MINIMAL).unwrap();
    let service = &config.service;
    assert_eq!(service.listen, "127.0.0.1:8443".parse().unwrap());
    let IdentitySource::Files { certificate, .. } = &service.identity else {
        panic!("{:?}", service.identity)
    };
    assert_eq!(certificate, Path::new("/etc/zeropass/pki/host.pem"));
    assert_eq!(service.key_exchange, KeyExchange::Hybrid);
    assert_eq!(service.max_connection_age, Duration::from_secs(3600));
    assert_eq!(
        (
            service.identity_connections,
            service.identity_rate,
            service.identity_burst
        ),
        (512, 5_000, 10_000)
    );
    assert!(service.crl.is_empty());
    assert_eq!(service.handshake_timeout, Duration::from_secs(5));
    assert_eq!(
        (service.max_handshakes, service.max_connections),
        (256, 4096)
    );
    assert_eq!(service.header_timeout, Duration::from_secs(5));
    assert_eq!(service.body_limit, 65_536);
    assert_eq!(service.request_timeout, Duration::from_secs(10));
    assert_eq!(service.idle_timeout, Duration::from_secs(60));
    assert_eq!(service.max_streams, 100);
    assert_eq!(service.drain_deadline, Duration::from_secs(20));
    assert_eq!((&config.admin, &config.health), (&None, &None));
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "info");
    assert_eq!(
        config.store,
        Store::Sqlite("/etc/zeropass/zeropass.db".into())
    );
    assert_eq!(config.audit.log, "host");
    assert_eq!(
        config.audit.checkpoints,
        Path::new("/etc/zeropass/audit.checkpoints")
    );
    assert_eq!(config.audit.checkpoint_records, 4096);
    assert_eq!(config.audit.checkpoint_interval, Duration::from_secs(10));
    assert_eq!(config.policy.folder, Path::new("/etc/zeropass/policies"));
    assert_eq!(config.keys.folder, Path::new("/etc/zeropass/keys"));
    assert_eq!(config.cache.folder, Path::new("/etc/zeropass/cache"));
    assert_eq!(config.tokens.issuer.as_str(), "https://zeropass.internal");
    assert_eq!(config.tokens.session_lifetime, Duration::from_secs(43_200));
    assert_eq!(
        (config.runtime.max_instances, config.runtime.queue),
        (64, 256)
    );
    assert_eq!(config.runtime.epoch_tick, Duration::from_millis(2));
    assert_eq!(config.components.response_bytes, 262_144);
    let manager = &config.components.passkey_manager;
    assert_eq!(manager.file, Path::new("/etc/zeropass/passkeys.wasm"));
    assert_eq!(
        (manager.memory, manager.table_elements),
        (33_554_432, 10_000)
    );
    assert_eq!(manager.deadline, Duration::from_secs(2));
    assert_eq!(
        (manager.hostcall_bytes, manager.output_bytes),
        (1_048_576, 16_384)
    );
    assert_eq!(manager.instances, 32);
    assert_eq!(config.link.kind, LinkKind::Mtls);
    let (serving, calling) = (
        config.link.serving.as_ref().unwrap(),
        config.link.calling.as_ref().unwrap(),
    );
    assert_eq!(serving.listen, "127.0.0.1:8445".parse().unwrap());
    let id = "spiffe://zeropass.internal/component/auth-service";
    assert_eq!(serving.caller.as_str(), id);
    let id = "spiffe://zeropass.internal/component/passkey-manager";
    assert_eq!(calling.callee.as_str(), id);
    let certificate = Path::new("/etc/zeropass/pki/passkey-manager.pem");
    assert_eq!(serving.identity.certificate, certificate);
    let key = Path::new("/etc/zeropass/pki/auth-service.key");
    assert_eq!(calling.identity.key, key);
    assert!(calling.targets.is_empty());
    assert_eq!(calling.connect_timeout, Duration::from_secs(1));
    let party = config.relying_party("example.com").unwrap();
    assert_eq!(party.ceremony_timeout, Duration::from_secs(300));
    assert_eq!(party.user_verification, UserVerification::Preferred);
    assert_eq!(party.resident_key, ResidentKey::Preferred);
    assert_eq!(party.attestation, Attestation::None);
    let algorithms: Vec<_> = party.algorithms.iter().map(|known| known.cose()).collect();
    assert_eq!(algorithms, [-7, -35, -257]);
    assert!(!party.allow_cross_origin && party.enroll_url.is_none());
    assert!(party.attestation_roots.is_empty());
    assert_eq!(config.metadata, None);
    assert_eq!(
        party.authenticators,
        Authenticators {
            allowed: Vec::new(),
            denied: Vec::new(),
            device_bound: false,
            enterprise: false,
            minimum_certification: None,
            refuse_compromised: true,
            metadata_roots: true,
            at_sign_in: false,
        }
    );
}

#[test]
fn what_becomes_of_passkeys_has_defaults() {
    let config = parse(MINIMAL).unwrap();
    let party = config.relying_party("example.com").unwrap();
    let expected = Lifecycle {
        counter: CounterPolicy::Deny,
        counter_synced: CounterPolicy::Deny,
        accept_late_backup_eligibility: false,
        keep_last_passkey: false,
        fresh_sign_in: None,
    };
    assert_eq!(party.lifecycle, expected);
    assert_eq!(party.extensions, [Extension::CredProps]);
    assert_eq!(config.tokens.session_idle, Duration::from_secs(900));
    let half_an_hour = Duration::from_secs(1800);
    let expected = Lockout {
        failures: 10,
        window: half_an_hour,
        duration: half_an_hour,
    };
    assert_eq!(config.lockout, expected);
}

#[test]
fn agent_makes_the_files_of_the_service_unnecessary() {
    let link = MINIMAL.find("[link.auth-service]").unwrap();
    let without = MINIMAL[..link]
        .lines()
        .filter(|line| {
            !["certificate", "key", "client-ca"]
                .iter()
                .any(|key| line.starts_with(&format!("{key} = ")))
        })
        .collect::<Vec<_>>()
        .join("\n");
    let rest = &MINIMAL[link..];
    // The components have files of their own, and so have their authorities.
    let without_ca = format!("{without}\n[identity]\nworkload-api = \"unix:a\"\n{rest}");
    assert!(
        only(&without_ca).ends_with("expected a PEM file, because there is no service.client-ca")
    );
    let without = format!("{without}\n[link]\nca = \"ca.pem\"\n{rest}");
    for (agent, socket) in [
        ("unix:/run/agent.sock", "/run/agent.sock"),
        ("unix:///run/agent.sock", "/run/agent.sock"),
        ("unix:agent.sock", "/etc/zeropass/agent.sock"),
    ] {
        let text = format!("{without}\n[identity]\nworkload-api = \"{agent}\"\n");
        let config = parse(&text).unwrap();
        let socket = socket.into();
        assert_eq!(
            config.service.identity,
            IdentitySource::WorkloadApi { socket }
        );
    }
    assert_eq!(
        only(&format!(
            "{MINIMAL}[identity]\nworkload-api = \"tcp://127.0.0.1:1\"\n"
        )),
        "identity.workload-api = \"tcp://127.0.0.1:1\": expected \"unix:\" and the path of a \
         SPIFFE agent's socket, such as \"unix:/run/spire/agent.sock\""
    );
}

#[test]
fn health_section_without_an_address_listens_on_loopback() {
    let config = parse(&format!("{MINIMAL}[admin]\n[health]\n")).unwrap();
    let listen = HealthListen::Loopback("127.0.0.1:8446".parse().unwrap());
    assert_eq!(config.health, Some(Health { listen }));
}

#[test]
fn health_socket_path_starts_at_the_folder_and_must_fit() {
    let config = parse(&format!(
        "{MINIMAL}[health]\nlisten = \"unix:health.sock\"\n"
    ))
    .unwrap();
    let listen = HealthListen::Unix("/etc/zeropass/health.sock".into());
    assert_eq!(config.health, Some(Health { listen }));
    let long = format!("listen = \"unix:/{}\"", "a".repeat(107));
    let message = message_about("[health]", &long);
    assert!(
        message.ends_with("the path has 108 bytes, a unix socket's at most 107"),
        "{message}"
    );
}

/// The least that a store in PostgreSQL needs.
const POSTGRES: &str = r#"[store.postgres]
host = "db.internal"
ca = "pki/db-ca.pem"
[store.postgres.accounts]
certificate = "pki/a.pem"
key = "pki/a.key"
[store.postgres.credentials]
certificate = "pki/c.pem"
key = "pki/c.key"
[store.postgres.audit-writer]
certificate = "pki/w.pem"
key = "pki/w.key"
[store.postgres.audit-reader]
certificate = "pki/r.pem"
key = "pki/r.key"
"#;

#[test]
fn postgres_takes_the_place_of_sqlite() {
    let config = parse(&format!("{MINIMAL}{POSTGRES}")).unwrap();
    let Store::Postgres(postgres) = config.store else {
        panic!("{:?}", config.store)
    };
    assert_eq!(
        (postgres.host.as_str(), postgres.port),
        ("db.internal", 5432)
    );
    assert_eq!(postgres.database, "zeropass");
    assert_eq!(postgres.server_name, "db.internal");
    assert_eq!(postgres.ca, Path::new("/etc/zeropass/pki/db-ca.pem"));
    assert_eq!(
        postgres.audit_writer.key,
        Path::new("/etc/zeropass/pki/w.key")
    );
    let connections = [
        &postgres.accounts,
        &postgres.credentials,
        &postgres.audit_reader,
    ];
    assert_eq!(connections.map(|login| login.connections), [8, 8, 2]);
}

#[test]
fn postgres_has_no_place_for_users_passwords_and_tls_modes() {
    let with = |line: &str| {
        let text = POSTGRES.replace("[store.postgres]\n", &format!("[store.postgres]\n{line}\n"));
        only(&format!("{MINIMAL}{text}"))
    };
    for key in ["user", "password", "sslmode"] {
        let message = with(&format!("{key} = \"hunter2\""));
        let unknown = format!("store.postgres.{key}: unknown key");
        assert!(message.starts_with(&unknown), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    assert_eq!(
        only(&format!(
            "{MINIMAL}{}",
            POSTGRES.replace("db.internal", "user@db")
        )),
        "store.postgres.host = \"user@db\": expected a host name or an IP address"
    );
    assert_eq!(
        only(&format!(
            "{MINIMAL}{}",
            POSTGRES.replace("host = \"db.internal\"\n", "")
        )),
        "store.postgres.host is missing: expected a host name or an IP address"
    );
}

#[test]
fn empty_file_misses_every_required_setting() {
    let missing: Vec<String> = messages("")
        .iter()
        .map(|message| message.split(" is missing").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        missing,
        [
            "service.certificate",
            "service.key",
            "service.client-ca",
            "service.trust-domain",
            "components.auth-service.file",
            "components.passkey-manager.file",
            "link.auth-service.certificate",
            "link.auth-service.key",
            "link.passkey-manager.certificate",
            "link.passkey-manager.key",
            "relying-party"
        ]
    );
}

// The example.

#[test]
fn example_is_valid_as_it_is_and_with_all_optional_settings() {
    parse(EXAMPLE).unwrap();
    let whole = parse(&whole_example()).unwrap();
    let party = &whole.relying_parties[0];
    assert!(party.enroll_url.is_some() && party.manage_url.is_some());
}

#[test]
fn example_names_every_setting_in_the_order_of_reading() {
    let config = parse(&whole_example()).unwrap();
    for setting in config.settings() {
        assert_eq!(
            setting.given,
            Given::File,
            "{setting:?} is not in the example"
        );
    }
    // The other way round, an unknown key, is an error already. Left is the order.
    let in_file: Vec<&str> = whole_example_keys();
    let read: Vec<&str> = keys(&config).iter().map(|(_, key)| *key).collect();
    assert_eq!(in_file, read);
}

fn whole_example_keys() -> Vec<&'static str> {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    });
    lines
        .filter(|line| !line.starts_with(['#', ' ']))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .collect()
}

#[test]
fn example_shows_the_true_defaults() {
    let minimal = parse(&format!("{MINIMAL}[admin]\n[health]\n")).unwrap();
    let example = parse(EXAMPLE).unwrap();
    let mut compared = BTreeSet::new();
    for (default, shown) in minimal.settings().iter().zip(example.settings()) {
        assert_eq!((&default.section, default.key), (&shown.section, shown.key));
        if default.given == Given::Default {
            assert_eq!(
                default.value, shown.value,
                "{}.{}",
                shown.section, shown.key
            );
            compared.insert((&default.section, default.key));
        }
    }
    assert_eq!(minimal.settings().len(), example.settings().len());
    // All but the fourteen required settings.
    assert_eq!(compared.len(), keys(&minimal).len() - 14);
}

#[test]
fn example_marks_required_settings_and_no_others() {
    let minimal = parse(&format!("{MINIMAL}[admin]\n[health]\n")).unwrap();
    let mut comment = String::new();
    let mut settings = minimal.settings().iter();
    let mut in_optional_section = false;
    for line in EXAMPLE.lines() {
        if line.starts_with(['[', '#']) && line.contains('[') && !line.starts_with("# ") {
            in_optional_section = line.starts_with('#');
        }
        if in_optional_section {
            comment.clear();
            continue;
        }
        // As the head of the example says: "#" and no blank.
        let optional = line.starts_with('#') && line.contains(" = ") && !line.starts_with("# ");
        if line.starts_with('#') && !optional {
            comment.push_str(line);
            continue;
        }
        if let Some((key, _)) = line.split_once(" = ") {
            let setting = settings.next().unwrap();
            let required = setting.given == Given::File;
            assert_eq!(comment.contains("# Required."), required, "{key}");
            assert!(!comment.is_empty(), "{key} has no comment");
        }
        comment.clear();
    }
}

#[test]
fn link_in_process_needs_no_certificates_and_opens_nothing() {
    let start = MINIMAL.find("[link.auth-service]").unwrap();
    let end = MINIMAL.find("[[relying-party]]").unwrap();
    let (before, after) = (&MINIMAL[..start], &MINIMAL[end..]);
    let config = parse(&format!("{before}[link]\nkind = \"in-process\"\n{after}")).unwrap();
    assert_eq!(config.link.kind, LinkKind::InProcess);
    assert_eq!((config.link.serving, config.link.calling), (None, None));
    // Certificates that are there for the other kind are no reason to use them.
    let config = parse(&MINIMAL.replace(
        "[link.auth-service]",
        "[link]\nkind = \"in-process\"\n[link.auth-service]",
    ))
    .unwrap();
    assert_eq!((config.link.serving, config.link.calling), (None, None));
}

// What is wrong.

#[test]
fn message_names_file_line_key_value_and_what_is_expected() {
    let text = MINIMAL.replace(
        "[service]\n",
        "[service]\nhandshake-timeout = \"5 parsecs\"\n",
    );
    assert_eq!(
        parse(&text).unwrap_err().to_string(),
        "/etc/zeropass/zeropass.toml:2: service.handshake-timeout = \"5 parsecs\": \
         expected a duration such as \"5s\" or \"250ms\", from 10ms to 10m"
    );
}

#[test]
fn unknown_key_is_refused_with_the_nearest_known_one() {
    assert_eq!(
        message_about("[service]", "handshake_timeout = \"5s\""),
        "service.handshake_timeout: unknown key; did you mean \"handshake-timeout\"?"
    );
    assert_eq!(
        message_about("[[relying-party]]", "orgins = []"),
        "relying-party[0].orgins: unknown key; did you mean \"origins\"?"
    );
    assert_eq!(
        message_about("[store]", "postgres = \"postgres://user:hunter2@db\""),
        "store.postgres: expected a table"
    );
    assert_eq!(
        message_about("[polcy]", "folder = \"policies\""),
        "polcy: unknown key; did you mean \"policy\"?"
    );
    assert!(
        message_about("[components.passkey-manager]", "response-bytes = \"1MiB\"")
            .starts_with("components.passkey-manager.response-bytes: unknown key")
    );
}

#[test]
fn bad_value_of_each_kind_is_refused_with_what_is_expected() {
    for (section, line, expected) in [
        (
            "[service]",
            "listen = \"localhost:8443\"",
            "an IP address and port",
        ),
        ("[service]", "listen = 8443", "an IP address and port"),
        (
            "[service]",
            "max-handshakes = 0",
            "a whole number from 1 to 65536",
        ),
        ("[service]", "max-handshakes = -1", "a whole number from 1"),
        ("[service]", "max-handshakes = 1.5", "a whole number"),
        ("[service]", "max-handshakes = \"256\"", "a whole number"),
        (
            "[service]",
            "max-handshakes = 99999999999999999999",
            "a whole number",
        ),
        ("[service]", "idle-timeout = 60", "a duration such as"),
        ("[service]", "idle-timeout = \"2h\"", "from 1s to 1h"),
        (
            "[service]",
            "body-limit = \"64KB\"",
            "a size such as \"64KiB\"",
        ),
        ("[service]", "body-limit = \"1GiB\"", "from 1KiB to 16MiB"),
        (
            "[service]",
            "crl = \"crl.pem\"",
            "a list, each element the path of",
        ),
        (
            "[service]",
            "crl = [7]",
            "the path of a PEM file with a certificate revocation list",
        ),
        (
            "[health]",
            "listen = \"0.0.0.0:8446\"",
            "a loopback address",
        ),
        ("[health]", "listen = \"[::]:8446\"", "a loopback address"),
        ("[health]", "listen = \"unix:\"", "a loopback address"),
        ("[log]", "format = \"xml\"", "one of \"json\", \"pretty\""),
        ("[log]", "filter = \"info=loud\"", "log directives"),
        ("[store]", "sqlite = \"\"", "the path of a file"),
        (
            "[tokens]",
            "issuer = \"zeropass\"",
            "an https:// or spiffe:// URL",
        ),
        ("[runtime]", "max-instances = 1", "a whole number from 2"),
        ("[runtime]", "epoch-tick = \"0ms\"", "from 1ms to 1s"),
        (
            "[link]",
            "kind = \"plain\"",
            "one of \"mtls\", \"in-process\"",
        ),
        ("[link]", "targets = [\"back\"]", "a host and port such as"),
        (
            "[link]",
            "targets = [\"back:0\"]",
            "a host and port such as",
        ),
        ("[link]", "connect-timeout = \"2m\"", "from 10ms to 1m"),
        (
            "[[relying-party]]",
            "allow-cross-origin = \"no\"",
            "true or false",
        ),
        (
            "[[relying-party]]",
            "user-verification = \"maybe\"",
            "one of \"required\"",
        ),
        (
            "[[relying-party]]",
            "resident-key = \"maybe\"",
            "one of \"required\"",
        ),
        (
            "[[relying-party]]",
            "attestation = \"maybe\"",
            "one of \"none\", \"indirect\"",
        ),
        (
            "[[relying-party]]",
            "algorithms = []",
            "a list of at least 1",
        ),
        (
            "[[relying-party]]",
            "algorithms = [\"HS256\"]",
            "one of \"ES256\"",
        ),
        (
            "[[relying-party]]",
            "algorithms = [\"ES256\", \"ES256\"]",
            "each element only once",
        ),
        (
            "[[relying-party]]",
            "enroll-url = \"http://example.com\"",
            "an https:// URL",
        ),
        (
            "[[relying-party]]",
            "ceremony-timeout = \"1s\"",
            "from 10s to 1h",
        ),
        (
            "[[relying-party]]",
            "counter = \"warn\"",
            "one of \"ignore\", \"alarm\", \"deny\"",
        ),
        (
            "[[relying-party]]",
            "fresh-sign-in = \"30s\"",
            "from 1m to 24h",
        ),
        (
            "[[relying-party]]",
            "extensions = [\"appid\"]",
            "one of \"credProps\"",
        ),
        ("[tokens]", "session-idle = \"1s\"", "from 1m to 2160h"),
        (
            "[lockout]",
            "failures = 1001",
            "a whole number from 0 to 1000",
        ),
        ("[lockout]", "window = \"25h\"", "from 1m to 24h"),
    ] {
        let message = message_about(section, line);
        let (key, value) = line.split_once(" = ").unwrap();
        let found = value.trim_matches(['[', ']']).split(", ").next().unwrap();
        assert!(message.contains(key), "{line}: {message}");
        assert!(message.contains(found), "{line}: {message}");
        let (_, after) = message.split_once(": expected ").unwrap();
        assert!(after.contains(expected), "{line}: {message}");
    }
}

#[test]
fn section_of_the_wrong_shape_is_refused() {
    let message = only(&format!("log = \"info\"\n{MINIMAL}"));
    assert_eq!(message, "log: expected a table");
    let message = message_instead("[[relying-party]]", "[relying-party]");
    assert_eq!(
        message,
        "relying-party = (a table): expected at least one [[relying-party]]"
    );
}

#[test]
fn relying_party_must_fit_together() {
    for (old, new, expected) in [
        (
            "\"https://example.com\"",
            "\"https://example.org\"",
            "relying-party[0].origins[0] = \"https://example.org\": expected a host that is \"example.com\" or ends with \".example.com\", or the same origin in related-origins",
        ),
        (
            "\"https://example.com\"",
            "\"https://notexample.com\"",
            "expected a host that is \"example.com\"",
        ),
        (
            "\"https://example.com\"",
            "\"https://example.com/\"",
            "; an origin ends after host and port",
        ),
        (
            "spiffe://zeropass.internal/shop",
            "spiffe://other.internal/shop",
            "relying-party[0].workloads[0] = \"spiffe://other.internal/shop\": expected an id of service.trust-domain, spiffe://zeropass.internal/...",
        ),
        (
            "spiffe://zeropass.internal/shop",
            "https://shop",
            "; it starts with \"spiffe://\"",
        ),
        (
            "name = \"Example\"",
            "name = \"Example\"\ntop-origins = [\"https://news.example\"]",
            "relying-party[0].top-origins = [\"https://news.example\"]: expected an empty list unless allow-cross-origin = true",
        ),
        (
            "name = \"Example\"",
            "name = \"Example\"\nrelated-origins = [\"https://example.de\"]",
            "relying-party[0].related-origins[0] = \"https://example.de\": expected it to be in origins too",
        ),
        (
            "name = \"Example\"",
            "name = \" \"",
            "expected a name of 1 to 64 characters",
        ),
    ] {
        let message = message_instead(old, new);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn rules_about_authenticators_must_fit_together() {
    let party = |line: &str| message_about("[[relying-party]]", line);
    let aaguid = "\"cb69481e-8ff7-4039-93ec-0a2729a154a8\"";
    for (line, expected) in [
        (
            "allowed-aaguids = [\"yubikey\"]".to_owned(),
            "relying-party[0].allowed-aaguids[0] = \"yubikey\": expected an AAGUID such as \"cb69481e-8ff7-4039-93ec-0a2729a154a8\"",
        ),
        (
            "denied-aaguids = [\"cb69481e8ff7403993ec0a2729a154a8\"]".to_owned(),
            "expected an AAGUID such as",
        ),
        (
            format!("allowed-aaguids = [{aaguid}]\ndenied-aaguids = [{aaguid}]"),
            "relying-party[0].denied-aaguids[0] = \"cb69481e-8ff7-4039-93ec-0a2729a154a8\": expected no AAGUID that is in allowed-aaguids too",
        ),
        (
            "attestation = \"enterprise\"".to_owned(),
            "relying-party[0].attestation = \"enterprise\": expected \"direct\" or less unless enterprise-attestation = true",
        ),
        (
            "minimum-certification = \"L4\"".to_owned(),
            "expected one of \"L1\", \"L1+\", \"L2\", \"L2+\", \"L3\", \"L3+\"",
        ),
        (
            "minimum-certification = \"L2\"".to_owned(),
            "relying-party[0].minimum-certification = \"L2\": expected it to be absent unless [metadata] says which models are certified",
        ),
    ] {
        let message = party(&line);
        assert!(message.contains(expected), "{expected}\nin\n{message}");
    }
    let metadata = "[metadata]\nblob = \"blob.jwt\"\nroot = \"root.pem\"\n";
    let with = |lines: &str| {
        let text = MINIMAL.replace(
            "[[relying-party]]\n",
            &format!("[[relying-party]]\n{lines}\n"),
        );
        format!("{text}{metadata}")
    };
    parse(&with("minimum-certification = \"L2\"")).unwrap();
    let own = "minimum-certification = \"L2\"\nmetadata-roots = false\nattestation-roots = [\"maker.pem\"]";
    parse(&with(own)).unwrap();
    parse(&with(
        "attestation = \"enterprise\"\nenterprise-attestation = true",
    ))
    .unwrap();
    let unproven = only(&with(
        "minimum-certification = \"L2\"\nmetadata-roots = false",
    ));
    assert!(
        unproven.ends_with("unless metadata-roots = true or attestation-roots prove the model"),
        "{unproven}"
    );
}

#[test]
fn metadata_section_names_its_files() {
    let section = |lines: &str| format!("{MINIMAL}[metadata]\n{lines}\n");
    let both = "blob = \"blob.jwt\"\nroot = \"root.pem\"";
    let found = parse(&section(both)).unwrap().metadata.unwrap();
    assert_eq!(found.blob, Path::new("/etc/zeropass/blob.jwt"));
    assert_eq!(found.roots, [Path::new("/etc/zeropass/root.pem")]);
    assert_eq!(
        (found.signer, found.check_every),
        (None, Duration::from_secs(30))
    );
    let several =
        "blob = \"blob.jwt\"\nroot = [\"one.pem\", \"two.crt\"]\nsigner = \"MDS.example\"";
    let found = parse(&section(several)).unwrap().metadata.unwrap();
    assert_eq!(found.roots.len(), 2);
    assert_eq!(found.signer.as_deref(), Some("mds.example"));
    for (lines, expected) in [
        (
            "root = \"root.pem\"",
            "metadata.blob is missing: expected the path of a FIDO metadata BLOB",
        ),
        (
            "blob = \"blob.jwt\"",
            "metadata.root is missing: expected the path of a root certificate of the BLOB's signer, or a list of such paths",
        ),
        (
            "blob = \"blob.jwt\"\nroot = 7",
            "metadata.root = 7: expected the path of a root certificate",
        ),
        (
            "blob = \"blob.jwt\"\nroot = []",
            "metadata.root = []: expected a list of at least 1",
        ),
        (
            "blob = \"blob.jwt\"\nroot = \"root.pem\"\nsigner = \"https://mds.example\"",
            "expected a DNS name such as \"mds.fidoalliance.org\"",
        ),
        (
            "blob = \"blob.jwt\"\nroot = \"root.pem\"\ncheck-every = \"1ms\"",
            "metadata.check-every = \"1ms\": expected a duration",
        ),
    ] {
        let message = only(&section(lines));
        assert!(message.contains(expected), "{expected}\nin\n{message}");
    }
}

#[test]
fn related_origin_may_lie_outside_the_domain() {
    let text = MINIMAL.replace(
        "origins = [",
        "related-origins = [\"https://example.de\"]\norigins = [\"https://example.de\", ",
    );
    let config = parse(&text).unwrap();
    let party = &config.relying_parties[0];
    assert_eq!(party.related_origins[0].as_str(), "https://example.de");
    assert_eq!(party.origins.len(), 3);
}

#[test]
fn relying_party_id_is_unique() {
    let (_, party) = MINIMAL.split_once("[[relying-party]]").unwrap();
    let message = only(&format!("{MINIMAL}[[relying-party]]{party}"));
    assert_eq!(
        message,
        "relying-party[1].id = \"example.com\": expected each relying party only once"
    );
}

#[test]
fn component_can_not_have_more_instances_than_the_runtime() {
    let message = message_about("[components.auth-service]", "instances = 65");
    assert_eq!(
        message,
        "components.auth-service.instances = 65: expected at most runtime.max-instances, which is 64"
    );
    let messages = messages(&format!("{MINIMAL}[runtime]\nmax-instances = 16\n"));
    assert_eq!(messages.len(), 2, "{messages:#?}");
    assert_eq!(
        messages[0],
        "components.auth-service.instances (default): expected at most runtime.max-instances, which is 16"
    );
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_lines() {
    let text = MINIMAL
        .replace(
            "[service]\n",
            "[service]\nmax-stream = 7\nbody-limit = 64\n",
        )
        .replace("name = \"Example\"\n", "")
        .replace("\"https://example.com\"", "\"http://example.com\"");
    let error = parse(&text).unwrap_err().to_string();
    let starts: Vec<_> = error
        .lines()
        .map(|line| line.strip_prefix("/etc/zeropass/zeropass.toml:").unwrap())
        .map(|line| line.split([' ', '=']).take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        starts,
        [
            "2: service.max-stream:",
            "3: service.body-limit",
            "18: relying-party[0].name",
            "20: relying-party[0].origins[0]",
        ]
    );
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    let error = parse("[service]\nlisten = 127.0.0.1:8443\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/etc/zeropass/zeropass.toml:2: not valid TOML: "),
        "{error}"
    );
    let error = parse("[log]\nfilter = \"a\"\nfilter = \"b\"\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("toml:3: not valid TOML: duplicate key"),
        "{error}"
    );
}

#[test]
fn private_key_in_the_file_is_not_repeated() {
    let key =
        "key = \"\"\"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ\n-----END PRIVATE KEY-----\"\"\"";
    let message = message_instead("key = \"pki/host.key\"", key);
    assert_eq!(
        message,
        "service.key = (PEM text, not shown): expected the path of a PEM file with a private key"
    );
    let message = message_about("[store]", "password = \"hunter2\"");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn long_value_is_cut() {
    let message = message_about("[log]", &format!("format = \"{}\"", "ä".repeat(500)));
    assert!(message.contains("ää...: expected one of"), "{message}");
    assert!(message.chars().count() < 200, "{message}");
}

// Files.

#[test]
fn missing_configuration_file_is_named_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zeropass.toml");
    let error = Config::load(&file).unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }));
    let message = error.to_string();
    assert!(
        message.starts_with(&file.display().to_string()),
        "{message}"
    );
    assert!(message.contains("zeropass.example.toml"), "{message}");
}

#[test]
fn files_that_must_exist_are_looked_for_from_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zeropass.toml");
    std::fs::write(&file, MINIMAL).unwrap();
    std::fs::create_dir_all(folder.path().join("pki/host.key")).unwrap();
    let message = Config::load(&file).unwrap_err().to_string();
    let absent = folder.path().join("pki/host.pem");
    for expected in [
        format!(
            "zeropass.toml:2: service.certificate = \"pki/host.pem\": expected the path of a PEM file \
             with the host's certificate chain; {}: No such file",
            absent.display()
        ),
        "service.key = \"pki/host.key\": expected".to_owned(),
        "pki/host.key: that is not a file".to_owned(),
        "service.client-ca = \"pki/ca.pem\": expected".to_owned(),
        "policy.folder = \"policies\": expected the path of a folder that exists".to_owned(),
        "components.auth-service.file = \"auth.wasm\": expected".to_owned(),
        "components.passkey-manager.file = \"passkeys.wasm\": expected".to_owned(),
        "link.auth-service.certificate = \"pki/auth-service.pem\": expected".to_owned(),
        "link.auth-service.key = \"pki/auth-service.key\": expected".to_owned(),
        "link.passkey-manager.certificate = \"pki/passkey-manager.pem\": expected".to_owned(),
        "link.passkey-manager.key = \"pki/passkey-manager.key\": expected".to_owned(),
    ] {
        assert!(message.contains(&expected), "{expected}\nin\n{message}");
    }
    assert_eq!(message.lines().count(), 10, "{message}");
}

#[test]
fn complete_folder_loads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zeropass.toml");
    std::fs::write(&file, EXAMPLE).unwrap();
    for name in ["pki", "policies", "components"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    for name in [
        "pki/host.pem",
        "pki/host.key",
        "pki/ca.pem",
        "pki/auth-service.pem",
        "pki/auth-service.key",
        "pki/passkey-manager.pem",
        "pki/passkey-manager.key",
        "components/auth_service.wasm",
        "components/passkey_manager.wasm",
    ] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let config = Config::load(&file).unwrap();
    let IdentitySource::Files { key, .. } = &config.service.identity else {
        panic!("{:?}", config.service.identity)
    };
    assert_eq!(*key, folder.path().join("pki/host.key"));
    assert_eq!(config.folder(), folder.path());
}
