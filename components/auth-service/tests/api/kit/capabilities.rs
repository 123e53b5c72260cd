//! The capabilities, in memory: each as its WIT documentation says.

use auth_service::host::*;

use super::{CREDENTIAL, Memory, NOW, USER, passkey};

impl Caller for Memory {
    fn get(&self) -> Identity {
        self.identity.borrow().clone()
    }
}

impl Tokens for Memory {
    fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        self.tokens_fail.get().map_or(Ok(()), Err)?;
        let mut tokens = self.tokens.borrow_mut();
        tokens.push(Verified {
            claims: claims.clone(),
            issuer: "https://zeropass.example".into(),
            certificate_thumbprint: self.identity.borrow().certificate_thumbprint.clone(),
            workload: self.identity.borrow().workload.clone(),
        });
        Ok(format!("token-{}", tokens.len() - 1))
    }
    fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        self.tokens_fail.get().map_or(Ok(()), Err)?;
        let index = token
            .strip_prefix("token-")
            .and_then(|index| index.parse::<usize>().ok());
        index
            .and_then(|index| self.tokens.borrow().get(index).cloned())
            .ok_or(TokenError::Invalid)
    }
    fn keys(&self) -> Result<String, TokenError> {
        self.tokens_fail.get().map_or(Ok(()), Err)?;
        Ok(r#"{"keys":[]}"#.into())
    }
}

impl Accounts for Memory {
    fn create(
        &self,
        rp_id: &str,
        id: Option<&str>,
        name: &str,
        display_name: &str,
    ) -> Result<Account, StoreError> {
        self.record(format!("accounts.create {rp_id} {id:?} {name}"));
        self.store("accounts.create")?;
        let mut accounts = self.accounts.borrow_mut();
        let id = id.map_or_else(
            || format!("00000000-0000-4000-8000-{:012}", accounts.len()),
            str::to_owned,
        );
        if accounts.iter().any(|account| account.id == id) {
            return Err(StoreError::Exists);
        }
        let account = Account {
            id,
            rp_id: rp_id.into(),
            name: name.into(),
            display_name: display_name.into(),
            status: AccountStatus::Pending,
            created_at: self.now.get(),
        };
        accounts.push(account.clone());
        Ok(account)
    }
    fn activate(&self, rp_id: &str, id: &str) -> Result<Account, StoreError> {
        self.record(format!("accounts.activate {rp_id} {id}"));
        self.store("accounts.activate")?;
        let mut account = Accounts::find_by_id(self, rp_id, id)?;
        if self
            .find_by_name(rp_id, &account.name)
            .is_ok_and(|other| other.id != id)
        {
            return Err(StoreError::Exists);
        }
        account.status = AccountStatus::Active;
        for stored in self
            .accounts
            .borrow_mut()
            .iter_mut()
            .filter(|stored| stored.id == id)
        {
            *stored = account.clone();
        }
        Ok(account)
    }
    fn change(&self, rp_id: &str, id: &str, change: &AccountChange) -> Result<Account, StoreError> {
        self.record(format!("accounts.change {rp_id} {id}"));
        self.store("accounts.change")?;
        if let Some(name) = &change.name
            && Accounts::find_by_name(self, rp_id, name).is_ok_and(|other| other.id != id)
        {
            return Err(StoreError::Exists);
        }
        let mut accounts = self.accounts.borrow_mut();
        let account = accounts
            .iter_mut()
            .find(|account| account.rp_id == rp_id && account.id == id)
            .filter(|account| account.status == AccountStatus::Active)
            .ok_or(StoreError::NotFound)?;
        if let Some(name) = &change.name {
            account.name.clone_from(name);
        }
        if let Some(display_name) = &change.display_name {
            account.display_name.clone_from(display_name);
        }
        Ok(account.clone())
    }
    fn find_by_id(&self, rp_id: &str, id: &str) -> Result<Account, StoreError> {
        self.store("accounts.find-by-id")?;
        let accounts = self.accounts.borrow();
        let mut found = accounts.iter().filter(|account| account.rp_id == rp_id);
        found
            .find(|account| account.id == id)
            .cloned()
            .ok_or(StoreError::NotFound)
    }
    fn find_by_name(&self, rp_id: &str, name: &str) -> Result<Account, StoreError> {
        self.store("accounts.find-by-name")?;
        let accounts = self.accounts.borrow();
        let mut found = accounts.iter().filter(|account| account.rp_id == rp_id);
        found
            .find(|account| account.name == name && account.status == AccountStatus::Active)
            .cloned()
            .ok_or(StoreError::NotFound)
    }
}

