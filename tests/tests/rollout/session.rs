//! The session of docs/rollouts.md: an upgrade gone wrong and rolled back, typed as an
//! operator types it. Digests and times are put in the document's form; all other
//! characters are as the commands print them.

use std::path::Path;
use std::time::{Duration, Instant};

use zeropass_tests::deployment::{Answer, Client, Deployment, WORKLOAD, guest_file};
use zeropass_tests::signing::sign_into;

use super::{OPERATOR, access, component};

const NAME: &str = "auth-service";

/// The time of everything in the document.
const TIME: &str = "2026-11-21T10:00:00Z";

/// Run a line and note it with what it prints. True when it exits with 0.
async fn type_in(
    session: &mut String,
    line: &str,
    replaced: &[(&str, &str)],
    access: &[String],
) -> bool {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    for word in &mut words {
        for (shown, real) in replaced {
            if word == shown {
                *word = (*real).to_owned();
            }
        }
    }
    words.extend(access.iter().cloned());
    let said = tokio::task::spawn_blocking(move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut out = Vec::new();
        let well = zeropass::cli::execute(&words, &mut out).expect("a command");
        (well, String::from_utf8(out).unwrap())
    });
    let (well, said) = said.await.unwrap();
    session.push_str(&format!("$ {line}\n{said}\n"));
    well
}

async fn sign_ins(client: &Client, people: std::ops::Range<u32>) {
    for person in people {
        let request = client
            .request(http::Method::GET, "/.well-known/jwks.json")
            .header("zeropass-sticky", person.to_string());
        Answer::of(request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn session_of_the_document_is_what_the_commands_print() {
    let deployment = Deployment::builder()
        .admin()
        .auth_service(guest_file("answers_well"))
        .set("rollout", "follow", "\"50ms\"")
        .set("audit", "log", "\"host-1\"")
        .start()
        .await;
    let access = access(&deployment);
    let folder = tempfile::tempdir().unwrap();
    let wasm = folder.path().join("auth_service.wasm");
    std::fs::copy(guest_file("denies"), &wasm).unwrap();
    let signature = sign_into(folder.path(), deployment.key(), NAME, "1.1.0", &wasm).unwrap();
    std::fs::rename(signature, folder.path().join("auth_service.wasm.minisig")).unwrap();
    let wasm = wasm.to_str().unwrap().to_owned();
    let files = [("auth_service.wasm", wasm.as_str())];

    let admin = deployment.admin_client(OPERATOR);
    let client = deployment.client(WORKLOAD);
    let mut session = String::new();
    let push = "zeropass component push auth_service.wasm";
    assert!(type_in(&mut session, push, &files, &access).await);
    let dry = "zeropass component activate auth-service 1.1.0 --canary 20 --dry-run";
    assert!(type_in(&mut session, dry, &[], &access).await);
    let canary = "zeropass component activate auth-service 1.1.0 --canary 20 --reason release";
    assert!(type_in(&mut session, canary, &[], &access).await);
    let started = Instant::now();
    for hundred in 0.. {
        sign_ins(&client, hundred * 100..(hundred + 1) * 100).await;
        // The verdict is written down by a task of its own.
        tokio::time::sleep(Duration::from_millis(200)).await;
        if component(&admin, NAME).await["epoch"] != 2 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60));
    }
    for line in ["list", "history auth-service"] {
        let line = format!("zeropass component {line}");
        assert!(type_in(&mut session, &line, &[], &access).await);
    }
    let again = "zeropass component rollback auth-service";
    // There is no revision before the first one.
    assert!(!type_in(&mut session, again, &[], &access).await);
    let remove = "zeropass component remove auth-service 1.1.0 --yes";
    assert!(type_in(&mut session, remove, &[], &access).await);

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = std::fs::read_to_string(root.join("docs/rollouts.md")).unwrap();
    let (_, rest) = document.split_once("```console\n").expect("the session");
    let (printed, _) = rest.split_once("```").expect("its end");
    let session = normal(session.trim_end());
    assert_eq!(
        printed.trim_end(),
        session,
        "what was typed in now:\n{session}"
    );
}

/// Digests become letters in the order in which they come, times a fixed one, and the
/// number that the host's name ends with, which is its key's, zeros.
fn normal(session: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut out = String::new();
    let mut word = String::new();
    for one in session.chars().chain(['\n']) {
        if one.is_ascii_alphanumeric() {
            word.push(one);
            continue;
        }
        let hex = word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if hex && (word.len() == 12 || word.len() == 64) {
            let short = word.get(..12).unwrap().to_owned();
            let place = seen
                .iter()
                .position(|one| *one == short)
                .unwrap_or(seen.len());
            if place == seen.len() {
                seen.push(short);
            }
            let letter = char::from(b'a' + u8::try_from(place).unwrap());
            out.extend(std::iter::repeat_n(letter, word.len()));
        } else if hex && out.ends_with("host-1-") {
            out.push_str("00000000");
        } else {
            out.push_str(&word);
        }
        word.clear();
        out.push(one);
    }
    let mut lines = Vec::new();
    for line in out.lines() {
        let mut line = line.to_owned();
        while let Some(at) = time_at(&line) {
            line.replace_range(at..at + TIME.len(), TIME);
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// Where a time of whole seconds (RFC 3339) begins that is not [`TIME`].
fn time_at(line: &str) -> Option<usize> {
    let form = |text: &str| text.replace(|one: char| one.is_ascii_digit(), "0");
    (0..line.len()).find(|start| {
        line.get(*start..*start + TIME.len())
            .is_some_and(|text| text != TIME && form(text) == form(TIME))
    })
}
