//! Whom the calling end refuses to call: servers that are not passkey-manager, or can't
//! prove it. Each is a plain TLS server that takes any client, so that only the verdict of
//! the calling end counts.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{NamedGroup, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use zeropass::identity::pki::{Ca, IssueRequest, Issued};
use zeropass::identity::{CurrentClientTls, KeyExchange, link_client_config_with};
use zeropass::link::{Failed, NoticeKind};
use zeropass::runtime::Deadline;
use zeropass_tests::deployment::TRUST_DOMAIN;
use zeropass_tests::deployment::certificates::{DAY, component, now, revocation_list};

use super::kit::{self, PATIENCE, Pki, clock, component_id, list, noticing};

/// A server that shows this chain, on a port of its own, for ever.
async fn serving(issued: &Issued, above: &str) -> SocketAddr {
    let chain = format!("{}{above}", issued.certificate);
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let mut tls = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = socket.accept().await {
            let accepted = acceptor.accept(socket).await;
            assert!(accepted.is_err(), "the calling end has taken the server");
        }
    });
    address
}

/// Nothing is called there, and the reason is noticed.
async fn assert_refused(what: &str, address: SocketAddr, tls: CurrentClientTls, code: &str) {
    let (link, mut noticed) = noticing(&[address], tls);
    let failed = list(&link, Deadline::within(PATIENCE)).await;
    assert_eq!(failed, Err(Failed::Unreachable), "{what}");
    let notice = noticed.recv().await.unwrap();
    assert_eq!(
        (notice.kind, notice.code),
        (NoticeKind::Refused, code),
        "{what}"
    );
    assert_eq!(notice.address, address.to_string());
}

type Change = fn(&mut IssueRequest);

#[tokio::test(flavor = "multi_thread")]
async fn server_without_a_proper_certificate_of_passkey_manager_is_refused_by_its_code() {
    let cases: [(&str, Change, &str); 15] = [
        ("no name", |request| request.uris.clear(), "no-spiffe-id"),
        (
            "a DNS name only",
            |request| {
                request.uris.clear();
                request.dns = vec!["passkey-manager.internal".to_owned()];
            },
            "no-spiffe-id",
        ),
        (
            "two SPIFFE ids",
            |request| request.uris.push(component_id("auth-service").to_string()),
            "several-uri-names",
        ),
        (
            "no path",
            |request| request.uris = vec![format!("spiffe://{TRUST_DOMAIN}")],
            "malformed-spiffe-id",
        ),
        (
            "another trust domain",
            |request| request.uris = vec!["spiffe://foreign/component/passkey-manager".to_owned()],
            "trust-domain",
        ),
        (
            "a CA as leaf",
            |request| request.basic_constraints = IsCa::Ca(BasicConstraints::Unconstrained),
            "ca-certificate",
        ),
        (
            "no basic constraints",
            |request| request.basic_constraints = IsCa::NoCa,
            "no-basic-constraints",
        ),
        (
            "no key usage",
            |request| request.key_usages.clear(),
            "key-usage",
        ),
        (
            "a key for signing certificates",
            |request| request.key_usages.push(KeyUsagePurpose::KeyCertSign),
            "key-usage",
        ),
        (
            "for servers alone",
            |request| request.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            "extended-key-usage",
        ),
        (
            "expired",
            |request| {
                request.not_before = now() - 2 * DAY;
                request.not_after = now() - DAY;
            },
            "expired",
        ),
        (
            "not yet valid",
            |request| request.not_before = now() + DAY,
            "not-yet-valid",
        ),
        (
            "auth-service's own",
            |request| request.uris = vec![component_id("auth-service").to_string()],
            "peer-unexpected",
        ),
        (
            "a workload's",
            |request| request.uris = vec![format!("spiffe://{TRUST_DOMAIN}/workload/w")],
            "peer-unexpected",
        ),
        (
            "the host's",
            |request| request.uris = vec![format!("spiffe://{TRUST_DOMAIN}/host")],
            "peer-unexpected",
        ),
    ];
    let pki = Pki::new();
    let tls = CurrentClientTls::new(pki.client_tls());
    for (what, change, code) in cases {
        let mut request = component("passkey-manager");
        change(&mut request);
        let address = serving(&pki.ca().issue(&request).unwrap(), "").await;
        assert_refused(what, address, tls.clone(), code).await;
    }
    let stranger = Pki::new();
    let issued = stranger.ca().issue(&component("passkey-manager")).unwrap();
    let address = serving(&issued, "").await;
    assert_refused("another authority", address, tls, "unknown-ca").await;
}

