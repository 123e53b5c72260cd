//! A registry that sends whoever pulls from it or publishes there to places where they have
//! no business.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use zeropass::clock::{Clock as _, SystemClock};
use zeropass::identity::pki::{Ca, IssueRequest};
use zeropass_tests::deployment::certificates::install_provider;
use zeropass_tests::deployment::{Answer, Deployment, component_file};

use super::OPERATOR;

const PASSWORD: &str = "correct horse";

/// Answers over TLS, whatever it is told to.
struct Liar {
    address: SocketAddr,
    folder: tempfile::TempDir,
    /// Requests with the password in them.
    told: Arc<AtomicUsize>,
}

impl Liar {
    /// `answer` is what it says to every request, given its own address.
    async fn says(answer: impl Fn(SocketAddr) -> String + Send + Sync + 'static) -> Self {
        Self::answers(move |address, _| answer(address)).await
    }

    /// `answer` is what it says, given its own address and the method of the request.
    async fn answers(answer: impl Fn(SocketAddr, &str) -> String + Send + Sync + 'static) -> Self {
        install_provider();
        let folder = tempfile::tempdir().unwrap();
        let now = SystemClock.now();
        let ca = Ca::new(&"registry.internal".parse().unwrap(), now).unwrap();
        let mut request = IssueRequest::workload("spiffe://registry.internal/registry", now);
        request.ips = vec![Ipv4Addr::LOCALHOST.into()];
        let issued = ca.issue(&request).unwrap();
        let chain = CertificateDer::pem_slice_iter(issued.certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let text = json!({"auths": {
            address.to_string(): {"username": "publisher", "password": PASSWORD},
        }});
        std::fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        std::fs::write(folder.path().join("auth.json"), text.to_string()).unwrap();
        let told = Arc::new(AtomicUsize::new(0));
        let (answer, count) = (Arc::new(answer), Arc::clone(&told));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(socket).await else {
                        return;
                    };
                    let request = head(&mut stream).await;
                    count.fetch_add(usize::from(has_password(&request)), Ordering::SeqCst);
                    let method = request.split(' ').next().unwrap_or_default();
                    let answer = answer(address, method);
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self {
            address,
            folder,
            told,
        }
    }

    /// What a host says that pulls from here.
    async fn pulled(&self) -> Answer {
        let quoted = |path: PathBuf| format!("\"{}\"", path.display());
        let deployment = Deployment::builder()
            .admin()
            .set("oci", "registries", &format!("[\"{}\"]", self.address))
            .set("oci", "ca", &quoted(self.folder.path().join("ca.pem")))
            .set(
                "oci",
                "credentials",
                &quoted(self.folder.path().join("auth.json")),
            )
            .start()
            .await;
        let reference = format!(
            "oci://{}/team/passkey-manager@sha256:{}",
            self.address,
            "0".repeat(64)
        );
        let admin = deployment.admin_client(OPERATOR);
        let path = "/v1/components/passkey-manager/revisions";
        admin.post(path, &json!({ "oci": reference })).await
    }
}

impl Liar {
    /// What our command says that publishes here, in vain.
    async fn published(&self) -> String {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let words = [
            "zeropass".to_owned(),
            "component".to_owned(),
            "publish".to_owned(),
            component_file("passkey_manager").display().to_string(),
            format!("oci://{}/team/passkey-manager:1.0.0", self.address),
            "--unsigned".to_owned(),
            "--registry-ca".to_owned(),
            file("ca.pem"),
            "--credentials".to_owned(),
            file("auth.json"),
        ];
        let ran = tokio::task::spawn_blocking(move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut out = Vec::new();
            let well = zeropass::cli::execute(&words, &mut out).expect("a command");
            (well, String::from_utf8(out).unwrap())
        });
        let (well, said) = ran.await.unwrap();
        assert!(!well, "{said}");
        said
    }
}

/// A place without TLS where nobody should come.
async fn trap() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, came)
}

async fn head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => bytes.extend_from_slice(&buffer[..read]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn has_password(request: &str) -> bool {
    request.contains(&STANDARD.encode(format!("publisher:{PASSWORD}")))
}

fn challenge(realm: &str) -> String {
    format!(
        "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer realm=\"{realm}\",service=\"x\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_to_no_host_that_only_the_registry_names() {
    for scheme in ["http", "https"] {
        let (address, came) = trap().await;
        let realm = format!("{scheme}://localhost:{}/token", address.port());
        let liar = Liar::says(move |_| challenge(&realm)).await;
        let refused = liar.pulled().await;
        assert_eq!(refused.problem(), (502, "registry-elsewhere".to_owned()));
        let said = String::from_utf8_lossy(refused.body()).into_owned();
        assert!(said.contains(&format!("{scheme}://localhost:")), "{said}");
        assert_eq!(came.load(Ordering::SeqCst), 0, "{scheme}");
        assert_eq!(liar.told.load(Ordering::SeqCst), 0, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_over_no_connection_without_tls() {
    let (address, came) = trap().await;
    // Its own host, and in the clear.
    let realm = format!("http://{address}/token");
    let liar = Liar::says(move |_| challenge(&realm)).await;
    let refused = liar.pulled().await;
    assert_eq!(refused.problem(), (502, "registry-elsewhere".to_owned()));
    assert_eq!(came.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirect_leads_to_no_host_that_is_not_configured() {
    for scheme in ["http", "https"] {
        let (address, came) = trap().await;
        let location = format!("{scheme}://{address}/elsewhere");
        let liar = Liar::says(move |_| {
            format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        })
        .await;
        let refused = liar.pulled().await;
        assert_eq!(refused.problem(), (502, "registry-error".to_owned()));
        let said = String::from_utf8_lossy(refused.body()).into_owned();
        assert!(said.contains("which is not allowed"), "{said}");
        assert_eq!(came.load(Ordering::SeqCst), 0, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_read_up_to_a_limit() {
    let long = "x".repeat((4 << 20) + 1);
    let endless = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{long}"
    );
    let liar = Liar::says(move |_| endless.clone()).await;
    let refused = liar.pulled().await;
    assert_eq!(refused.problem(), (502, "registry-error".to_owned()));
    let said = String::from_utf8_lossy(refused.body()).into_owned();
    assert!(
        said.contains("its answer is longer than 4194304 bytes"),
        "{said}"
    );
}

/// To itself, as it may.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_to_the_registrys_own_token_service() {
    let liar = Liar::says(|address| challenge(&format!("https://{address}/token"))).await;
    let refused = liar.pulled().await;
    assert_eq!(refused.problem(), (502, "registry-denied".to_owned()));
    assert_eq!(liar.told.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_uploaded_without_tls() {
    for status in ["202 Accepted", "307 Temporary Redirect"] {
        let (address, came) = trap().await;
        let liar = Liar::answers(move |_, method| match method {
            "POST" => format!(
                "HTTP/1.1 {status}\r\nlocation: http://{address}/upload\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ),
            _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
        })
        .await;
        let said = liar.published().await;
        assert!(said.contains(&address.to_string()), "{said}");
        assert!(said.contains("allowed"), "{said}");
        assert_eq!(came.load(Ordering::SeqCst), 0, "{status}");
    }
}
