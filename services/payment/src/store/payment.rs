//! Payments, and the requests that led to them.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, PaymentId, RefundId, RequestId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool, Row};
use uuid::Uuid;

use super::person::NO_METHOD;
use super::{broken, money};
use crate::domain::{Action, Intent, Kind, Payment, Status};

/// A payment as it stands, by its id.
pub async fn find(pool: &PgPool, id: PaymentId) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM payment WHERE payment_id = $1")
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await
}

/// The same, locked until the end of the transaction.
pub async fn find_locked(
    connection: &mut PgConnection,
    id: PaymentId,
) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM payment WHERE payment_id = $1 FOR UPDATE")
        .bind(id.as_uuid())
        .fetch_optional(connection)
        .await
}

/// The payment that the provider knows by this id of its own.
pub async fn find_by_provider(
    pool: &PgPool,
    provider_id: &str,
) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM payment WHERE provider_id = $1 ORDER BY payment_id LIMIT 1")
        .bind(provider_id)
        .fetch_optional(pool)
        .await
}

/// The live payments of a booking, that of the booking itself first, locked. Lock the booking before.
pub async fn list_live(
    connection: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<Payment>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM payment WHERE booking_id = $1
         AND status IN ('pending', 'authorized', 'captured')
         ORDER BY kind <> 'booking', payment_id FOR UPDATE",
    )
    .bind(booking_id.as_uuid())
    .fetch_all(connection)
    .await
}

/// The payment that last covered a booking, whatever became of it; none was refused.
pub async fn find_covering(
    connection: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM payment WHERE booking_id = $1 AND kind IN ('booking', 'addition')
         AND status <> 'declined' ORDER BY kind <> 'booking', payment_id DESC LIMIT 1",
    )
    .bind(booking_id.as_uuid())
    .fetch_optional(connection)
    .await
}

/// A user's payments, newest first, from below the last one seen.
pub async fn list(
    pool: &PgPool,
    user_id: &UserId,
    booking_id: Option<BookingId>,
    below: Option<PaymentId>,
    limit: usize,
) -> Result<Vec<Payment>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM payment WHERE user_id = $1 AND ($2::uuid IS NULL OR booking_id = $2)
         AND ($3::uuid IS NULL OR payment_id < $3) ORDER BY payment_id DESC LIMIT $4",
    )
    .bind(user_id.as_str())
    .bind(booking_id.map(BookingId::as_uuid))
    .bind(below.map(PaymentId::as_uuid))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await
}

/// Writes a payment as it stands now. `due`: when the clockwork takes its intent up.
pub async fn save(
    connection: &mut PgConnection,
    payment: &Payment,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let (intent_minor, intent_refund) = match payment.intent {
        Some(Intent::Capture(amount)) => (Some(amount.minor), None),
        Some(Intent::Refund(refund_id, amount)) => (Some(amount.minor), Some(refund_id)),
        _ => (None, None),
    };
    sqlx::query(
        "INSERT INTO payment (payment_id, booking_id, lot_id, user_id, currency, authorized_minor,
             captured_minor, payment_method, status, decline_code, provider_id, authorize_key,
             intent, intent_minor, due_time, version, create_time, update_time, kind,
             refunded_minor, intent_refund_id, chases, action_allowed, action_url,
             action_provider_id, action_expire_time, action_ended, authorize_time,
             replaces_payment_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
             $19, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)
         ON CONFLICT (payment_id) DO UPDATE SET captured_minor = excluded.captured_minor,
             status = excluded.status, decline_code = excluded.decline_code,
             provider_id = excluded.provider_id, intent = excluded.intent,
             intent_minor = excluded.intent_minor, refunded_minor = excluded.refunded_minor,
             intent_refund_id = excluded.intent_refund_id, due_time = excluded.due_time, attempts = 0,
             payment_method = CASE WHEN excluded.intent IS NULL AND payment.user_id LIKE 'erased:%'
                 THEN $20 ELSE payment.payment_method END,
             action_url = excluded.action_url, action_provider_id = excluded.action_provider_id,
             action_expire_time = excluded.action_expire_time,
             action_ended = excluded.action_ended,
             version = excluded.version, update_time = excluded.update_time",
    )
    .bind(payment.payment_id.as_uuid())
    .bind(payment.booking_id.as_uuid())
    .bind(payment.lot_id.as_uuid())
    .bind(payment.user_id.as_str())
    .bind(payment.authorized.currency.as_str())
    .bind(payment.authorized.minor)
    .bind(payment.captured.map(|captured| captured.minor))
    .bind(&payment.payment_method)
    .bind(payment.status.word())
    .bind(&payment.decline_code)
    .bind(&payment.provider_id)
    .bind(payment.authorize_key)
    .bind(payment.intent.map(Intent::word))
    .bind(intent_minor)
    .bind(payment.intent.map(|_| due.to_sqlx()))
    .bind(payment.version)
    .bind(payment.create_time.to_sqlx())
    .bind(now.to_sqlx())
    .bind(payment.kind.word())
    .bind(NO_METHOD)
    .bind(payment.refunded.minor)
    .bind(intent_refund.map(RefundId::as_uuid))
    .bind(payment.chases)
    .bind(payment.action_allowed)
    .bind(payment.action.as_ref().map(|action| &action.url))
    .bind(payment.action.as_ref().map(|action| &action.provider_id))
    .bind(payment.action.as_ref().map(|action| action.expire_time.to_sqlx()))
    .bind(payment.action.as_ref().is_some_and(|action| action.ended))
    .bind(payment.authorize_time.map(|time| time.to_sqlx()))
    .bind(payment.replaces.map(PaymentId::as_uuid))
    .execute(connection)
    .await
    .map(drop)
}

