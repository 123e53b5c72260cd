//! Relying parties and their rules.

use super::*;

#[test]
fn relying_party_must_fit_together() {
    for (old, new, expected) in [
        (
            "\"https://example.com\"",
            "\"https://example.org\"",
            "relying-party[0].origins[0] = \"https://example.org\": expected a host that is \"example.com\" or ends with \".example.com\", or the same origin in related-origins",
        ),
        (
            "\"https://example.com\"",
            "\"https://notexample.com\"",
            "expected a host that is \"example.com\"",
        ),
        (
            "\"https://example.com\"",
            "\"https://example.com/\"",
            "; an origin ends after host and port",
        ),
        (
            "spiffe://zeropass.internal/shop",
            "spiffe://other.internal/shop",
            "relying-party[0].workloads[0] = \"spiffe://other.internal/shop\": expected an id of service.trust-domain, spiffe://zeropass.internal/...",
        ),
        (
            "spiffe://zeropass.internal/shop",
            "https://shop",
            "; it starts with \"spiffe://\"",
        ),
        (
            "name = \"Example\"",
            "name = \"Example\"\ntop-origins = [\"https://news.example\"]",
            "relying-party[0].top-origins = [\"https://news.example\"]: expected an empty list unless allow-cross-origin = true",
        ),
        (
            "name = \"Example\"",
            "name = \"Example\"\nrelated-origins = [\"https://example.de\"]",
            "relying-party[0].related-origins[0] = \"https://example.de\": expected it to be in origins too",
        ),
        (
            "name = \"Example\"",
            "name = \" \"",
            "expected a name of 1 to 64 characters",
        ),
    ] {
        let message = message_instead(old, new);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn rules_about_authenticators_must_fit_together() {
    let party = |line: &str| message_about("[[relying-party]]", line);
    let aaguid = "\"cb69481e-8ff7-4039-93ec-0a2729a154a8\"";
    for (line, expected) in [
        (
            "allowed-aaguids = [\"yubikey\"]".to_owned(),
            "relying-party[0].allowed-aaguids[0] = \"yubikey\": expected an AAGUID such as \"cb69481e-8ff7-4039-93ec-0a2729a154a8\"",
        ),
        (
            "denied-aaguids = [\"cb69481e8ff7403993ec0a2729a154a8\"]".to_owned(),
            "expected an AAGUID such as",
        ),
        (
            format!("allowed-aaguids = [{aaguid}]\ndenied-aaguids = [{aaguid}]"),
            "relying-party[0].denied-aaguids[0] = \"cb69481e-8ff7-4039-93ec-0a2729a154a8\": expected no AAGUID that is in allowed-aaguids too",
        ),
        (
            "attestation = \"enterprise\"".to_owned(),
            "relying-party[0].attestation = \"enterprise\": expected \"direct\" or less unless enterprise-attestation = true",
        ),
        (
            "minimum-certification = \"L4\"".to_owned(),
            "expected one of \"L1\", \"L1+\", \"L2\", \"L2+\", \"L3\", \"L3+\"",
        ),
        (
            "minimum-certification = \"L2\"".to_owned(),
            "relying-party[0].minimum-certification = \"L2\": expected it to be absent unless [metadata] says which models are certified",
        ),
    ] {
        let message = party(&line);
        assert!(message.contains(expected), "{expected}\nin\n{message}");
    }
    let metadata = "[metadata]\nblob = \"blob.jwt\"\nroot = \"root.pem\"\n";
    let with = |lines: &str| {
        let text = MINIMAL.replace(
            "[[relying-party]]\n",
            &format!("[[relying-party]]\n{lines}\n"),
        );
        format!("{text}{metadata}")
    };
    parse(&with("minimum-certification = \"L2\"")).unwrap();
    let own = "minimum-certification = \"L2\"\nmetadata-roots = false\nattestation-roots = [\"maker.pem\"]";
    parse(&with(own)).unwrap();
    parse(&with(
        "attestation = \"enterprise\"\nenterprise-attestation = true",
    ))
    .unwrap();
    let unproven = only(&with(
        "minimum-certification = \"L2\"\nmetadata-roots = false",
    ));
    assert!(
        unproven.ends_with("unless metadata-roots = true or attestation-roots prove the model"),
        "{unproven}"
    );
}

#[test]
fn related_origin_may_lie_outside_the_domain() {
    let text = MINIMAL.replace(
        "origins = [",
        "related-origins = [\"https://example.de\"]\norigins = [\"https://example.de\", ",
    );
    let config = parse(&text).unwrap();
    let party = &config.relying_parties[0];
    assert_eq!(party.related_origins[0].as_str(), "https://example.de");
    assert_eq!(party.origins.len(), 3);
}

#[test]
fn relying_party_id_is_unique() {
    let (_, party) = MINIMAL.split_once("[[relying-party]]").unwrap();
    let message = only(&format!("{MINIMAL}[[relying-party]]{party}"));
    assert_eq!(
        message,
        "relying-party[1].id = \"example.com\": expected each relying party only once"
    );
}

#[test]
fn form_of_decoys_is_read_whole_and_inside_its_bounds() {
    let with = |lines: &str| format!("{MINIMAL}\n[relying-party.decoy]\n{lines}\n");
    let config = parse(&with(
        "id-length = 20\ntransports = [\"hybrid\", \"internal\"]",
    ))
    .unwrap();
    let expected = Decoy {
        id_length: 20,
        transports: vec!["hybrid".into(), "internal".into()],
    };
    assert_eq!(config.relying_parties[0].decoy, Some(expected));

    for (lines, expected) in [
        (
            "id-length = 15\ntransports = []",
            "relying-party[0].decoy.id-length = 15: expected a whole number from 16 to 1023",
        ),
        (
            "id-length = 32\ntransports = [\"USB\"]",
            "relying-party[0].decoy.transports[0] = \"USB\": expected a transport such as",
        ),
        (
            "id-length = 32",
            "relying-party[0].decoy.transports is missing",
        ),
    ] {
        let message = only(&with(lines));
        assert!(message.contains(expected), "{message}");
    }
}
