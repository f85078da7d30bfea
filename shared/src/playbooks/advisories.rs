//! What the integration guide's footnotes mean for this user and these devices.

use super::{
    access,
    access_devices::{self, Words},
    devices::Devices,
};
use crate::{
    jumpcloud::{OsKind, System, SystemUser, UserState},
    outcome::{Advisory, AdvisoryCode},
};

/// After a suspension.
pub(super) fn suspended(user: &SystemUser, devices: &Devices) -> Vec<Advisory> {
    let mut advisories = devices.advise(AdvisoryCode::WindowsHomeStaysLoggedIn, System::is_windows_home, |host| {
        said(access_devices::windows_home(host))
    });
    advisories.extend(devices.advise(
        AdvisoryCode::DeviceOffline,
        |host| host.active == Some(false),
        |host| access_devices::offline(host).0,
    ));
    if !devices.systems.is_empty() {
        advisories.push(Advisory::new(AdvisoryCode::RemoteSessionsStay, access_devices::REMOTE_SESSIONS));
    }
    if user.ldap_binding_user == Some(true) {
        advisories.push(Advisory::new(AdvisoryCode::LdapBindingUser, access::LDAP_BINDING));
    }
    advisories.extend(directory_can_undo(user));
    advisories.extend(devices.problem.clone());
    advisories
}

/// After an activation: what still keeps the user out, read from the user as it is now.
pub(super) fn activated(user: &SystemUser, before: Option<&UserState>) -> Vec<Advisory> {
    let mut advisories = Vec::new();
    if user.account_locked == Some(true) {
        advisories.push(Advisory::new(
            AdvisoryCode::AccountLocked,
            "The account is still locked after failed logins; unlock it in the Admin Portal.",
        ));
    }
    if user.password_expired == Some(true) {
        advisories.push(Advisory::new(
            AdvisoryCode::PasswordExpired,
            "The password is expired: the user has to set a new one before anything else works.",
        ));
    }
    if user.activated == Some(false) {
        advisories.push(Advisory::new(
            AdvisoryCode::NotActivated,
            "The user has not finished activation (no password set yet) and cannot log in before that.",
        ));
    }
    match before {
        Some(UserState::Suspended) => advisories.push(Advisory::new(AdvisoryCode::ResendResetMail, "Suspended users get no mail. If the user was connected to AD, Google Workspace or Microsoft 365 meanwhile, send the password reset mail again from the Admin Portal.")),
        Some(UserState::Staged) => advisories.push(Advisory::new(AdvisoryCode::NoActivationMail, "No activation mail was sent; send it from the Admin Portal if the user needs one to set a password.")),
        _ => {}
    }
    advisories.extend(directory_can_undo(user));
    advisories
}

/// After the password expired.
pub(super) fn password_expired(user: &SystemUser, devices: &Devices) -> Vec<Advisory> {
    let mut advisories = Vec::new();
    if let Some(directory) = user.directory() {
        advisories.push(Advisory::new(AdvisoryCode::PasswordOwnedByDirectory, format!("The user comes from {directory}, which may own the password: it may have to be reset there, and can undo this.")));
    }
    let at_login = |host: &System| matches!(host.os_kind(), OsKind::Windows | OsKind::MacOs);
    advisories.extend(devices.advise(AdvisoryCode::NewPasswordAtLoginWindow, at_login, |host| {
        format!("{} asks for the new password at its login window.", host.name())
    }));
    advisories.extend(devices.advise(
        AdvisoryCode::NewPasswordInUserPortal,
        |host| host.os_kind() == OsKind::Linux,
        |host| format!("{} runs Linux: the new password is set in the User Portal only.", host.name()),
    ));
    if !devices.any(&[OsKind::Windows, OsKind::MacOs, OsKind::Linux]) && devices.problem.is_none() {
        advisories.push(Advisory::new(
            AdvisoryCode::NewPasswordInUserPortal,
            "The user has no computer in JumpCloud: the new password is set in the User Portal.",
        ));
    }
    if !devices.systems.is_empty() {
        advisories.push(Advisory::new(AdvisoryCode::SessionsStay, "A session that is in use goes on until the device is locked or sleeps. To cut it off now, disable the user."));
    }
    let mfa = user.mfa.as_ref().and_then(|mfa| mfa.configured) == Some(true);
    if mfa || user.totp_enabled == Some(true) || user.enable_user_portal_multifactor == Some(true) {
        advisories.push(Advisory::new(
            AdvisoryCode::MfaWillBeAsked,
            "The User Portal asks for MFA when the password is changed.",
        ));
    }
    if user.state() == Some(UserState::Suspended) {
        advisories.push(Advisory::new(
            AdvisoryCode::SuspendedGetsNoMail,
            "The user is suspended: no reset mail arrives, and no new password can be set before Enable User.",
        ));
    }
    if user.password_never_expires == Some(true) {
        advisories.push(Advisory::new(
            AdvisoryCode::PasswordNeverExpires,
            "The user's password is set never to expire; JumpCloud does not document what expiring it does then.",
        ));
    }
    advisories.extend(devices.problem.clone());
    advisories
}

fn directory_can_undo(user: &SystemUser) -> Option<Advisory> {
    Some(Advisory::new(AdvisoryCode::DirectoryCanUndo, said(access::directory(user)?)))
}

/// What a way in says in two parts.
fn said((fact, to_do): Words) -> String {
    format!("{fact} {to_do}")
}
