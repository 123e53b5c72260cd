//! Connections of the link end with what they rest on, whichever end it is that loses
//! its trust; those that rest on something else go on.

use std::fs;
use std::time::{Duration, Instant};

use zeropass::identity::pki::{Ca, IssueRequest};
use zeropass::link::wire;
use zeropass_tests::deployment::certificates::{DAY, component, now, revocation_list};
use zeropass_tests::deployment::stream::PROMPT;
use zeropass_tests::deployment::{
    Certificate, Deployment, Protocol, Stream, TRUST_DOMAIN, WORKLOAD,
};

use super::kit::{self, component_id};

/// A path of the link whose function reads a body.
const LIST: &str = "/zeropass.passkeys/v1/lifecycle.list";

/// A stream of auth-service with this certificate, open at the link listener.
async fn open(deployment: &Deployment, certificate: &Certificate) -> Stream {
    let own = deployment.pki().join("own.pem");
    fs::write(&own, certificate.pem()).unwrap();
    let trusting = kit::material(
        deployment.ca(),
        &deployment.pki(),
        &component("auth-service"),
    );
    let mut tls = kit::client_config(&trusting);
    tls.client_auth_cert_resolver = deployment
        .client_config(Some(certificate))
        .client_auth_cert_resolver;
    let client = deployment.client_at(deployment.link_address(), tls, Protocol::Http2);
    Stream::on(&client, wire::HELLO, LIST).await
}

fn of_auth_service(ca: &Ca, change: impl FnOnce(&mut IssueRequest)) -> Certificate {
    let mut request = component("auth-service");
    change(&mut request);
    Certificate::of(ca, &request)
}

