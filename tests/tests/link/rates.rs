//! What a workload may ask of all front hosts together is counted by the back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use zeropass::link::RemoteStore;
use zeropass::link::wire::envelope::Refusal;
use zeropass::store::sqlite::SqliteStore;
use zeropass::store::{Error, RateLimit, Store};
use zeropass_tests::deployment::Deployment;
use zeropass_tests::deployment::certificates::spiffe_id;

use super::calls::{auth_service, call, refusal, said};
use super::kit::{self, Pki};

/// One after each hour.
const INTERVAL: u64 = 3_600_000_000_000;

fn taking(identity: &str, cells: u32) -> Value {
    json!({"identity": identity, "interval": INTERVAL, "burst": 5, "cells": cells})
}

#[tokio::test(flavor = "multi_thread")]
async fn back_counts_what_a_workload_may_ask_of_every_front() {
    let back = Deployment::builder().back().start().await;
    // Two front hosts are the same component.
    let (one, other) = (auth_service(&back), auth_service(&back));
    let workload = spiffe_id("shop");
    let taken = said(&call(&one, "/rates", &taking(&workload, 3)).await);
    assert_eq!(taken, json!({"ok": {"cells": 3, "wait": 0}}));
    let taken = said(&call(&other, "/rates", &taking(&workload, 3)).await);
    assert_eq!(taken["ok"]["cells"], 2);
    let taken = said(&call(&one, "/rates", &taking(&workload, 3)).await);
    assert_eq!(taken["ok"]["cells"], 0);
    let wait = taken["ok"]["wait"].as_u64().unwrap();
    assert!((1..=INTERVAL).contains(&wait), "{wait}");
    let records = back.records().await;
    assert!(records.iter().all(|record| record.workload != workload));
}

#[tokio::test(flavor = "multi_thread")]
async fn question_that_makes_no_sense_is_malformed() {
    let back = Deployment::builder().back().start().await;
    let front = auth_service(&back);
    for body in [
        json!({}),
        json!("text"),
        taking("https://not-a-spiffe-id", 1),
    ] {
        let answer = call(&front, "/rates", &body).await;
        let code = refusal(&answer).code;
        assert_eq!((answer.status(), code.as_str()), (400, "malformed"));
    }
    let more_than_a_burst = taking(&spiffe_id("shop"), 6);
    let answer = said(&call(&front, "/rates", &more_than_a_burst).await);
    assert!(answer["error"]["malformed"].is_string(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn back_that_does_not_know_the_question_is_busy_for_the_front() {
    let pki = Pki::new();
    let back = pki
        .back(Box::new(|_| {
            Box::pin(async {
                kit::answer(
                    404,
                    &Refusal {
                        code: "unknown-function".into(),
                        detail: String::new(),
                    },
                )
            })
        }))
        .await;
    let log = SqliteStore::temporary(1, kit::clock()).await.unwrap();
    let link = pki.link(&[back.address]);
    let front = RemoteStore::new(link, Arc::new(log), Duration::from_secs(5));
    let limit = RateLimit {
        interval: INTERVAL,
        burst: 5,
    };
    let taken = front.take_cells(spiffe_id("shop"), limit, 1).await;
    assert_eq!(taken, Err(Error::Busy));
}
