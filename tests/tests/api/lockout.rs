//! Too many failed sign-ins lock an account, whoever it is and however they come.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Answer, Client, Deployment, ORIGIN, Person, WORKLOAD};

use super::scene;

/// Begin a sign-in, and the path that finishes it.
async fn begin(client: &Client, body: &Value) -> (String, Value) {
    let begun = client.post("/v1/authentications", body).await.expect(201);
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    (path, begun["publicKey"].clone())
}

/// An answer to a challenge with a signature that is not right.
async fn wrong(person: &Person, options: &Value) -> Value {
    let mut credential = person.get(options).await.unwrap();
    let signature = text(&credential["response"]["signature"]).to_owned();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let last = signature.len() - 1;
    signature[last] ^= 1;
    credential["response"]["signature"] = URL_SAFE_NO_PAD.encode(signature).into();
    json!({"credential": credential})
}

/// Whoever guesses knows no key, and answers with whatever id is asked for.
pub(super) async fn guess(person: &Person, options: &Value) -> Value {
    let mut own = options.clone();
    own["allowCredentials"] = json!([]);
    let mut body = wrong(person, &own).await;
    let asked = options["allowCredentials"][0]["id"].clone();
    body["credential"]["id"] = asked.clone();
    body["credential"]["rawId"] = asked;
    body["credential"]["response"]
        .as_object_mut()
        .unwrap()
        .remove("userHandle");
    body
}

async fn fail(client: &Client, person: &Person, who: &Value) -> Answer {
    let (path, options) = begin(client, who).await;
    client.post(&path, &wrong(person, &options).await).await
}

fn ada() -> Value {
    json!({"user": {"name": "ada"}})
}

fn signature_invalid() -> (u16, String) {
    (422, "signature-invalid".into())
}

fn rate_limited() -> (u16, String) {
    (429, "rate-limited".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn tenth_failure_locks_the_account_even_for_its_owner() {
    let (deployment, client, person) = scene().await;
    let registered = person.register(&client, "ada").await.expect(201);
    let signed_in = person.sign_in(&client, "ada").await.expect(200);
    for _ in 0..10 {
        let refused = fail(&client, &person, &ada()).await;
        assert_eq!(refused.problem(), signature_invalid());
    }
    for refused in [
        fail(&client, &person, &ada()).await,
        person.sign_in(&client, "ada").await,
        person.sign_in_discoverable(&client).await,
    ] {
        assert_eq!(refused.problem(), rate_limited());
        let seconds: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1_700..=1_800).contains(&seconds), "{seconds}");
    }
    let lock = deployment
        .record_where(|record| record.action == "authentication.lock")
        .await;
    assert_eq!(lock.target, text(&registered["user"]["id"]));

    // Others sign in, and sessions that there are go on.
    let bob = Person::at(ORIGIN);
    bob.register(&client, "bob").await.expect(201);
    bob.sign_in(&client, "bob").await.expect(200);
    let token = text(&signed_in["session"]["token"]);
    let session = client.post_token("/v1/sessions/introspect", token).await;
    assert_eq!(session.expect(200)["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn success_ends_the_count() {
    let (_deployment, client, person) = scene().await;
    person.register(&client, "ada").await.expect(201);
    for _ in 0..2 {
        for _ in 0..9 {
            let refused = fail(&client, &person, &ada()).await;
            assert_eq!(refused.problem(), signature_invalid());
        }
        person.sign_in(&client, "ada").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discoverable_failures_count_for_the_passkeys_account() {
    let (_deployment, client, person) = scene().await;
    person.register(&client, "ada").await.expect(201);
    for _ in 0..10 {
        let refused = fail(&client, &person, &json!({})).await;
        assert_eq!(refused.problem(), signature_invalid());
    }
    let refused = person.sign_in(&client, "ada").await;
    assert_eq!(refused.problem(), rate_limited());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_name_is_locked_like_a_known_one() {
    let (_deployment, client, person) = scene().await;
    person.register(&client, "ada").await.expect(201);
    let mut seen = Vec::new();
    for name in ["ada", "bob"] {
        let who = json!({"user": {"name": name}});
        let mut answers = Vec::new();
        for _ in 0..12 {
            let (path, options) = begin(&client, &who).await;
            let body = guess(&person, &options).await;
            answers.push(client.post(&path, &body).await.problem());
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1][9], signature_invalid());
    assert_eq!(seen[1][10..], [rate_limited(), rate_limited()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_100_parallel_attempts_ten_get_a_verdict() {
    let (_deployment, client, person) = scene().await;
    person.register(&client, "ada").await.expect(201);
    let mut attempts = Vec::new();
    for _ in 0..100 {
        let (path, options) = begin(&client, &ada()).await;
        attempts.push((path, wrong(&person, &options).await));
    }
    let answers =
        futures::future::join_all(attempts.iter().map(|(path, body)| client.post(path, body)))
            .await;
    let verdicts = answers
        .iter()
        .filter(|answer| answer.problem() == signature_invalid());
    assert_eq!(verdicts.count(), 10);
    let limited = answers
        .iter()
        .filter(|answer| answer.problem() == rate_limited());
    assert_eq!(limited.count(), 90);
}

/// Whoever is to meet the standard learns at the start that this host does not.
#[test]
fn lockout_that_is_weaker_than_the_standard_is_told_at_the_start() {
    let told = |failures: &str, duration: &str| {
        let installation = Deployment::builder()
            .set("lockout", "failures", failures)
            .set("lockout", "duration", duration)
            .install();
        let host = installation.serve();
        let said = host.log().lines().filter(|line| line.contains("8.3.4"));
        let said: Vec<_> = said.map(str::to_owned).collect();
        assert!(host.stop());
        said
    };
    assert_eq!(told("10", "\"30m\""), Vec::<String>::new());
    for (failures, duration) in [("0", "\"30m\""), ("10", "\"60s\"")] {
        let said = told(failures, duration);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("\"WARN\""), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_wrong_answer_does_not_count() {
    let deployment = Deployment::builder()
        .set("lockout", "failures", "1")
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    let person = Person::at(ORIGIN);
    person.register(&client, "ada").await.expect(201);
    // A ceremony twice, and a body that breaks off.
    let (path, options) = begin(&client, &ada()).await;
    let credential = person.get(&options).await.unwrap();
    let body = json!({"credential": credential});
    client.post(&path, &body).await.expect(200);
    let again = client.post(&path, &body).await;
    assert_eq!(again.problem(), (409, "ceremony-used".into()));
    let (path, options) = begin(&client, &ada()).await;
    let mut broken = json!({"credential": person.get(&options).await.unwrap()});
    broken["credential"]["response"]["authenticatorData"] = "AAAA".into();
    let refused = client.post(&path, &broken).await;
    assert_eq!(refused.problem(), (400, "malformed".into()));
    person.sign_in(&client, "ada").await.expect(200);
    // One wrong answer is enough here.
    fail(&client, &person, &ada()).await;
    let refused = person.sign_in(&client, "ada").await;
    assert_eq!(refused.problem(), rate_limited());
}
