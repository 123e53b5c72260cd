//! What is said about a wrong file.

use super::*;

#[test]
fn message_names_file_line_key_value_and_what_is_expected() {
    let text = MINIMAL.replace(
        "[service]\n",
        "[service]\nhandshake-timeout = \"5 parsecs\"\n",
    );
    assert_eq!(
        parse(&text).unwrap_err().to_string(),
        "/etc/zeropass/zeropass.toml:2: service.handshake-timeout = \"5 parsecs\": \
         expected a duration such as \"5s\" or \"250ms\", from 10ms to 10m"
    );
}

#[test]
fn unknown_key_is_refused_with_the_nearest_known_one() {
    assert_eq!(
        message_about("[service]", "handshake_timeout = \"5s\""),
        "service.handshake_timeout: unknown key; did you mean \"handshake-timeout\"?"
    );
    assert_eq!(
        message_about("[[relying-party]]", "orgins = []"),
        "relying-party[0].orgins: unknown key; did you mean \"origins\"?"
    );
    assert_eq!(
        message_about("[store]", "postgres = \"postgres://user:hunter2@db\""),
        "store.postgres: expected a table"
    );
    assert_eq!(
        message_about("[polcy]", "folder = \"policies\""),
        "polcy: unknown key; did you mean \"policy\"?"
    );
    assert!(
        message_about("[components.passkey-manager]", "response-bytes = \"1MiB\"")
            .starts_with("components.passkey-manager.response-bytes: unknown key")
    );
}

#[test]
fn bad_value_of_each_kind_is_refused_with_what_is_expected() {
    for (section, line, expected) in [
        (
            "[service]",
            "listen = \"localhost:8443\"",
            "an IP address and port",
        ),
        ("[service]", "listen = 8443", "an IP address and port"),
        (
            "[service]",
            "max-handshakes = 0",
            "a whole number from 1 to 65536",
        ),
        ("[service]", "max-handshakes = -1", "a whole number from 1"),
        ("[service]", "max-handshakes = 1.5", "a whole number"),
        ("[service]", "max-handshakes = \"256\"", "a whole number"),
        (
            "[service]",
            "max-handshakes = 99999999999999999999",
            "a whole number",
        ),
        ("[service]", "idle-timeout = 60", "a duration such as"),
        ("[service]", "idle-timeout = \"2h\"", "from 1s to 1h"),
        (
            "[service]",
            "body-limit = \"64KB\"",
            "a size such as \"64KiB\"",
        ),
        ("[service]", "body-limit = \"1GiB\"", "from 1KiB to 16MiB"),
        (
            "[service]",
            "crl = \"crl.pem\"",
            "a list, each element the path of",
        ),
        (
            "[service]",
            "crl = [7]",
            "the path of a PEM file with a certificate revocation list",
        ),
        (
            "[health]",
            "listen = \"0.0.0.0:8446\"",
            "a loopback address",
        ),
        ("[health]", "listen = \"[::]:8446\"", "a loopback address"),
        ("[health]", "listen = \"unix:\"", "a loopback address"),
        ("[log]", "format = \"xml\"", "one of \"json\", \"pretty\""),
        ("[log]", "filter = \"info=loud\"", "log directives"),
        ("[store]", "sqlite = \"\"", "the path of a file"),
        (
            "[tokens]",
            "issuer = \"zeropass\"",
            "an https:// or spiffe:// URL",
        ),
        ("[runtime]", "max-instances = 1", "a whole number from 2"),
        ("[runtime]", "epoch-tick = \"0ms\"", "from 1ms to 1s"),
        (
            "[link]",
            "kind = \"plain\"",
            "one of \"mtls\", \"in-process\"",
        ),
        ("[link]", "targets = [\"back\"]", "a host and port such as"),
        (
            "[link]",
            "targets = [\"back:0\"]",
            "a host and port such as",
        ),
        ("[link]", "connect-timeout = \"2m\"", "from 10ms to 1m"),
        (
            "[[relying-party]]",
            "allow-cross-origin = \"no\"",
            "true or false",
        ),
        (
            "[[relying-party]]",
            "user-verification = \"maybe\"",
            "one of \"required\"",
        ),
        (
            "[[relying-party]]",
            "resident-key = \"maybe\"",
            "one of \"required\"",
        ),
        (
            "[[relying-party]]",
            "attestation = \"maybe\"",
            "one of \"none\", \"indirect\"",
        ),
        (
            "[[relying-party]]",
            "algorithms = []",
            "a list of at least 1",
        ),
        (
            "[[relying-party]]",
            "algorithms = [\"HS256\"]",
            "one of \"ES256\"",
        ),
        (
            "[[relying-party]]",
            "algorithms = [\"ES256\", \"ES256\"]",
            "each element only once",
        ),
        (
            "[[relying-party]]",
            "enroll-url = \"http://example.com\"",
            "an https:// URL",
        ),
        (
            "[[relying-party]]",
            "ceremony-timeout = \"1s\"",
            "from 10s to 1h",
        ),
        (
            "[[relying-party]]",
            "counter = \"warn\"",
            "one of \"ignore\", \"alarm\", \"deny\"",
        ),
        (
            "[[relying-party]]",
            "fresh-sign-in = \"30s\"",
            "from 1m to 24h",
        ),
        (
            "[[relying-party]]",
            "extensions = [\"appid\"]",
            "one of \"credProps\"",
        ),
        ("[tokens]", "session-idle = \"1s\"", "from 1m to 2160h"),
        (
            "[lockout]",
            "failures = 1001",
            "a whole number from 0 to 1000",
        ),
        ("[lockout]", "window = \"25h\"", "from 1m to 24h"),
    ] {
        let message = message_about(section, line);
        let (key, value) = line.split_once(" = ").unwrap();
        let found = value.trim_matches(['[', ']']).split(", ").next().unwrap();
        assert!(message.contains(key), "{line}: {message}");
        assert!(message.contains(found), "{line}: {message}");
        let (_, after) = message.split_once(": expected ").unwrap();
        assert!(after.contains(expected), "{line}: {message}");
    }
}

