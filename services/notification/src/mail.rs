//! Mail, handed in to an SMTP server.

use std::time::Duration;

use lettre::message::{Mailbox, header};
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError, PoolConfig};
use lettre::{AsyncTransport, Message, Tokio1Executor};
use parkmesh_contracts::ids::DeliveryId;

use crate::domain::Notification;
use crate::domain::delivery::Outcome;

/// How long the server may take for one command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long handing in one mail may take.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections that are kept at most.
const CONNECTIONS_MAX: u32 = 4;
/// Codes that say of this one address that it takes no mail, for good. Everything else may change without us:
/// a server that knows us not today may do so tomorrow.
const REFUSALS: [u16; 3] = [550, 551, 553];

/// Hands in mail.
#[derive(Clone, Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// A mailer for `smtp://[user:password@]host[:port][?tls=required|opportunistic]` or `smtps://…`, and for who
    /// writes: `Parkmesh <parking@example.com>`. Connects when it is first used: the server may be away when a
    /// process starts. Needs a runtime around it.
    ///
    /// # Errors
    /// What is wrong with them, without them: the address has a password in it.
    pub fn new(url: &str, from: &str) -> Result<Self, &'static str> {
        let from = from.parse().map_err(
            |_| "PARKMESH_SMTP_FROM is no mail address: Parkmesh <parking@example.com> is meant",
        )?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(
            |_| "PARKMESH_SMTP_URL is no address of an SMTP server: smtp://host:port is meant",
        )?;
        let transport = transport
            .timeout(Some(COMMAND_TIMEOUT))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS_MAX))
            .build();
        Ok(Self { transport, from })
    }

    /// Hands in a message to this address. The same delivery has the same Message-ID each time, by which a
    /// mailbox knows it again.
    pub async fn send(
        &self,
        delivery_id: DeliveryId,
        to: &str,
        notification: &Notification,
    ) -> Outcome {
        let Ok(to) = to.parse() else {
            return Outcome::Refused { status: 0, error: "the address is none".to_owned() };
        };
        let Ok(mail) = self.mail(delivery_id, to, notification) else {
            return Outcome::Refused { status: 0, error: "the mail cannot be written".to_owned() };
        };
        match tokio::time::timeout(SEND_TIMEOUT, self.transport.send(mail)).await {
            Ok(Ok(response)) => Outcome::Delivered { status: u16::from(response.code()).into() },
            Ok(Err(error)) => failed(&error),
            Err(_) => {
                Outcome::Failed { status: 0, error: "the mail server took too long".to_owned() }
            }
        }
    }

    fn mail(
        &self,
        delivery_id: DeliveryId,
        to: lettre::Address,
        notification: &Notification,
    ) -> Result<Message, lettre::error::Error> {
        let message = &notification.message;
        let domain = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(message.title.as_str())
            .message_id(Some(format!("<{delivery_id}@{domain}>")))
            .header(header::ContentType::TEXT_PLAIN)
            .body(text(notification))
    }
}

/// What the mail says, with the link, where there is one, as a paragraph of its own.
fn text(notification: &Notification) -> String {
    let message = &notification.message;
    match message.link.as_str() {
        "" => format!("{}\n", message.body),
        link => format!("{}\n\n{link}\n", message.body),
    }
}

/// What a server says may name the address, so its code alone is told.
fn failed(error: &SmtpError) -> Outcome {
    let status = error.status().map_or(0, u16::from);
    let told = match status {
        0 if error.is_timeout() => "the mail server took too long".to_owned(),
        0 if error.is_tls() => "the connection to the mail server is not safe".to_owned(),
        0 => "the mail server cannot be reached".to_owned(),
        code => format!("the mail server said {code}"),
    };
    if REFUSALS.contains(&status) {
        Outcome::Refused { status: status.into(), error: told }
    } else {
        Outcome::Failed { status: status.into(), error: told }
    }
}
