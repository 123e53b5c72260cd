//! The end of a host: what was accepted is answered.

use std::sync::Arc;

use http::Method;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zeropass::server::drain::Drained;
use zeropass_tests::deployment::audit::stored_records;
use zeropass_tests::deployment::{Answer, Deployment, Protocol, WORKLOAD};

#[tokio::test(flavor = "multi_thread")]
async fn request_that_was_accepted_before_the_drain_is_answered() {
    let mut deployment = Deployment::start().await;
    let mut stream = connect(&deployment).await;
    stream
        .write_all(
            b"POST /v1/authentications HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
              content-length: 2\r\nexpect: 100-continue\r\n\r\n",
        )
        .await
        .unwrap();
    // The host asks for the body: it has accepted the request.
    read_until(&mut stream, b"HTTP/1.1 100 Continue\r\n\r\n").await;

    deployment.begin_drain();
    // It takes no more connections; the old one goes on.
    let address = deployment.address();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(b"{}").await.unwrap();
    let answer = read_until(&mut stream, b"\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(
        answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert_eq!(deployment.stop().await, Drained::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_under_load_loses_no_request_that_was_accepted() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut deployment = Deployment::start().await;
        let client = deployment.client_speaking(WORKLOAD, protocol);
        client
            .post("/v1/authentications", &json!({}))
            .await
            .expect(201);
        let (answered, mut count) = tokio::sync::mpsc::unbounded_channel();
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let (client, answered) = (client.clone(), answered.clone());
                // Until the host takes no more connections.
                tokio::spawn(async move {
                    loop {
                        let request = client.request(Method::POST, "/v1/authentications");
                        match Answer::try_of(request.json(&json!({}))).await {
                            Ok(answer) => {
                                answer.expect(201);
                                let _ = answered.send(answer.request_id().to_owned());
                            }
                            Err(error) if error.is_connect() => return,
                            // The old connection closed before the request was taken.
                            Err(_) => {}
                        }
                    }
                })
            })
            .collect();
        drop(answered);
        let mut ids = Vec::new();
        while ids.len() < 40 {
            ids.push(count.recv().await.expect("the load goes on"));
        }
        assert_eq!(deployment.stop().await, Drained::Clean, "{protocol:?}");
        for worker in workers {
            worker.await.unwrap();
        }
        while let Some(id) = count.recv().await {
            ids.push(id);
        }

        // Every request that the log has was answered, but for the first one of above.
        let file = deployment.folder().join("zeropass.db");
        let records = stored_records(&file).await;
        let mut recorded: Vec<_> = records
            .iter()
            .filter(|record| record.action == "api.authentications")
            .map(|record| record.request_id.clone())
            .skip(1)
            .collect();
        recorded.sort();
        ids.sort();
        assert_eq!(recorded, ids, "{protocol:?}");
        assert_eq!(records.last().unwrap().action, "host.stop");
    }
}

async fn connect(deployment: &Deployment) -> TlsStream<TcpStream> {
    let mut config = deployment.client_config(Some(&deployment.certificate(WORKLOAD)));
    config.alpn_protocols = Protocol::Http1.alpn();
    let stream = TcpStream::connect(deployment.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

async fn read_until(stream: &mut TlsStream<TcpStream>, end: &[u8]) -> String {
    let mut read = Vec::new();
    while !read.windows(end.len()).any(|window| window == end) {
        let byte = stream.read_u8().await.expect("more of an answer");
        read.push(byte);
    }
    String::from_utf8(read).unwrap()
}
