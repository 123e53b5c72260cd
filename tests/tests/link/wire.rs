//! What somebody sees who listens to the link, and what it was negotiated with.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{NamedGroup, ProtocolVersion};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeropass_tests::deployment::certificates::component;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Deployment, ORIGIN, Person, WORKLOAD};

use super::kit;
use super::relay::{APPLICATION_DATA, HANDSHAKE, Relay, chosen_group, records};

/// X25519MLKEM768 (IANA TLS supported groups).
const X25519MLKEM768: u16 = 0x11ec;

#[tokio::test(flavor = "multi_thread")]
async fn listener_on_the_wire_sees_tls_records_only() {
    let relay = Relay::start().await;
    let deployment = Deployment::builder()
        .mtls_link()
        .set("link", "targets", &format!("[\"{}\"]", relay.address))
        .start()
        .await;
    relay.lead_to(deployment.link_address());
    let client = deployment.client(WORKLOAD);
    let ada = Person::at(ORIGIN);
    // The first attempts may come before the relay knew the way.
    kit::eventually(|| async {
        let begun = client.post("/v1/authentications", &json!({})).await;
        if begun.status() == 201 {
            Ok(())
        } else {
            Err(begun)
        }
    })
    .await;
    let registered = ada.register(&client, "ada").await.expect(201);
    let begun = client
        .post("/v1/authentications", &json!({"user": {"name": "ada"}}))
        .await
        .expect(201);
    let credential = ada.get(&begun["publicKey"]).await.unwrap();
    let ceremony = text(&begun["ceremony"]);
    client
        .post(
            &format!("/v1/authentications/{ceremony}"),
            &json!({"credential": credential}),
        )
        .await
        .expect(200);

    let mut carried = 0;
    for (index, direction) in relay.tape.directions().iter().enumerate() {
        let records = records(direction);
        let Some(first) = records.first() else {
            continue;
        };
        assert_eq!(first.kind, HANDSHAKE);
        carried += records
            .iter()
            .filter(|record| record.kind == APPLICATION_DATA)
            .map(|record| record.payload.len())
            .sum::<usize>();
        // After the hellos every handshake message is encrypted too.
        let open = records.iter().filter(|record| record.kind == HANDSHAKE);
        assert_eq!(open.count(), 1);
        if index % 2 == 1 {
            assert_eq!(chosen_group(&first.payload), X25519MLKEM768);
        }
    }
    assert!(
        carried > 4_000,
        "the calls went another way: {carried} bytes"
    );

    // Nothing of what the calls were about, in any of its forms.
    let challenge = text(&begun["publicKey"]["challenge"]);
    let passkey = text(&registered["passkey"]["id"]);
    for secret in [&challenge, &ceremony, &passkey] {
        assert!(!relay.tape.contains(secret.as_bytes()), "{secret}");
        let raw = URL_SAFE_NO_PAD.decode(secret).unwrap();
        assert!(!relay.tape.contains(&raw), "{secret}");
    }
    for word in [
        "challenge",
        "authentication.finish",
        "example.com",
        "user-id",
    ] {
        assert!(!relay.tape.contains(word.as_bytes()), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn link_is_tls_1_3_with_a_hybrid_group_and_nothing_to_resume() {
    let deployment = Deployment::builder().mtls_link().start().await;
    let own = kit::material(
        deployment.ca(),
        &deployment.pki(),
        &component("auth-service"),
    );
    let mut tls = kit::client_config(&own);
    // This client would resume, if only the listener let it.
    tls.resumption = Resumption::in_memory_sessions(8);
    let tls = Arc::new(tls);
    for _ in 0..2 {
        let address = deployment.link_address();
        let socket = TcpStream::connect(address).await.unwrap();
        let name = ServerName::IpAddress(address.ip().into());
        let mut stream = TlsConnector::from(Arc::clone(&tls))
            .connect(name, socket)
            .await
            .unwrap();
        // A ticket would come before the first frame.
        stream.read_exact(&mut [0; 9]).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.tls13_tickets_received(), 0);
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
        let group = session.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(group, NamedGroup::X25519MLKEM768);
        assert_eq!(session.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn link_listener_speaks_no_http_1() {
    let deployment = Deployment::builder().mtls_link().start().await;
    let own = kit::material(
        deployment.ca(),
        &deployment.pki(),
        &component("auth-service"),
    );
    let mut tls = kit::client_config(&own);
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let address = deployment.link_address();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::IpAddress(address.ip().into());
    let refused = TlsConnector::from(Arc::new(tls))
        .connect(name, socket)
        .await;
    assert!(refused.is_err());
    deployment
        .record_where(|record| record.outcome == "failed:no-protocol" && record.target == "link")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn link_listener_can_require_a_hybrid_group() {
    let deployment = Deployment::builder()
        .mtls_link()
        .set("service", "key-exchange", "\"hybrid-only\"")
        .start()
        .await;
    let own = kit::material(
        deployment.ca(),
        &deployment.pki(),
        &component("auth-service"),
    );
    let tls = kit::client_config(&own);
    let mut classical = rustls::crypto::CryptoProvider::clone(tls.crypto_provider());
    let hybrid = |name| name == NamedGroup::X25519MLKEM768;
    classical.kx_groups.retain(|group| !hybrid(group.name()));
    let mut classical = rustls::ClientConfig::builder_with_provider(Arc::new(classical))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(own.roots())
        .with_client_cert_resolver(tls.client_auth_cert_resolver);
    classical.alpn_protocols = tls.alpn_protocols;
    let address = deployment.link_address();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::IpAddress(address.ip().into());
    let refused = TlsConnector::from(Arc::new(classical))
        .connect(name, socket)
        .await;
    assert!(refused.is_err());
    deployment
        .record_where(|record| record.outcome == "failed:key-exchange" && record.target == "link")
        .await;
    // The components agree on one.
    deployment
        .client(WORKLOAD)
        .post("/v1/authentications", &json!({}))
        .await
        .expect(201);
}
