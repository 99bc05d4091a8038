//! Cards on file. Whose they are is part of every question.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{PaymentMethodId, RequestId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgPool, Row};
use uuid::Uuid;

use super::broken;
use crate::domain::{CardFace, Method};

/// What a request of a user led to.
pub async fn find_request(
    pool: &PgPool,
    user_id: &UserId,
    request_id: RequestId,
) -> Result<Option<Method>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM payment_method WHERE user_id = $1 AND request_id = $2")
        .bind(user_id.as_str())
        .bind(request_id.as_uuid())
        .fetch_optional(pool)
        .await
}

/// Puts a card on file, unless its owner has so many already: then false. A request that came in at
/// the same moment has its card there.
pub async fn insert(pool: &PgPool, method: &Method, max: i64) -> Result<bool, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO payment_method (payment_method_id, user_id, request_id, body_hash, token,
             brand, last_four, expiry_month, expiry_year, create_time)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
         WHERE (SELECT count(*) FROM payment_method WHERE user_id = $2 AND delete_time IS NULL) < $11
         ON CONFLICT (user_id, request_id) DO UPDATE SET user_id = excluded.user_id",
    )
    .bind(method.method_id.as_uuid())
    .bind(method.user_id.as_str())
    .bind(method.request_id.as_uuid())
    .bind(&method.body_hash)
    .bind(&method.token)
    .bind(&method.face.brand)
    .bind(&method.face.last_four)
    .bind(method.face.expiry_month)
    .bind(method.face.expiry_year)
    .bind(method.create_time.to_sqlx())
    .bind(max)
    .execute(pool)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// A user's cards on file, newest first.
pub async fn list(pool: &PgPool, user_id: &UserId, limit: i64) -> Result<Vec<Method>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM payment_method WHERE user_id = $1 AND delete_time IS NULL
         ORDER BY payment_method_id DESC LIMIT $2",
    )
    .bind(user_id.as_str())
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Takes a card off file and forgets its token. False: the user has never had it.
pub async fn delete(
    pool: &PgPool,
    user_id: &UserId,
    method_id: PaymentMethodId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let known = sqlx::query(
        "UPDATE payment_method SET token = NULL, delete_time = coalesce(delete_time, $3)
         WHERE user_id = $1 AND payment_method_id = $2",
    )
    .bind(user_id.as_str())
    .bind(method_id.as_uuid())
    .bind(now.to_sqlx())
    .execute(pool)
    .await?;
    Ok(known.rows_affected() == 1)
}

/// The provider's token of a card that a user has on file.
pub async fn find_token(
    connection: &mut PgConnection,
    user_id: &UserId,
    method_id: PaymentMethodId,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT token FROM payment_method
         WHERE user_id = $1 AND payment_method_id = $2 AND delete_time IS NULL",
    )
    .bind(user_id.as_str())
    .bind(method_id.as_uuid())
    .fetch_optional(connection)
    .await
}

impl FromRow<'_, PgRow> for Method {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let create_time: jiff_sqlx::Timestamp = row.try_get("create_time")?;
        Ok(Self {
            method_id: row.try_get::<Uuid, _>("payment_method_id")?.into(),
            user_id: UserId::parse(row.try_get("user_id")?).map_err(broken)?,
            request_id: row.try_get::<Uuid, _>("request_id")?.into(),
            body_hash: row.try_get("body_hash")?,
            token: row.try_get("token")?,
            face: CardFace {
                brand: row.try_get("brand")?,
                last_four: row.try_get("last_four")?,
                expiry_month: row.try_get("expiry_month")?,
                expiry_year: row.try_get("expiry_year")?,
            },
            create_time: create_time.to_jiff(),
        })
    }
}