#[test]
fn section_of_the_wrong_shape_is_refused() {
    let message = only(&format!("log = \"info\"\n{MINIMAL}"));
    assert_eq!(message, "log: expected a table");
    let message = message_instead("[[relying-party]]", "[relying-party]");
    assert_eq!(
        message,
        "relying-party = (a table): expected at least one [[relying-party]]"
    );
}

#[test]
fn component_can_not_have_more_instances_than_the_runtime() {
    let message = message_about("[components.auth-service]", "instances = 65");
    assert_eq!(
        message,
        "components.auth-service.instances = 65: expected at most runtime.max-instances, which is 64"
    );
    let messages = messages(&format!("{MINIMAL}[runtime]\nmax-instances = 16\n"));
    assert_eq!(messages.len(), 2, "{messages:#?}");
    assert_eq!(
        messages[0],
        "components.auth-service.instances (default): expected at most runtime.max-instances, which is 16"
    );
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_lines() {
    let text = MINIMAL
        .replace(
            "[service]\n",
            "[service]\nmax-stream = 7\nbody-limit = 64\n",
        )
        .replace("name = \"Example\"\n", "")
        .replace("\"https://example.com\"", "\"http://example.com\"");
    let error = parse(&text).unwrap_err().to_string();
    let starts: Vec<_> = error
        .lines()
        .map(|line| line.strip_prefix("/etc/zeropass/zeropass.toml:").unwrap())
        .map(|line| line.split([' ', '=']).take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        starts,
        [
            "2: service.max-stream:",
            "3: service.body-limit",
            "18: relying-party[0].name",
            "20: relying-party[0].origins[0]",
        ]
    );
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    let error = parse("[service]\nlisten = 127.0.0.1:8443\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/etc/zeropass/zeropass.toml:2: not valid TOML: "),
        "{error}"
    );
    let error = parse("[log]\nfilter = \"a\"\nfilter = \"b\"\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("toml:3: not valid TOML: duplicate key"),
        "{error}"
    );
}

#[test]
fn private_key_in_the_file_is_not_repeated() {
    let key =
        "key = \"\"\"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ\n-----END PRIVATE KEY-----\"\"\"";
    let message = message_instead("key = \"pki/host.key\"", key);
    assert_eq!(
        message,
        "service.key = (PEM text, not shown): expected the path of a PEM file with a private key"
    );
    let message = message_about("[store]", "password = \"hunter2\"");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn long_value_is_cut() {
    let message = message_about("[log]", &format!("format = \"{}\"", "ä".repeat(500)));
    assert!(message.contains("ää...: expected one of"), "{message}");
    assert!(message.chars().count() < 200, "{message}");
}