/// A proper server, judged by the lists that the calling end has.
#[tokio::test(flavor = "multi_thread")]
async fn server_is_refused_by_revocation_lists() {
    let pki = Pki::new();
    let domain = TRUST_DOMAIN.parse().unwrap();
    let between = pki.ca().subordinate(&domain, now()).unwrap();
    let write = |text: String| fs::write(pki.folder().join("crl.pem"), text).unwrap();
    let list_of = |ca: &Ca, serials: &[Vec<u8>]| {
        ca.revocation_list(serials, now() - 60_000, now() + DAY)
            .unwrap()
    };
    let proper = pki.ca().issue(&component("passkey-manager")).unwrap();
    let der = CertificateDer::from_pem_slice(proper.certificate.as_bytes()).unwrap();
    let serial = zeropass::identity::parse_svid(&der).unwrap().serial;
    let address = serving(&proper, "").await;
    write(list_of(pki.ca(), &[serial]));
    let tls = || CurrentClientTls::new(pki.client_tls());
    assert_refused("revoked", address, tls(), "revoked").await;

    let below = between.issue(&component("passkey-manager")).unwrap();
    let address = serving(&below, between.pem()).await;
    write(revocation_list(pki.ca(), &[]));
    let what = "no list of the intermediate";
    assert_refused(what, address, tls(), "revocation-unknown").await;
    let serial = zeropass::identity::ca::serial_of(between.certificate()).unwrap();
    let of_root = list_of(pki.ca(), &[serial]);
    write(format!("{of_root}{}", revocation_list(&between, &[])));
    assert_refused("a revoked intermediate", address, tls(), "revoked").await;
    // The calling end's own authority has a good list, the server's an old one.
    let expired = between
        .revocation_list(&[], now() - 2 * DAY, now() - DAY)
        .unwrap();
    write(format!("{}{expired}", revocation_list(pki.ca(), &[])));
    assert_refused("an expired list", address, tls(), "revocation-expired").await;
}

/// A server that knows TLS 1.2 and nothing later: one answers with a ServerHello of that
/// version, the other with the alert of RFC 8446 section 6.2 (protocol_version).
#[tokio::test(flavor = "multi_thread")]
async fn server_of_tls_1_2_is_refused() {
    let mut hello = vec![0x16, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
    hello.extend([7; 32]); // random
    hello.extend([0, 0xc0, 0x2b, 0]); // no session id, ECDHE-ECDSA-AES128-GCM
    let alert = vec![0x15, 3, 3, 0, 2, 2, 70];
    let pki = Pki::new();
    for answer in [hello, alert] {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = socket.accept().await {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(&answer).await;
                let _ = socket.read(&mut [0; 4096]).await;
            }
        });
        let tls = CurrentClientTls::new(pki.client_tls());
        assert_refused("TLS 1.2", address, tls, "tls-version").await;
    }
}

/// `hybrid-only` on the link: neither end takes an elliptic curve alone.
#[tokio::test(flavor = "multi_thread")]
async fn hybrid_key_exchange_can_be_required_of_the_link() {
    let pki = Pki::new();
    let own = pki.material(&component("auth-service"));
    let callee = component_id("passkey-manager");
    let hybrid_only =
        || link_client_config_with(&own, &callee, clock(), KeyExchange::HybridOnly).unwrap();
    let offered: Vec<_> = hybrid_only()
        .config()
        .crypto_provider()
        .kx_groups
        .iter()
        .map(|group| group.name())
        .collect();
    assert_eq!(offered, [NamedGroup::X25519MLKEM768]);

    // A server that has no such group.
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider
        .kx_groups
        .retain(|group| group.name() != NamedGroup::X25519MLKEM768);
    let issued = pki.ca().issue(&component("passkey-manager")).unwrap();
    let chain = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let mut server = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = socket.accept().await {
            let _ = told.send(acceptor.accept(socket).await.err());
        }
    });
    let link = kit::link(&[address], CurrentClientTls::new(hybrid_only()));
    let failed = list(&link, Deadline::within(PATIENCE)).await;
    assert_eq!(failed, Err(Failed::Unreachable));
    let refused = heard.recv().await.unwrap().expect("no handshake");
    assert_eq!(
        zeropass::identity::refusal::handshake_code(&refused),
        "key-exchange"
    );
}
