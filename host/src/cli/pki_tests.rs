use clap::Parser;
use tempfile::TempDir;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: PkiCommand,
}

/// What the command says, and whether all is well; `DIR` is the folder.
fn try_pki(folder: &TempDir, line: &str) -> anyhow::Result<(bool, String)> {
    let path = folder.path().to_str().unwrap();
    let words = line.split(' ').map(|word| word.replace("DIR", path));
    let line = Line::try_parse_from(std::iter::once("pki".to_owned()).chain(words))?;
    let mut out = Vec::new();
    let well = line.command.run(&mut out)?;
    Ok((well, String::from_utf8(out)?.replace(path, "DIR")))
}

fn pki(folder: &TempDir, line: &str) -> (bool, String) {
    try_pki(folder, line).unwrap_or_else(|error| panic!("{line}: {error:#}"))
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    pki(&folder, "init --dir DIR --trust-domain td");
    folder
}

#[test]
fn role_and_name_make_the_id() {
    let folder = folder();
    for (arguments, answer) in [
        (
            "--role relying-party --name shop",
            "created  DIR/shop.pem  spiffe://td/workload/shop\n",
        ),
        (
            "--role operator --name ann --days 1",
            "created  DIR/ann.pem  spiffe://td/operator/ann\n",
        ),
        (
            "--role host --name host-2 --dns zeropass.internal --ip 10.0.0.1",
            "created  DIR/host-2.pem  spiffe://td/host\n",
        ),
        (
            "--role auth-service --name front",
            "created  DIR/front.pem  spiffe://td/component/auth-service\n",
        ),
        (
            "--spiffe-id spiffe://td/batch/1 --name batch",
            "created  DIR/batch.pem  spiffe://td/batch/1\n",
        ),
    ] {
        let line = format!("issue --dir DIR {arguments}");
        assert_eq!(pki(&folder, &line), (true, answer.to_owned()));
    }
    let there = try_pki(&folder, "issue --dir DIR --role host").unwrap_err();
    assert!(
        there.to_string().contains("`zeropass pki renew`"),
        "{there}"
    );
    for wrong in [
        "issue --dir DIR",
        "issue --dir DIR --role king",
        "issue --dir DIR --role host --spiffe-id spiffe://td/a",
        "issue --dir DIR --spiffe-id spiffe://td/a",
        "issue --dir DIR --spiffe-id td/a --name a",
        "issue --dir DIR --role operator --name a --days 0",
    ] {
        assert!(try_pki(&folder, wrong).is_err(), "{wrong}");
    }
}

#[test]
fn renew_and_revoke_say_what_they_did() {
    let folder = folder();
    assert_eq!(
        pki(&folder, "renew --dir DIR operator"),
        (
            true,
            "renewed  DIR/operator.pem  spiffe://td/operator/dev\n".to_owned()
        )
    );
    let (well, said) = pki(
        &folder,
        "revoke --yes --dir DIR operator DIR/relying-party.pem --days 7",
    );
    assert!(well);
    assert!(
        said.starts_with("written  DIR/crl.pem  2 revoked, 2 of them new; good until 2"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 4);
    let heeded = "\na host refuses them once its service.crl names this file\n";
    assert!(said.ends_with(heeded), "{said}");
    let (_, again) = pki(&folder, "revoke --yes --dir DIR");
    assert!(again.contains("2 revoked, 0 of them new"), "{again}");
}

#[test]
fn second_init_needs_no_trust_domain_and_takes_no_other() {
    let folder = folder();
    let (_, said) = pki(&folder, "init --dir DIR");
    assert_eq!(said.lines().count(), 7);
    assert!(said.lines().all(|line| line.starts_with("kept ")), "{said}");
    assert!(said.contains("  spiffe://td/host\n"), "{said}");
    let other = try_pki(&folder, "init --dir DIR --trust-domain example.org").unwrap_err();
    assert!(
        other
            .to_string()
            .contains("of the trust domain `td`, not of `example.org`"),
        "{other}"
    );
}

/// Each as it stands in docs/identity.md, one after the other in one folder.
#[test]
fn commands_of_the_documentation_can_be_copied() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../../../docs/identity.md");
    let commands = text
        .lines()
        .filter_map(|line| line.strip_prefix("zeropass pki "));
    let mut ran = 0;
    for command in commands {
        // A shell takes what stands behind it for a comment.
        let command = command.split(" #").next().unwrap();
        let words: Vec<_> = command.split_whitespace().collect();
        let mut line = words.join(" ").replace("--dir pki", "--dir DIR");
        if line.starts_with("revoke") {
            // It asks first.
            line += " --yes";
        }
        assert!(pki(&folder, &line).0, "{line}");
        ran += 1;
    }
    assert_eq!(ran, 7);
}