/// The record of a connection that the listener ended, and the link goes on.
async fn assert_ended(deployment: &Deployment, code: &str) {
    let caller = component_id("auth-service").to_string();
    let record = deployment
        .record_where(|record| {
            record.action == "connection.keep"
                && record.target == "link"
                && record.workload == caller
        })
        .await;
    assert_eq!(record.outcome, format!("failed:{code}"));
    deployment
        .client(WORKLOAD)
        .post("/v1/authentications", &serde_json::json!({}))
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_component_loses_its_link() {
    let deployment = Deployment::builder()
        .mtls_link()
        .with_revocation()
        .start()
        .await;
    let revoked = of_auth_service(deployment.ca(), |_| {});
    let ending = open(&deployment, &revoked).await;
    let staying = open(&deployment, &of_auth_service(deployment.ca(), |_| {})).await;
    let list = revocation_list(deployment.ca(), &[&revoked]);
    let change = || deployment.replace("crl.pem", &list);
    ending.cut_promptly_by(change).await;
    assert_ended(&deployment, "revoked").await;
    assert!(!staying.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_component_loses_its_link() {
    let deployment = Deployment::builder().mtls_link().start().await;
    // X.509 has whole seconds.
    let not_after = (now() + 3_000) / 1000 * 1000;
    let expiring = of_auth_service(deployment.ca(), |request| request.not_after = not_after);
    let ending = open(&deployment, &expiring).await;
    let staying = open(&deployment, &of_auth_service(deployment.ca(), |_| {})).await;
    let end = Instant::now() + Duration::from_millis(not_after - now());
    ending.cut_promptly(end).await;
    assert_ended(&deployment, "expired").await;
    assert!(!staying.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_root_ends_links() {
    let second = Ca::new(&TRUST_DOMAIN.parse().unwrap(), now()).unwrap();
    let deployment = Deployment::builder()
        .mtls_link()
        .trusting_too(&second)
        .start()
        .await;
    let ending = open(&deployment, &of_auth_service(&second, |_| {})).await;
    let staying = open(&deployment, &of_auth_service(deployment.ca(), |_| {})).await;
    let change = || deployment.replace("ca.pem", deployment.ca().pem());
    ending.cut_promptly_by(change).await;
    assert_ended(&deployment, "unknown-ca").await;
    assert!(!staying.has_ended());
}

/// A list that names passkey-manager too does not shield a caller that it names: the
/// host goes on under the certificate that it has, and judges others by the list.
#[tokio::test(flavor = "multi_thread")]
async fn list_with_the_hosts_own_certificates_still_revokes_the_caller() {
    let deployment = Deployment::builder()
        .mtls_link()
        .with_revocation()
        .start()
        .await;
    let revoked = of_auth_service(deployment.ca(), |_| {});
    let ending = open(&deployment, &revoked).await;
    let pem = fs::read_to_string(deployment.pki().join("passkey-manager.pem")).unwrap();
    let own = Certificate::new(pem, String::new());
    let list = revocation_list(deployment.ca(), &[&revoked, &own]);
    let change = || deployment.replace("crl.pem", &list);
    ending.cut_promptly_by(change).await;
    let callee = component_id("passkey-manager").to_string();
    let alarm = deployment
        .record_where(|record| record.action == "identity.renew" && record.target == callee)
        .await;
    assert_eq!(alarm.outcome, "failed:revoked");
    // The calling end does not take passkey-manager any more either, and says so.
    let ended = deployment
        .record_where(|record| record.action == "connection.keep" && record.workload == callee)
        .await;
    assert_eq!(
        (ended.outcome.as_str(), ended.target.as_str()),
        ("failed:revoked", "link")
    );
    assert_eq!(ended.address, deployment.link_address().to_string());
    let refused = deployment
        .client(WORKLOAD)
        .post("/v1/authentications", &serde_json::json!({}))
        .await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
}

/// How long ago something was, against what is promised.
#[track_caller]
fn prompt(since: Instant) {
    let taken = since.elapsed();
    assert!(taken < PROMPT, "{taken:?}");
}

mod calling {
    //! The calling end: who answers is judged again, as long as the connection stands.

    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use futures::FutureExt as _;
    use tokio::sync::{Notify, mpsc};
    use tokio::task::JoinHandle;
    use zeropass::identity::{CurrentClientTls, CurrentTls};
    use zeropass::link::wire::envelope::Answer as Said;
    use zeropass::link::wire::passkeys::{Passkey, Rejection};
    use zeropass::link::{Failed, LinkClient, Notice, NoticeKind};
    use zeropass::runtime::Deadline;
    use zeropass::server::Limits;

    use super::super::kit::{
        self, Back, PATIENCE, Pki, Script, answer, client_tls, component_id, eventually, list,
        material, noticing, revoke, server_tls,
    };
    use super::*;

    fn soon() -> Deadline {
        Deadline::within(PATIENCE)
    }

    /// Answers `lifecycle.list` at once, and everything else when it is let.
    fn patient(begun: mpsc::UnboundedSender<()>, let_go: &Arc<Notify>) -> Script {
        let let_go = Arc::clone(let_go);
        Box::new(move |request| {
            let (begun, let_go) = (begun.clone(), Arc::clone(&let_go));
            async move {
                if request.uri().path().ends_with("lifecycle.list") {
                    return answer(200, &Said::<Vec<Passkey>, Rejection>::Ok(Vec::new()));
                }
                begun.send(()).unwrap();
                let_go.notified().await;
                answer(200, &Said::<(), Rejection>::Ok(()))
            }
            .boxed()
        })
    }

    /// A host at the other end with a call under way that ends when it is let.
    struct Scene {
        back: Back,
        link: Arc<LinkClient>,
        noticed: mpsc::UnboundedReceiver<Notice>,
        call: JoinHandle<Result<(), Failed>>,
        let_go: Arc<Notify>,
    }

    impl Scene {
        async fn new(server: CurrentTls, limits: Limits, client: &CurrentClientTls) -> Self {
            let (begun, mut began) = mpsc::unbounded_channel();
            let let_go = Arc::default();
            let script = patient(begun, &let_go);
            let address = "127.0.0.1:0".parse().unwrap();
            let back = Back::start(address, server, limits, script).await;
            let (link, noticed) = noticing(&[back.address], client.clone());
            let caller = Arc::clone(&link);
            let call = tokio::spawn(async move { revoke(&caller, soon()).await });
            began.recv().await.unwrap();
            Self {
                back,
                link,
                noticed,
                call,
                let_go,
            }
        }

        /// The call is lost, for this reason, and there is nobody any more to call.
        async fn cut(mut self, since: Instant, code: &'static str) {
            assert_eq!(self.call.await.unwrap(), Err(Failed::Lost));
            prompt(since);
            let ended = NoticeKind::Ended(component_id("passkey-manager"));
            let notice = self.noticed.recv().await.unwrap();
            assert_eq!((notice.kind, notice.code), (ended, code));
            assert_eq!(notice.address, self.back.address.to_string());
            assert_eq!(list(&self.link, soon()).await, Err(Failed::Unreachable));
            let notice = self.noticed.recv().await.unwrap();
            assert_eq!((notice.kind, notice.code), (NoticeKind::Refused, code));
        }

        /// The call goes on to its end.
        async fn stays(self) {
            assert!(!self.call.is_finished());
            self.let_go.notify_one();
            assert_eq!(self.call.await.unwrap(), Ok(()));
        }
    }

    fn write_list(pki: &Pki, revoked: &[Vec<u8>], until: u64) {
        let list = pki.ca().revocation_list(revoked, now() - 60_000, until);
        fs::write(pki.folder().join("crl.pem"), list.unwrap()).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn revoked_server_is_cut_off_with_the_calls_that_run_there() {
        let pki = Pki::new();
        write_list(&pki, &[], now() + DAY);
        let own = pki.material(&component("passkey-manager"));
        let serial = own.svid().serial.clone();
        let client = CurrentClientTls::new(pki.client_tls());
        let ending = CurrentTls::new(server_tls(&own));
        let ending = Scene::new(ending, Limits::default(), &client).await;
        let staying = CurrentTls::new(pki.server());
        let staying = Scene::new(staying, Limits::default(), &client).await;
        write_list(&pki, &[serial], now() + DAY);
        let since = Instant::now();
        client.publish(pki.client_tls());
        ending.cut(since, "revoked").await;
        staying.stays().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn server_of_a_removed_root_is_cut_off() {
        let (pki, second) = (Pki::new(), Pki::new());
        let both = format!("{}{}", pki.ca().pem(), second.ca().pem());
        for folder in [pki.folder(), second.folder()] {
            fs::write(folder.join("ca.pem"), &both).unwrap();
        }
        let client = CurrentClientTls::new(pki.client_tls());
        let ending = CurrentTls::new(second.server());
        let ending = Scene::new(ending, Limits::default(), &client).await;
        let staying = CurrentTls::new(pki.server());
        let staying = Scene::new(staying, Limits::default(), &client).await;
        fs::write(pki.folder().join("ca.pem"), pki.ca().pem()).unwrap();
        let since = Instant::now();
        client.publish(pki.client_tls());
        ending.cut(since, "unknown-ca").await;
        staying.stays().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn server_is_cut_off_when_the_list_about_it_expires() {
        let pki = Pki::new();
        let server = CurrentTls::new(pki.server());
        // It holds to the last millisecond of its last second.
        let until = (now() + 2_000) / 1000 * 1000;
        write_list(&pki, &[], until);
        let client = CurrentClientTls::new(pki.client_tls());
        let scene = Scene::new(server, Limits::default(), &client).await;
        let end = Instant::now() + Duration::from_millis(until + 1_000 - now());
        scene.cut(end, "revocation-expired").await;
    }

    /// The other end says goodbye to a connection on which it still answers: others do not
    /// wait for that.
    #[tokio::test(flavor = "multi_thread")]
    async fn connection_that_is_being_ended_keeps_no_call_waiting() {
        let pki = Pki::new();
        let limits = Limits {
            max_connection_age: Duration::from_millis(500),
            ..Limits::default()
        };
        let client = CurrentClientTls::new(pki.client_tls());
        let scene = Scene::new(CurrentTls::new(pki.server()), limits, &client).await;
        let ended = || scene.back.counts().ended.load(Ordering::SeqCst);
        let started = Instant::now();
        while ended() < 4 {
            assert_eq!(list(&scene.link, soon()).await, Ok(0));
            assert!(started.elapsed() < PATIENCE, "{} ended", ended());
        }
        scene.stays().await;
    }

    /// New material that the other end does not take, yet: the connection of before serves
    /// until there is one of now.
    #[tokio::test(flavor = "multi_thread")]
    async fn connection_serves_until_there_is_one_with_the_new_certificate() {
        let (pki, stranger) = (Pki::new(), Pki::new());
        let both = format!("{}{}", pki.ca().pem(), stranger.ca().pem());
        let client = CurrentClientTls::new(pki.client_tls());
        let server = CurrentTls::new(pki.server());
        let scene = Scene::new(server.clone(), Limits::default(), &client).await;
        fs::write(pki.folder().join("ca.pem"), &both).unwrap();
        let request = component("auth-service");
        let renewed = material(stranger.ca(), pki.folder(), &request);
        client.publish(client_tls(&renewed));
        let counts = scene.back.counts();
        let started = Instant::now();
        while counts.refused.load(Ordering::SeqCst) < 3 {
            assert_eq!(list(&scene.link, soon()).await, Ok(0));
            assert!(started.elapsed() < PATIENCE, "nobody dials");
        }
        assert_eq!(counts.taken.load(Ordering::SeqCst), 1);
        // Now the other end knows the new authority too.
        server.publish(pki.server());
        eventually(|| async {
            assert_eq!(list(&scene.link, soon()).await, Ok(0));
            let taken = counts.taken.load(Ordering::SeqCst);
            if taken == 2 { Ok(()) } else { Err(taken) }
        })
        .await;
        scene.stays().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn identity_that_is_withdrawn_calls_nobody_any_more() {
        let pki = Pki::new();
        let client = CurrentClientTls::new(pki.client_tls());
        let scene = Scene::new(CurrentTls::new(pki.server()), Limits::default(), &client).await;
        client.withdraw();
        assert_eq!(scene.call.await.unwrap(), Err(Failed::Lost));
        assert_eq!(list(&scene.link, soon()).await, Err(Failed::Unreachable));
        client.publish(kit::client_tls(&pki.material(&component("auth-service"))));
        eventually(|| list(&scene.link, soon())).await;
    }
}