/// What a request to authorise led to: the hash of what it asked, and its payment.
pub async fn find_request(
    connection: &mut PgConnection,
    request_id: RequestId,
) -> Result<Option<(Vec<u8>, PaymentId)>, sqlx::Error> {
    let row: Option<(Vec<u8>, Uuid)> =
        sqlx::query_as("SELECT body_hash, payment_id FROM payment_request WHERE request_id = $1")
            .bind(request_id.as_uuid())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(hash, id)| (hash, id.into())))
}

/// Keeps what a request led to. False: the id came in with another booking at the same moment.
pub async fn keep_request(
    connection: &mut PgConnection,
    request_id: RequestId,
    body_hash: &[u8],
    payment_id: PaymentId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO payment_request (request_id, body_hash, payment_id, create_time)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(request_id.as_uuid())
    .bind(body_hash)
    .bind(payment_id.as_uuid())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Whether a call is driving the open intent at this moment: nobody else need.
pub async fn is_driven(
    connection: &mut PgConnection,
    id: PaymentId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT intent IS NOT NULL AND attempts = 0 AND due_time > $2
         FROM payment WHERE payment_id = $1",
    )
    .bind(id.as_uuid())
    .bind(now.to_sqlx())
    .fetch_one(connection)
    .await
}

/// Ends a payment that is to be asked for later, if the provider was never asked. False: it was, or may be at this moment.
pub async fn end_unasked(
    connection: &mut PgConnection,
    id: PaymentId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query(
        "UPDATE payment SET status = 'voided', intent = NULL, due_time = NULL, version = version + 1,
             update_time = $2
         WHERE payment_id = $1 AND intent = 'authorize' AND attempts = 0
           AND authorize_time IS NOT NULL",
    )
    .bind(id.as_uuid())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// Says until when a call goes on driving the open intent: the clockwork leaves it alone until then.
/// An intent that the clockwork has taken up is left to it, unless the call takes it over.
pub async fn keep_driving(
    executor: impl PgExecutor<'_>,
    id: PaymentId,
    until: Timestamp,
    take_over: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE payment SET due_time = $2, attempts = 0
         WHERE payment_id = $1 AND intent IS NOT NULL AND ($3 OR attempts = 0)",
    )
    .bind(id.as_uuid())
    .bind(until.to_sqlx())
    .bind(take_over)
    .execute(executor)
    .await
    .map(drop)
}

/// Notes that what a driver was to do is given up.
pub async fn end_action(pool: &PgPool, id: PaymentId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE payment SET action_ended = true WHERE payment_id = $1 AND action_url IS NOT NULL",
    )
    .bind(id.as_uuid())
    .execute(pool)
    .await
    .map(drop)
}

/// Has the clockwork look at once at what waits for the driver of a booking.
pub async fn look_at_actions(
    connection: &mut PgConnection,
    booking_id: BookingId,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE payment SET due_time = $2 WHERE booking_id = $1 AND action_url IS NOT NULL")
        .bind(booking_id.as_uuid())
        .bind(now.to_sqlx())
        .execute(connection)
        .await
        .map(drop)
}