#[test]
fn inspection_is_a_table_of_rules_and_uses() {
    let folder = folder();
    let line = "inspect DIR/operator.pem --ca DIR/ca.pem --trust-domain td";
    let (well, table) = pki(&folder, line);
    assert!(well);
    for row in [
        "name URI spiffe://td/operator/dev",
        "exactly one URI name yes it has 1",
        "the chain ends at the CA yes it does",
        "not revoked - give --crl to judge it",
        "operator on the admin listener yes the policies of the operators say what spiffe://td/operator/dev may do",
        "component on the link NO its id is not below `/component`",
    ] {
        assert!(
            lines(&table).iter().any(|line| line == row),
            "{row}\n{table}"
        );
    }
    pki(&folder, "revoke --yes --dir DIR operator");
    let (well, table) = pki(&folder, &format!("{line} --crl DIR/crl.pem"));
    assert!(!well);
    for row in [
        "not revoked NO it, or an authority of its chain, is on a list",
        "client of the service listener NO it breaks: not revoked",
    ] {
        assert!(
            lines(&table).iter().any(|line| line == row),
            "{row}\n{table}"
        );
    }
}

/// The lines, with single blanks.
fn lines(table: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    table.lines().map(words).collect()
}

#[test]
fn inspection_takes_its_grounds_from_a_configuration() {
    let folder = folder();
    pki(&folder, "revoke --yes --dir DIR operator");
    for file in ["auth.wasm", "passkeys.wasm"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let config = r#"
        [service]
        certificate = "host.pem"
        key = "host.key"
        client-ca = "ca.pem"
        crl = ["crl.pem"]
        trust-domain = "td"
        [policy]
        folder = "."
        [components.auth-service]
        file = "auth.wasm"
        [components.passkey-manager]
        file = "passkeys.wasm"
        [link]
        kind = "in-process"
        [[relying-party]]
        id = "localhost"
        name = "Demo"
        origins = ["http://localhost:8080"]
        workloads = ["spiffe://td/workload/relying-party"]
    "#;
    std::fs::write(folder.path().join("zeropass.toml"), config).unwrap();
    for (name, sound, row) in [
        (
            "relying-party",
            true,
            "client of the service listener yes acts for localhost",
        ),
        (
            "auth-service",
            true,
            "client of the service listener NO the handshake succeeds, but no relying party has `spiffe://td/component/auth-service` among its workloads",
        ),
        (
            "operator",
            false,
            "not revoked NO it, or an authority of its chain, is on a list",
        ),
    ] {
        let line = format!("inspect DIR/{name}.pem --config DIR/zeropass.toml");
        let (well, table) = pki(&folder, &line);
        assert_eq!(well, sound, "{table}");
        assert!(
            lines(&table).iter().any(|line| line == row),
            "{row}\n{table}"
        );
    }
}

#[test]
fn inspection_for_scripts_is_json() {
    let folder = folder();
    let (well, said) = pki(&folder, "inspect DIR/ca.pem --json");
    assert!(!well);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["says"]["names"][0], "URI spiffe://td");
    let rules = json["rules"].as_array().unwrap();
    let authority = rules
        .iter()
        .find(|rule| rule["name"] == "not a certificate authority")
        .unwrap();
    assert_eq!(authority["kept"], false);
    let uses = json["uses"].as_array().unwrap();
    let fit: Vec<_> = uses.iter().filter(|one| one["fit"] == true).collect();
    assert_eq!(fit.len(), 1);
    assert_eq!(fit[0]["name"], "trusted root (service.client-ca)");
}

#[test]
fn what_is_no_certificate_is_named() {
    let folder = folder();
    let error = try_pki(&folder, "inspect DIR/host.key").unwrap_err();
    assert!(error.to_string().contains("host.key"), "{error}");
}
