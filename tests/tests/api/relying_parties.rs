//! Two relying parties on one host, strangers to each other.

use serde_json::json;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Client, Deployment, Person, RelyingParty};

const SHOP: &str = "https://shop.example";
const BANK: &str = "https://bank.example";

/// A shop and a bank with a workload each, and one that serves both.
async fn street() -> (Deployment, Client, Client) {
    let party = |id: &str, name: &str| {
        RelyingParty::new(id)
            .origin(&format!("https://{id}"))
            .workload(name)
            .workload("both")
    };
    let deployment = Deployment::builder()
        .relying_party(party("shop.example", "shop"))
        .relying_party(party("bank.example", "bank"))
        .start()
        .await;
    let (shop, bank) = (deployment.client("shop"), deployment.client("bank"));
    (deployment, shop, bank)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_is_two_people_at_two_relying_parties() {
    let (_deployment, shop, bank) = street().await;
    let (customer, banker) = (Person::at(SHOP), Person::at(BANK));
    let at_shop = customer.register(&shop, "ada").await.expect(201);
    let at_bank = banker.register(&bank, "ada").await.expect(201);
    assert_ne!(at_shop["user"]["id"], at_bank["user"]["id"]);
    assert_eq!(
        customer.sign_in(&shop, "ada").await.expect(200)["user"],
        at_shop["user"]
    );
    assert_eq!(
        banker.sign_in_discoverable(&bank).await.expect(200)["user"],
        at_bank["user"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn relying_party_sees_nothing_of_another_one() {
    let (_deployment, shop, bank) = street().await;
    let customer = Person::at(SHOP);
    let registered = customer.register(&shop, "ada").await.expect(201);
    let passkeys = format!("/v1/users/{}/passkeys", text(&registered["user"]["id"]));
    let passkey = format!("{passkeys}/{}", text(&registered["passkey"]["id"]));

    assert_eq!(
        bank.get(&passkeys).await.problem(),
        (404, "not-found".into())
    );
    assert_eq!(
        bank.delete(&passkey).await.problem(),
        (404, "not-found".into())
    );
    let token =
        text(&customer.sign_in(&shop, "ada").await.expect(200)["session"]["token"]).to_owned();
    assert_eq!(
        bank.post_token("/v1/sessions/introspect", &token)
            .await
            .expect(200),
        json!({"active": false})
    );
    bank.post_token("/v1/sessions/revoke", &token)
        .await
        .expect(200);
    assert_eq!(
        shop.post_token("/v1/sessions/introspect", &token)
            .await
            .expect(200)["active"],
        true
    );
    shop.get(&passkeys).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn relying_party_of_others_is_not_permitted_by_name() {
    let (deployment, shop, _) = street().await;
    // That it exists makes no difference.
    for id in ["bank.example", "nowhere.example"] {
        for path in ["/v1/registrations", "/v1/authentications"] {
            let body = match path {
                "/v1/registrations" => {
                    json!({"rpId": id, "user": {"name": "ada", "displayName": "Ada"}})
                }
                _ => json!({"rpId": id}),
            };
            let refused = shop.post(path, &body).await;
            assert_eq!(refused.problem(), (403, "not-permitted".into()), "{id}");
            let touched = deployment.records_of(refused.request_id()).await;
            assert!(
                touched.iter().all(|record| record.relying_party != id),
                "{touched:#?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workload_of_several_relying_parties_says_which() {
    let (deployment, _, _) = street().await;
    let both = deployment.client("both");
    assert_eq!(
        both.post("/v1/authentications", &json!({})).await.problem(),
        (400, "malformed".into())
    );
    for id in ["shop.example", "bank.example"] {
        let begun = both
            .post("/v1/authentications", &json!({"rpId": id}))
            .await
            .expect(201);
        assert_eq!(begun["publicKey"]["rpId"], id);
    }
}