/// Claims intents that are due, and puts their next turn off, longer with every attempt. Two
/// processes never claim the same one in the same turn.
pub async fn claim_due(
    pool: &PgPool,
    now: Timestamp,
    limit: usize,
    (wait_min_seconds, wait_max_seconds): (f64, i32),
) -> Result<Vec<PaymentId>, sqlx::Error> {
    let claimed: Vec<(Uuid,)> = sqlx::query_as(
        "UPDATE payment SET attempts = attempts + 1,
             due_time = $1::timestamptz
                 + make_interval(secs => least($4::integer, $3 * power(2, least(attempts, 10))))
         WHERE payment_id IN (
             SELECT payment_id FROM payment WHERE intent IS NOT NULL AND due_time <= $1
             ORDER BY due_time LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING payment_id",
    )
    .bind(now.to_sqlx())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(wait_min_seconds)
    .bind(wait_max_seconds)
    .fetch_all(pool)
    .await?;
    Ok(claimed.into_iter().map(|(id,)| id.into()).collect())
}

impl Intent {
    /// The word in the database and in logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture(_) => "capture",
            Self::Void => "void",
            Self::Refund(..) => "refund",
        }
    }
}

impl Kind {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Addition => "addition",
            Self::Overstay => "overstay",
            Self::Debt => "debt",
        }
    }
}

fn kind(word: &str) -> Result<Kind, sqlx::Error> {
    [Kind::Booking, Kind::Addition, Kind::Overstay, Kind::Debt]
        .into_iter()
        .find(|kind| kind.word() == word)
        .ok_or_else(|| broken(format!("no kind {word}")))
}

fn status(word: &str) -> Result<Status, sqlx::Error> {
    use Status::{Authorized, Captured, Declined, Pending, Voided};
    [Pending, Authorized, Declined, Captured, Voided]
        .into_iter()
        .find(|status| status.word() == word)
        .ok_or_else(|| broken(format!("no status {word}")))
}

impl FromRow<'_, PgRow> for Payment {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let currency: String = row.try_get("currency")?;
        let amount = |minor: i64| money(minor, &currency);
        let captured: Option<i64> = row.try_get("captured_minor")?;
        let intent: Option<String> = row.try_get("intent")?;
        let intent = match intent.as_deref() {
            None => None,
            Some("authorize") => Some(Intent::Authorize),
            Some("capture") => Some(Intent::Capture(amount(row.try_get("intent_minor")?)?)),
            Some("void") => Some(Intent::Void),
            Some("refund") => Some(Intent::Refund(
                row.try_get::<Uuid, _>("intent_refund_id")?.into(),
                amount(row.try_get("intent_minor")?)?,
            )),
            Some(other) => return Err(broken(format!("no intent {other}"))),
        };
        let create_time: jiff_sqlx::Timestamp = row.try_get("create_time")?;
        let authorize_time: Option<jiff_sqlx::Timestamp> = row.try_get("authorize_time")?;
        let replaces: Option<Uuid> = row.try_get("replaces_payment_id")?;
        let action_url: Option<String> = row.try_get("action_url")?;
        let action = match action_url {
            None => None,
            Some(url) => {
                let expire_time: jiff_sqlx::Timestamp = row.try_get("action_expire_time")?;
                Some(Action {
                    provider_id: row.try_get("action_provider_id")?,
                    url,
                    expire_time: expire_time.to_jiff(),
                    ended: row.try_get("action_ended")?,
                })
            }
        };
        Ok(Self {
            payment_id: row.try_get::<Uuid, _>("payment_id")?.into(),
            booking_id: row.try_get::<Uuid, _>("booking_id")?.into(),
            kind: kind(row.try_get("kind")?)?,
            lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
            user_id: UserId::parse(row.try_get("user_id")?).map_err(broken)?,
            authorized: amount(row.try_get("authorized_minor")?)?,
            captured: captured.map(amount).transpose()?,
            refunded: amount(row.try_get("refunded_minor")?)?,
            payment_method: row.try_get("payment_method")?,
            status: status(row.try_get("status")?)?,
            decline_code: row.try_get("decline_code")?,
            provider_id: row.try_get("provider_id")?,
            authorize_key: row.try_get("authorize_key")?,
            action_allowed: row.try_get("action_allowed")?,
            action,
            chases: row.try_get("chases")?,
            authorize_time: authorize_time.map(jiff_sqlx::Timestamp::to_jiff),
            replaces: replaces.map(Into::into),
            intent,
            version: row.try_get("version")?,
            create_time: create_time.to_jiff(),
        })
    }
}
