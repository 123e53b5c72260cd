//! Whom a command takes for the host, and how long it waits for it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::identity::ca::{Ca, IssueRequest, serial_of};
use crate::identity::{Material, MaterialFiles, certificates};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// What is certain to run out.
const SHORT: Duration = Duration::from_millis(50);

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    access: Access,
}

/// What is at the address of the host.
#[derive(Clone, Copy)]
enum Host {
    /// It answers.
    Answers,
    /// It takes the request and says nothing.
    Mute,
}

struct Scene {
    folder: tempfile::TempDir,
    ca: Ca,
}

// === impl Scene ===

impl Scene {
    /// With an operator's certificate.
    fn new() -> Self {
        let ca = Ca::new(&"td".parse().unwrap(), SystemClock.now()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        let scene = Self { folder, ca };
        scene.issue("operator", &workload("spiffe://td/operator/ann"));
        scene
    }

    fn issue(&self, name: &str, request: &IssueRequest) {
        let issued = self.ca.issue(request).unwrap();
        let write = |end: &str, text: &str| {
            std::fs::write(self.folder.path().join(format!("{name}.{end}")), text).unwrap();
        };
        write("pem", &issued.certificate);
        write("key", &issued.key);
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The host with this certificate, whose own side accepts every operator.
    async fn host(&self, request: &IssueRequest, host: Host) -> String {
        let proper = workload("spiffe://td/host");
        self.issue("proper", &proper);
        self.issue("host", request);
        let path = |name: &str| Path::new(&self.file(name)).to_owned();
        let files = MaterialFiles {
            certificate: path("proper.pem"),
            key: path("proper.key"),
            roots: path("ca.pem"),
            crls: Vec::new(),
            trust_domains: vec!["td".parse().unwrap()],
        };
        let material = Material::load(&files, SystemClock.now()).unwrap();
        // A host would not start with a certificate that breaks the rules; somebody else does.
        let chain = certificates(&path("host.pem"), "a certificate").unwrap();
        let key = crate::identity::Parts::read(&MaterialFiles {
            certificate: path("host.pem"),
            key: path("host.key"),
            ..files
        });
        let config = rustls::ServerConfig::builder_with_provider(crate::identity::tls::provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(material.verifier())
            .with_single_cert(chain, key.unwrap().key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((socket, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(socket).await else {
                    continue;
                };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                if let Host::Mute = host {
                    std::future::pending::<()>().await;
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                stream.write_all(answer).await.unwrap();
            }
        });
        format!("https://{address}")
    }

    /// Ask at this address, with more options: what comes of it, or why not.
    async fn ask(&self, admin: &str, more: &[&str], limits: &Limits) -> Result<Value, String> {
        let (ca, cert, key) = ("ca.pem", "operator.pem", "operator.key");
        let (ca, cert, key) = (self.file(ca), self.file(cert), self.file(key));
        let line = [
            "x", "--admin", admin, "--ca", &ca, "--cert", &cert, "--key", &key,
        ];
        let line = Line::try_parse_from(line.iter().chain(more)).unwrap();
        let asked = line
            .access
            .exchange(Method::GET, "/v1/components", Body::Nothing, limits);
        asked.await.map_err(|error| format!("{error:#}"))
    }
}

fn workload(id: &str) -> IssueRequest {
    IssueRequest::workload(id, SystemClock.now())
}

fn patient() -> Limits {
    Limits {
        connection: LONG,
        answer: LONG,
    }
}

#[tokio::test]
async fn host_without_a_dns_name_is_reached() {
    let scene = Scene::new();
    let host = scene
        .host(&workload("spiffe://td/host"), Host::Answers)
        .await;
    scene.ask(&host, &[], &patient()).await.unwrap();
}

#[tokio::test]
async fn host_is_the_one_of_the_operators_domain_or_the_one_that_is_named() {
    let scene = Scene::new();
    let host = scene
        .host(&workload("spiffe://td/hosts/one"), Host::Answers)
        .await;
    let refused = scene.ask(&host, &[], &patient()).await.unwrap_err();
    let why = "no trusted connection to spiffe://td/host (`peer-unexpected`: \
               `spiffe://td/hosts/one` is at the other end; only `spiffe://td/host` may be)";
    assert!(refused.ends_with(why), "{refused}");
    let named = ["--host-id", "spiffe://td/hosts/one"];
    scene.ask(&host, &named, &patient()).await.unwrap();
}

#[tokio::test]
async fn server_without_an_svid_is_refused() {
    let scene = Scene::new();
    let mut by_name = workload("spiffe://td/host");
    by_name.uris.clear();
    by_name.dns = vec!["localhost".to_owned()];
    by_name.ips = vec![std::net::Ipv4Addr::LOCALHOST.into()];
    let host = scene.host(&by_name, Host::Answers).await;
    let refused = scene.ask(&host, &[], &patient()).await.unwrap_err();
    assert!(refused.contains("(`no-spiffe-id`: "), "{refused}");
}

#[tokio::test]
async fn revoked_host_is_refused() {
    let scene = Scene::new();
    let host = scene
        .host(&workload("spiffe://td/host"), Host::Answers)
        .await;
    let chain = certificates(Path::new(&scene.file("host.pem")), "a certificate").unwrap();
    let now = SystemClock.now();
    let crl = scene.file("crl.pem");
    for (serials, refused) in [(vec![], false), (vec![serial_of(&chain[0]).unwrap()], true)] {
        let list = scene
            .ca
            .revocation_list(&serials, now - 60_000, now + 3_600_000)
            .unwrap();
        std::fs::write(&crl, list).unwrap();
        let asked = scene.ask(&host, &["--crl", &crl], &patient()).await;
        match asked {
            Ok(_) => assert!(!refused),
            Err(error) => assert!(refused && error.contains("(`revoked`: "), "{error}"),
        }
    }
}

#[tokio::test]
async fn listener_that_says_nothing_ends_the_command() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("https://{}", listener.local_addr().unwrap());
    let limits = Limits {
        connection: SHORT,
        answer: LONG,
    };
    let error = scene.ask(&silent, &[], &limits).await.unwrap_err();
    let why = "somebody is there, but the TLS handshake was not done within 50ms";
    assert!(error.ends_with(why), "{error}");
}

#[tokio::test]
async fn host_that_never_answers_ends_the_command() {
    let scene = Scene::new();
    let host = scene.host(&workload("spiffe://td/host"), Host::Mute).await;
    let limits = Limits {
        connection: LONG,
        answer: SHORT,
    };
    let error = scene.ask(&host, &[], &limits).await.unwrap_err();
    let why = "no answer within 50ms; what was asked may be done all the same";
    assert!(error.ends_with(why), "{error}");
}

/// Files take as long as they take, as long as the host takes them.
#[tokio::test]
async fn request_that_is_still_taken_is_waited_for() {
    let (taken, taking) = watch::channel(());
    let answer = async {
        let began = Instant::now();
        while began.elapsed() < 4 * SHORT {
            taken.send_replace(());
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(within(SHORT, taking, answer).await, Some(()));
    let (_taken, taking) = watch::channel(());
    let never = std::future::pending::<()>();
    assert_eq!(within(SHORT, taking, never).await, None);
}