impl Sessions for Memory {
    fn create(
        &self,
        rp_id: &str,
        user_id: &str,
        credential_id: &[u8],
        user_verified: bool,
    ) -> Result<Session, StoreError> {
        self.store("sessions.create")?;
        let mut sessions = self.sessions.borrow_mut();
        let session = Session {
            id: format!("session-{}", sessions.len()),
            rp_id: rp_id.into(),
            user_id: user_id.into(),
            credential_id: credential_id.into(),
            created_at: self.now.get(),
            expires_at: self.now.get() + 3_600_000,
            revoked_at: None,
            user_verified,
            last_used_at: self.now.get(),
        };
        sessions.push(session.clone());
        Ok(session)
    }
    fn touch(&self, rp_id: &str, id: &str) -> Result<Session, StoreError> {
        self.record(format!("sessions.touch {rp_id} {id}"));
        self.store("sessions.touch")?;
        let mut sessions = self.sessions.borrow_mut();
        let session = sessions
            .iter_mut()
            .find(|session| session.rp_id == rp_id && session.id == id)
            .ok_or(StoreError::NotFound)?;
        let now = self.now.get();
        if session.revoked_at.is_some() || now >= session.expires_at {
            return Err(StoreError::Expired);
        }
        session.last_used_at = now;
        Ok(session.clone())
    }
    fn revoke(&self, rp_id: &str, id: &str) -> Result<(), StoreError> {
        self.record(format!("sessions.revoke {rp_id} {id}"));
        self.store("sessions.revoke")?;
        let mut sessions = self.sessions.borrow_mut();
        let session = sessions
            .iter_mut()
            .find(|session| session.rp_id == rp_id && session.id == id)
            .ok_or(StoreError::NotFound)?;
        session.revoked_at = Some(self.now.get());
        Ok(())
    }
}

impl Registration for Memory {
    fn begin(&self, request: &RegistrationRequest) -> Result<CreationOptions, Rejection> {
        self.record(format!(
            "registration.begin {} {}",
            request.rp_id, request.user.id
        ));
        self.extensions
            .borrow_mut()
            .push(request.extensions.clone());
        self.link()?;
        Ok(CreationOptions {
            ceremony: "ceremony-1".into(),
            expires_at: NOW + 300_000,
            rp_id: request.rp_id.clone(),
            rp_name: "Example".into(),
            user: request.user.clone(),
            challenge: vec![0xfb; 32],
            algorithms: vec![-7, -8],
            timeout: 300_000,
            exclude_credentials: vec![Descriptor {
                id: CREDENTIAL.to_vec(),
                transports: vec!["usb".into()],
            }],
            user_verification: request
                .user_verification
                .unwrap_or(UserVerification::Preferred),
            resident_key: request.resident_key.unwrap_or(ResidentKey::Required),
            attestation: request.attestation.unwrap_or(AttestationConveyance::None),
            hints: request.hints.clone(),
            extensions: r#"{"credProps":true}"#.into(),
        })
    }
    fn finish(
        &self,
        rp_id: &str,
        ceremony: &str,
        response: &RegistrationResponse,
        label: Option<&str>,
    ) -> Result<Registered, Rejection> {
        self.record(format!("registration.finish {rp_id} {ceremony} {label:?}"));
        self.link()?;
        *self.registration.borrow_mut() = Some(response.clone());
        let account = self.accounts.borrow().last().cloned().expect("an account");
        let mut passkey = passkey();
        passkey.user_id = account.id.clone();
        passkey.label = label.unwrap_or("Some provider").into();
        self.passkeys.borrow_mut().push(passkey.clone());
        Ok(Registered {
            passkey,
            user: User {
                id: account.id,
                name: account.name,
                display_name: account.display_name,
            },
            extensions: self.outputs.borrow().clone(),
        })
    }
}

