//! What is left out: required settings and defaults.

use std::path::Path;
use std::time::Duration;

use super::*;

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
            service.identity_requests,
            service.identity_rate,
            service.identity_burst
        ),
        (512, 128, 5_000, 10_000)
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
    let manager = config.components.passkey_manager.as_ref().unwrap();
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
    let files = |name: &str| LinkSource::Files {
        certificate: format!("/etc/zeropass/pki/{name}.pem").into(),
        key: format!("/etc/zeropass/pki/{name}.key").into(),
        ca: "/etc/zeropass/pki/ca.pem".into(),
    };
    assert_eq!(serving.identity.source, files("passkey-manager"));
    assert_eq!(calling.identity.source, files("auth-service"));
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
    assert_eq!(party.decoy, None);
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
