//! The steps of README's "Run it on a server", word for word, from an empty folder to a
//! host that answers.
//!
//! Only the programs and the components are taken from where they are built, and the ports
//! are free ones.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use zeropass_tests::deployment::{Answer, Client, binary_file, component_file};

/// The host, which ends with its value.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_the_readme_lead_to_a_host_that_answers() {
    let steps = steps();
    let (prepare, rest) = steps.split_once("zeropass serve ").expect("a host");
    let (serve, ask) = rest.split_once('\n').expect("a request");
    let folder = tempfile::tempdir().unwrap();
    let said = Command::new("sh")
        .args(["-e", "-c", prepare])
        .env("SOURCE", root())
        .env("PATH", path())
        .current_dir(&folder)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{prepare}\n{told}");
    assert!(told.contains("zeropass.toml: no problems"), "{told}");

    let config = folder.path().join("zeropass.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    for port in ["8443", "8444", "8445", "8446"] {
        let listen = format!("listen = \"127.0.0.1:{port}\"");
        assert!(text.contains(&listen), "{listen}");
        text = text.replace(&listen, "listen = \"127.0.0.1:0\"");
    }
    std::fs::write(&config, text).unwrap();
    let mut host = Command::new(binary_file("zeropass"))
        .arg("serve")
        .args(serve.split_whitespace())
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map(Served)
        .unwrap();
    let mut log = String::new();
    let mut lines = BufReader::new(host.0.stderr.take().unwrap()).lines();
    let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        log += &line;
        log.push('\n');
        let serves = event["message"] == "serving";
        serves.then(|| event["address"].as_str().unwrap().to_owned())
    });
    let address = address.unwrap_or_else(|| panic!("the host does not start:\n{log}"));
    // So that the host never waits for its log.
    std::thread::spawn(move || lines.for_each(drop));

    let (options, url) = ask.trim().rsplit_once(' ').expect("a url");
    let option = |name: &str| {
        let (_, rest) = options.split_once(&format!("--{name} ")).expect(name);
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let file = |name: &str| folder.path().join(option(name));
    let (_, port) = address.rsplit_once(':').unwrap();
    let url = url.replace(":8443", &format!(":{port}"));
    let (origin, path) = url.split_at(url.find("/v1").expect("a request of version 1"));
    let client = Client::of_files(origin, &file("cacert"), &file("cert"), &file("key"));
    assert_eq!(option("json"), "'{}'");
    let answer: Answer = client.post(path, &serde_json::json!({})).await;
    let begun = answer.expect(201);
    assert!(begun["publicKey"]["challenge"].is_string(), "{begun}");
}

/// All lines of the steps, in their order.
fn steps() -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Run it on a server\n").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split_once("```").unwrap().0.lines());
    let steps: String = lines.flat_map(|line| [line.trim(), "\n"]).collect();
    let file = component_file("auth_service");
    let built = file.parent().unwrap().to_str().unwrap();
    let theirs = "$SOURCE/target/wasm32-wasip2/component";
    assert!(steps.contains(theirs), "{steps}");
    steps.replace(theirs, built)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The search path with the built programs first.
fn path() -> std::ffi::OsString {
    let mut folders = vec![binary_file("zeropass").parent().unwrap().to_owned()];
    let others = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&others));
    std::env::join_paths(folders).unwrap()
}