impl Authentication for Memory {
    fn begin(&self, request: &AuthenticationRequest) -> Result<RequestOptions, Rejection> {
        self.record(format!(
            "authentication.begin {} {:?}",
            request.rp_id, request.subject
        ));
        self.extensions
            .borrow_mut()
            .push(request.extensions.clone());
        self.link()?;
        let allow_credentials = match &request.subject {
            Subject::Anyone => Vec::new(),
            Subject::Account(_) => vec![Descriptor {
                id: CREDENTIAL.to_vec(),
                transports: vec!["internal".into()],
            }],
            // As the real one: made up, of the same form.
            Subject::UnknownName(_) => {
                vec![Descriptor {
                    id: vec![9, 9, 9, 9],
                    transports: vec!["internal".into()],
                }]
            }
        };
        Ok(RequestOptions {
            ceremony: "ceremony-2".into(),
            expires_at: NOW + 300_000,
            rp_id: request.rp_id.clone(),
            challenge: vec![0xfb; 32],
            timeout: 300_000,
            allow_credentials,
            user_verification: request
                .user_verification
                .unwrap_or(UserVerification::Preferred),
            hints: request.hints.clone(),
            extensions: "{}".into(),
        })
    }
    fn finish(
        &self,
        rp_id: &str,
        ceremony: &str,
        response: &AuthenticationResponse,
    ) -> Result<Authenticated, Rejection> {
        self.record(format!("authentication.finish {rp_id} {ceremony}"));
        self.link()?;
        *self.authentication.borrow_mut() = Some(response.clone());
        Ok(Authenticated {
            user_id: USER.into(),
            passkey: passkey(),
            user_verified: self.user_verified.get(),
            extensions: self.outputs.borrow().clone(),
        })
    }
}

impl Lifecycle for Memory {
    fn list(&self, _rp_id: &str, user_id: &str) -> Result<Vec<Passkey>, Rejection> {
        self.link()?;
        let passkeys = self.passkeys.borrow();
        Ok(passkeys
            .iter()
            .filter(|passkey| passkey.user_id == user_id)
            .cloned()
            .collect())
    }
    fn get(&self, _rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection> {
        self.alter(user_id, id, |_| ())
    }
    fn rename(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        label: &str,
    ) -> Result<Passkey, Rejection> {
        self.record(format!("lifecycle.rename {rp_id} {label}"));
        self.alter(user_id, id, |passkey| passkey.label = label.into())
    }
    fn suspend(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection> {
        self.record(format!("lifecycle.suspend {rp_id}"));
        self.alter(user_id, id, |passkey| passkey.status = Status::Suspended)
    }
    fn resume(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection> {
        self.record(format!("lifecycle.resume {rp_id}"));
        self.alter(user_id, id, |passkey| passkey.status = Status::Active)
    }
    fn change(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        change: &PasskeyChange,
    ) -> Result<Passkey, Rejection> {
        self.record(format!(
            "lifecycle.change {rp_id} {:?} {:?}",
            change.label, change.status
        ));
        self.alter(user_id, id, |passkey| {
            if let Some(label) = &change.label {
                passkey.label = label.clone();
            }
            if let Some(status) = change.status {
                passkey.status = status;
            }
        })
    }
    fn revoke(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), Rejection> {
        self.record(format!("lifecycle.revoke {rp_id} {user_id} {id:?}"));
        self.remove(user_id, id)
    }
    fn withdraw(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), Rejection> {
        self.record(format!("lifecycle.withdraw {rp_id} {user_id} {id:?}"));
        self.remove(user_id, id)
    }
}

impl Clock for Memory {
    fn now(&self) -> u64 {
        self.now.get()
    }
}

impl Log for Memory {
    fn write(&self, _level: Level, message: &str) {
        self.record(format!("log {message}"));
    }
}
