//! The first messages of PostgreSQL's protocol (version 3.0), as far as a tunnel must
//! know them: what asks for TLS, what opens a session, and how it is refused.

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::role::Role;

/// Length 8 and the number 80877103 (manual, section "SSL Session Encryption").
pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What a server answers that will speak TLS.
pub(super) const SSL_YES: u8 = b'S';

/// Version 3.0.
const VERSION: [u8; 4] = [0, 3, 0, 0];

/// The largest first message that anybody sends, in bytes.
const FIRST_MAX: usize = 64 * 1024;

/// Settings of every session. They are ours alone: nothing of the environment, of a role or
/// of a database shall weaken them. A host that vanishes must not hold locks for long.
const PARAMETERS: [(&str, &str); 5] = [
    ("application_name", "zeropass"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("TimeZone", "UTC"),
    (
        "options",
        "-c search_path=pg_catalog -c statement_timeout=10s -c lock_timeout=4s \
         -c idle_in_transaction_session_timeout=5s -c tcp_keepalives_idle=10 \
         -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=15000",
    ),
];

/// Migrations take the time that they need, as the owner and in its schema.
const MIGRATOR_OPTIONS: &str = "-c search_path=zeropass -c role=zeropass_owner -c lock_timeout=30s";

/// The message that opens a session of `role` in `database`.
pub(super) fn startup(role: Role, database: &str) -> Vec<u8> {
    let mut body = VERSION.to_vec();
    let mut say = |name: &str, value: &str| {
        for text in [name, value] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
    };
    say("user", role.name());
    say("database", database);
    for (name, value) in PARAMETERS {
        match (role, name) {
            (Role::Migrator, "options") => say(name, MIGRATOR_OPTIONS),
            _ => say(name, value),
        }
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut message = length.to_be_bytes().to_vec();
    message.append(&mut body);
    message
}

/// Read the opening message of a client and forget it.
pub(super) async fn skip_startup(client: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    let length = client.read_u32().await? as usize;
    if !(8..=FIRST_MAX).contains(&length) {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut rest = vec![0; length - 4];
    client.read_exact(&mut rest).await?;
    Ok(())
}

/// The first message of a server, whole: its kind and all its bytes.
pub(super) async fn first_answer(
    server: &mut (impl AsyncRead + Unpin),
) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = server.read_u8().await?;
    let length = server.read_u32().await?;
    let size = length as usize;
    if !(4..=FIRST_MAX).contains(&size) {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![kind];
    message.extend_from_slice(&length.to_be_bytes());
    message.resize(size + 1, 0);
    if let Some(body) = message.get_mut(5..) {
        server.read_exact(body).await?;
    }
    Ok((kind, message))
}

/// Whether this is `AuthenticationOk`: nobody wants a password.
pub(super) fn is_authenticated(message: &[u8]) -> bool {
    message == [b'R', 0, 0, 0, 8, 0, 0, 0, 0]
}

/// SQLSTATE, "client unable to establish connection": nobody is there, or the connection broke.
pub(super) const UNREACHED: &str = "08001";

/// SQLSTATE, "server rejected establishment": somebody is there who is not what is wanted, or does
/// not want us.
pub(super) const REJECTED: &str = "08004";

/// An `ErrorResponse` that ends the session, with an SQLSTATE.
pub(super) fn refusal(code: &str, reason: &str) -> Vec<u8> {
    let mut body = Vec::new();
    let reason = reason.replace('\0', " ");
    for (field, text) in [
        (b'S', "FATAL"),
        (b'V', "FATAL"),
        (b'C', code),
        (b'M', reason.as_str()),
    ] {
        body.push(field);
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut message = vec![b'E'];
    message.extend_from_slice(&length.to_be_bytes());
    message.append(&mut body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn startup_says_what_it_should_and_is_skipped_whole() {
        let message = startup(Role::Accounts, "zeropass");
        let text = String::from_utf8_lossy(&message).replace('\0', "|");
        assert!(
            text.contains("user|zeropass_accounts|database|zeropass|"),
            "{text}"
        );
        assert!(text.contains("statement_timeout=10s -c lock_timeout=4s"));
        let mut bytes = message.clone();
        bytes.extend_from_slice(b"rest");
        let mut reader = bytes.as_slice();
        skip_startup(&mut reader).await.unwrap();
        assert_eq!(reader, b"rest");
    }

    #[tokio::test]
    async fn refusal_is_a_message_that_reads_back_whole() {
        let message = refusal(UNREACHED, "no\0pe");
        let (kind, read) = first_answer(&mut message.as_slice()).await.unwrap();
        assert_eq!(kind, b'E');
        assert_eq!(read, message);
        assert!(String::from_utf8_lossy(&read).contains("C08001\0Mno pe\0\0"));
    }

    #[tokio::test]
    async fn only_a_session_without_a_password_is_authenticated() {
        let ok = [b'R', 0, 0, 0, 8, 0, 0, 0, 0];
        assert!(is_authenticated(&ok));
        let cleartext = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];
        assert!(!is_authenticated(&cleartext));
    }
}
