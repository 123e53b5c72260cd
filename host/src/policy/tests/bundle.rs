use std::fs;

use super::{Folder, delivered};
use crate::policy::{Bundle, Error};

/// The refusal of a bundle whose one policy file is `policies`.
fn refusal(policies: &str) -> Error {
    let folder = Folder::new().with("components/a.cedar", policies);
    Bundle::load(folder.path()).unwrap_err()
}

#[test]
fn ill_typed_policy_fails_strict_validation() {
    let error = refusal(
        "@id(\"fine\")\npermit (principal, action, resource);\n\
         @id(\"ill\")\npermit (principal is Component, action == Action::\"link\", resource)\nwhen { principal.digest == 1 };",
    );
    let Error::Invalid { path, policy, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (path.as_str(), policy.as_str()),
        ("components/a.cedar:5", "ill")
    );
}

#[test]
fn unknown_attribute_action_and_entity_type_are_refused() {
    for policy in [
        "@id(\"x\") permit (principal is Component, action, resource) when { principal.colour == \"red\" };",
        "@id(\"x\") permit (principal, action == Action::\"credentials.steal\", resource);",
        "@id(\"x\") permit (principal is Ghost, action, resource);",
    ] {
        let error = refusal(policy);
        assert!(
            matches!(&error, Error::Invalid { policy, .. } if policy == "x"),
            "{error}"
        );
    }
}

#[test]
fn policy_that_can_never_apply_is_refused() {
    let error =
        refusal("@id(\"x\") permit (principal is Workload, action == Action::\"link\", resource);");
    assert!(
        matches!(&error, Error::Invalid { policy, .. } if policy == "x"),
        "{error}"
    );
}

#[test]
fn missing_id_is_refused_by_its_place() {
    let permit = "permit (principal, action, resource);";
    let error = refusal(&format!("@id(\"one\") {permit}\n{permit}"));
    assert!(
        matches!(&error, Error::MissingId { path, number: 2 } if path == "components/a.cedar"),
        "{error}"
    );
    let many: String = (0..11)
        .map(|number| format!("@id(\"p{number}\") {permit}\n"))
        .collect();
    let error = refusal(&format!("{many}{permit}"));
    assert!(
        matches!(&error, Error::MissingId { number: 12, .. }),
        "{error}"
    );
}

#[test]
fn duplicate_id_is_refused_within_and_across_files() {
    let policy = "@id(\"same\") permit (principal, action, resource);\n";
    let error = refusal(&policy.repeat(2));
    assert!(
        matches!(&error, Error::DuplicateId { id, .. } if id == "same"),
        "{error}"
    );

    let folder = Folder::new()
        .with("components/a.cedar", policy)
        .with("workloads/b.cedar", policy);
    let error = Bundle::load(folder.path()).unwrap_err();
    let Error::DuplicateId { path, first, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (path.as_str(), first.as_str()),
        ("workloads/b.cedar", "components/a.cedar")
    );
}

#[test]
fn malformed_id_is_refused() {
    for id in ["", "Capital", "with space", "a/b", &"x".repeat(101)] {
        let error = refusal(&format!(
            "@id(\"{id}\") permit (principal, action, resource);"
        ));
        assert!(matches!(&error, Error::MalformedId { .. }), "{error}");
    }
}

#[test]
fn template_is_refused() {
    let error = refusal("@id(\"t\") permit (principal == ?principal, action, resource);");
    assert!(matches!(&error, Error::Template { .. }), "{error}");
}

#[test]
fn syntax_error_names_file_and_line() {
    let error = refusal("@id(\"x\")\npermit (principal, action resource);");
    assert!(
        matches!(&error, Error::Syntax { path, .. } if path == "components/a.cedar:2"),
        "{error}"
    );
}

#[test]
fn misspelt_suffix_is_refused_and_prose_is_not() {
    let folder = Folder::new()
        .with("README.md", "prose")
        .with("components/.hidden", "");
    assert!(Bundle::load(folder.path()).is_ok());
    for path in [
        "components/forbid.ceder",
        "notes.txt",
        "tests/a.cedar",
        "components/deep/a.cedar",
        "sub/schema.cedarschema",
    ] {
        let folder = Folder::new().with(path, "");
        let error = Bundle::load(folder.path()).unwrap_err();
        assert!(matches!(&error, Error::Stray { .. }), "{path}: {error}");
    }
}

#[test]
fn oversized_bundle_is_refused() {
    let folder = Folder::new().with("components/a.cedar", &"// padding\n".repeat(400_000));
    let error = Bundle::load(folder.path()).unwrap_err();
    assert!(
        matches!(&error, Error::TooLarge { path, .. } if path == "components/a.cedar"),
        "{error}"
    );
}

#[test]
fn missing_folder_and_missing_schema_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        Bundle::load(folder.path()),
        Err(Error::Schema { .. })
    ));
    assert!(matches!(
        Bundle::load(&folder.path().join("none")),
        Err(Error::Read { .. })
    ));
}

