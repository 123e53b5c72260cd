//! Whether the server lets in who is not the role.
//!
//! That a server has seen a certificate does not say that it asked for it: with `trust` in
//! pg_hba.conf it lets anybody be any role, and shows the certificate of who happened to
//! send one. So the host tries it: as each of its roles, without a certificate and with
//! that of another role. Both must be refused before the session begins. The server's log has these
//! refusals, two for each role and start.

use sqlx::Connection as _;

use super::OpenError;
use super::connect::Gateway;
use super::role::Role;
use super::settings::{Login, Settings};

/// SQLSTATE class 28: the server does not believe who this is.
const NOT_BELIEVED: &str = "28";

/// SQLSTATE class 08, from the server or our tunnel: there was no session.
const NO_SESSION: &str = "08";

/// Try to come in as each role without being it.
///
/// # Errors
/// [`OpenError::Impostor`] when that works for one of them. That nobody can be asked is an
/// error too.
pub(super) async fn refused(settings: &Settings) -> Result<(), OpenError> {
    let logins: [(Role, &Login); 5] = [
        (Role::Accounts, &settings.accounts),
        (Role::Credentials, &settings.credentials),
        (Role::Rollouts, &settings.rollouts),
        (Role::AuditWriter, &settings.audit_writer),
        (Role::AuditReader, &settings.audit_reader),
    ];
    let others = logins.iter().cycle().skip(1);
    let tried = logins.iter().zip(others);
    let each = tried.map(|((role, _), (other, login))| async move {
        let bare = Gateway::bare(&settings.server, *role)?;
        must_not_get_in(&bare, "without a certificate".to_owned()).await?;
        let wrong = Gateway::open(&settings.server, *role, login)?;
        must_not_get_in(&wrong, format!("with the certificate of {other}")).await
    });
    futures::future::try_join_all(each).await?;
    Ok(())
}

async fn must_not_get_in(gateway: &Gateway, how: String) -> Result<(), OpenError> {
    let role = gateway.role();
    let error = match gateway.connect().await {
        Ok(connection) => {
            let _ = connection.close().await;
            return Err(OpenError::Impostor { role, how });
        }
        Err(error) => error,
    };
    let code = error.as_database_error().and_then(|error| error.code());
    match code {
        Some(code)
            if [NOT_BELIEVED, NO_SESSION]
                .iter()
                .any(|class| code.starts_with(class)) =>
        {
            Ok(())
        }
        // What a server says later, it says to whom it believes; anything else is no answer.
        _ => Err(OpenError::Connect {
            role,
            source: error,
        }),
    }
}
