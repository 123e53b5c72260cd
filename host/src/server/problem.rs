//! Answers that the host itself gives when it refuses: problem documents of
//! RFC 9457, in the same shape as those of the components.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde::Serialize;

use super::handler::{Response, full};

/// RFC 9457 section 3, with our members `code` and `requestId`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    request_id: &'a str,
}

/// A problem with a stable `code`. `detail` is for people and holds no secret.
///
/// Overload (503) and limits (429) tell the client to try again in a second.
pub fn problem(status: StatusCode, code: &str, detail: &str, request_id: &str) -> Response {
    let document = Problem {
        kind: format!("urn:zeropass:problem:{code}"),
        title: status.canonical_reason().unwrap_or("Problem"),
        status: status.as_u16(),
        code,
        detail,
        request_id,
    };
    // Text and numbers always serialize; an empty body still has status and type.
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn problem_carries_code_type_status_and_request_id() {
        let response = problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "at most 64 KiB",
            "r-1",
        );
        assert_eq!(response.status(), 413);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert!(!response.headers().contains_key(RETRY_AFTER));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:zeropass:problem:too-large",
                "title": "Payload Too Large",
                "status": 413,
                "code": "too-large",
                "detail": "at most 64 KiB",
                "requestId": "r-1",
            })
        );
    }

    #[test]
    fn overload_tells_when_to_try_again() {
        for status in [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ] {
            assert_eq!(problem(status, "busy", "", "r").headers()[RETRY_AFTER], "1");
        }
    }
}
