//! A mail by the operator's own server.
//!
//! The library makes the connection itself, not the egress of the gateway: the address is the operator's, and nobody else's
//! words choose it.

use std::time::Duration;

use govern::alert::{Mail, MailSecurity};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::header::ContentType,
    transport::smtp::authentication::Credentials,
};

use super::Alert;

/// Sends one mail to all of its recipients.
///
/// # Errors
/// Why it was not taken, in words for the log.
pub(super) async fn send(alert: &Alert, mail: &Mail, within: Duration) -> Result<(), String> {
    let message = message(alert, mail)?;
    let builder = match mail.security {
        MailSecurity::Tls => {
            AsyncSmtpTransport::<Tokio1Executor>::relay(&mail.host).map_err(|error| error.to_string())?
        }
        MailSecurity::StartTls => {
            AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&mail.host).map_err(|error| error.to_string())?
        }
        MailSecurity::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.host),
    };
    let mut builder = builder.port(mail.port).timeout(Some(within));
    if let Some((user, password)) = &mail.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    builder.build().send(message).await.map(drop).map_err(|error| error.to_string())
}

fn message(alert: &Alert, mail: &Mail) -> Result<Message, String> {
    let address = |text: &str| text.parse().map_err(|error| format!("{text}: {error}"));
    let mut message = Message::builder()
        .from(address(&mail.from)?)
        .subject(format!("[tollgate] {}", alert.summary))
        // Replies of mail systems to a program's mail help nobody: RFC 3834.
        .header(AutoSubmitted);
    for to in &mail.to {
        message = message.to(address(to)?);
    }
    let details: String = alert.details.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let text = format!("{}\n\n{details}at: {}\nalert: {}\n", alert.summary, alert.time(), alert.id);
    message.header(ContentType::TEXT_PLAIN).body(text).map_err(|error| error.to_string())
}

/// `Auto-Submitted: auto-generated`
#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