#[test]
fn schema_that_lacks_what_the_host_asks_is_refused() {
    let whole = fs::read_to_string(delivered().join("schema.cedarschema")).unwrap();
    for (from, to, asked) in [
        ("\"tokens.keys\"", "\"tokens.other\"", "tokens.keys"),
        (
            "{ workload: Workload }",
            "{ caller: Workload }",
            "credentials.insert",
        ),
        ("{ package: String }", "{ package: Long }", "Interface"),
        (
            "{ workloads: Set<Workload> }",
            "{ workloads: Set<Operator> }",
            "RelyingParty",
        ),
        (
            "action \"link\" appliesTo { principal: Component",
            "action \"link\" appliesTo { principal: Operator",
            "link",
        ),
    ] {
        assert!(whole.contains(from), "{from}");
        let folder = Folder::new().with("schema.cedarschema", &whole.replace(from, to));
        let error = Bundle::load(folder.path()).unwrap_err();
        let Error::Unfit { asked: named, .. } = &error else {
            panic!("{error}")
        };
        assert!(named.contains(asked), "{asked}: {error}");
    }
}

#[test]
fn failing_golden_test_refuses_the_bundle() {
    let open = "@id(\"open\") permit (principal, action, resource);";
    let test = |expect: &str| {
        format!(
            r#"{{"relyingParties": {{"shop.example": []}}, "tests": [{{"name": "strangers stay out",
            "workload": "w", "actions": ["api.users"], "relyingParty": "shop.example", {expect}}}]}}"#
        )
    };
    let load = |expect: &str| {
        let folder = Folder::new()
            .with("components/a.cedar", open)
            .with("tests/t.json", &test(expect));
        Bundle::load(folder.path())
    };
    assert!(load(r#""expect": "allow", "policies": ["open"]"#).is_ok());
    for wrong in [
        r#""expect": "deny""#,
        r#""expect": "allow", "policies": ["other"]"#,
    ] {
        let error = load(wrong).unwrap_err();
        let Error::Golden(failure) = &error else {
            panic!("{error}")
        };
        assert_eq!(
            (failure.path.as_str(), failure.test.as_str()),
            ("tests/t.json", "strangers stay out")
        );
        assert_eq!((failure.failed, failure.total), (1, 1));
    }
}

#[test]
fn golden_test_that_asks_nothing_sensible_is_refused() {
    for test in [
        r#"{"name": "t", "workload": "w", "actions": [], "expect": "deny"}"#,
        r#"{"name": "t", "workload": "w", "actions": ["api.typo"], "expect": "deny"}"#,
        r#"{"name": "t", "workload": "w", "actions": ["credentials.get"], "expect": "deny"}"#,
        r#"{"name": "t", "workload": "w", "component": "c", "actions": ["api.users"], "expect": "deny"}"#,
        r#"{"name": "t", "component": "c", "actions": ["tokens.sign"], "expect": "deny"}"#,
        r#"{"name": "t", "workload": "w", "actions": ["api.users"], "relyingParty": "typo.example", "expect": "deny"}"#,
        r#"{"name": "t", "workload": "w", "actions": ["api.users"], "expect": "allow"}"#,
        r#"{"name": "t", "workload": "w", "actions": ["api.users"], "expect": "maybe"}"#,
        r#"{"name": "t", "workload": "w", "actions": ["api.users"], "expect": "deny", "polices": []}"#,
        r#"{"name": "t", "component": "c", "interfaces": ["zeropass:store"], "expect": "deny"}"#,
        r#"{"name": "t", "interfaces": ["zeropass:host/log@1"], "expect": "deny"}"#,
    ] {
        let folder = Folder::new().with("tests/t.json", &format!(r#"{{"tests": [{test}]}}"#));
        let error = Bundle::load(folder.path()).unwrap_err();
        assert!(
            matches!(&error, Error::TestFile { path, .. } if path == "tests/t.json"),
            "{test}: {error}"
        );
    }
}

#[test]
fn digest_changes_with_any_file_and_only_then() {
    let digest = |folder: &Folder| Bundle::load(folder.path()).unwrap().digest().to_owned();
    let plain = digest(&Folder::new());
    assert_eq!(plain.len(), 64);
    assert_eq!(plain, digest(&Folder::new()));
    assert_eq!(plain, digest(&Folder::new().with("README.md", "prose")));
    let one = digest(&Folder::new().with("components/a.cedar", "// a"));
    let moved = digest(&Folder::new().with("workloads/a.cedar", "// a"));
    let tested = digest(&Folder::new().with("tests/t.json", r#"{"tests": []}"#));
    let all = [&plain, &one, &moved, &tested]
        .into_iter()
        .collect::<std::collections::HashSet<_>>();
    assert_eq!(all.len(), 4);
}
