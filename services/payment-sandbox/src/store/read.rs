//! What is read by whoever asks.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::row;
use crate::domain::{Authorization, Refund};

/// Lines of a page of the ledger.
const PAGE_MAX: i64 = 1_000;

/// An authorisation.
pub async fn find(pool: &PgPool, id: Uuid) -> Result<Option<Authorization>, sqlx::Error> {
    let found: Option<Value> = sqlx::query_scalar(
        "SELECT to_jsonb(one) FROM card_authorization AS one WHERE authorization_id = $1",
    )
    .bind(id)
    .fetch_optional(pool)
    .await?;
    found.map(row).transpose()
}

/// All authorisations of a reference, oldest first, at most a hundred.
pub async fn list_by_reference(
    pool: &PgPool,
    reference: &str,
) -> Result<Vec<Authorization>, sqlx::Error> {
    let rows = sqlx::query_scalar(
        "SELECT to_jsonb(one) FROM card_authorization AS one WHERE reference = $1
         ORDER BY create_time, authorization_id LIMIT 100",
    )
    .bind(reference)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(row).collect()
}

/// Refunds of an authorisation, all or by the merchant's reference, oldest first.
pub async fn refunds(
    pool: &PgPool,
    authorization_id: Uuid,
    reference: Option<&str>,
) -> Result<Vec<Refund>, sqlx::Error> {
    let rows = sqlx::query_scalar(
        "SELECT to_jsonb(one) FROM refund AS one WHERE authorization_id = $1
         AND ($2::text IS NULL OR reference = $2) ORDER BY create_time, refund_id LIMIT 1000",
    )
    .bind(authorization_id)
    .bind(reference)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(row).collect()
}

/// Entries of one reference, all after one, or the newest of all; oldest first.
pub async fn ledger(
    pool: &PgPool,
    reference: Option<&str>,
    after: Option<i64>,
) -> Result<Vec<Value>, sqlx::Error> {
    if let Some(after) = after {
        return sqlx::query_scalar(
            "SELECT to_jsonb(one) FROM ledger_entry AS one WHERE entry_id > $1
             ORDER BY entry_id LIMIT $2",
        )
        .bind(after)
        .bind(PAGE_MAX)
        .fetch_all(pool)
        .await;
    }
    sqlx::query_scalar(
        "SELECT to_jsonb(newest) FROM (
             SELECT * FROM ledger_entry WHERE $1::text IS NULL OR reference = $1
             ORDER BY entry_id DESC LIMIT $2) AS newest ORDER BY entry_id",
    )
    .bind(reference)
    .bind(PAGE_MAX)
    .fetch_all(pool)
    .await
}

/// What moved to and from the merchant since a time, after a line; oldest first.
pub async fn movements(
    pool: &PgPool,
    since: Timestamp,
    after: i64,
) -> Result<Vec<Value>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT jsonb_build_object('movement_id', entry_id, 'kind', kind,
             'authorization_id', authorization_id, 'reference', reference,
             'amount_minor', abs(amount_minor), 'fee_minor', 0, 'currency', currency,
             'create_time', create_time)
         FROM ledger_entry WHERE account = 'merchant' AND create_time >= $1 AND entry_id > $2
         ORDER BY entry_id LIMIT $3",
    )
    .bind(since.to_sqlx())
    .bind(after)
    .bind(PAGE_MAX)
    .fetch_all(pool)
    .await
}

/// What the books say of whoever used the sandbox: by them proofs judge.
pub async fn verdict(pool: &PgPool) -> Result<Value, sqlx::Error> {
    sqlx::query_scalar(
        "WITH per_currency AS (
             SELECT currency, sum(amount_minor)::bigint AS unbalanced,
                 coalesce(sum(amount_minor) FILTER (WHERE account = 'held'), 0)::bigint AS held,
                 coalesce(sum(amount_minor) FILTER (WHERE account = 'merchant'
                     AND kind = 'capture'), 0)::bigint AS captured,
                 coalesce(-sum(amount_minor) FILTER (WHERE account = 'merchant'
                     AND kind IN ('refund', 'refund_failed')), 0)::bigint AS refunded,
                 coalesce(-sum(amount_minor) FILTER (WHERE account = 'merchant'
                     AND kind IN ('chargeback', 'chargeback_reversed')), 0)::bigint AS disputed
             FROM ledger_entry GROUP BY currency),
         moved AS (
             SELECT authorization_id,
                 count(*) FILTER (WHERE account = 'held' AND kind = 'authorize') AS holds,
                 count(*) FILTER (WHERE account = 'held' AND kind = 'capture') AS captures,
                 coalesce(sum(amount_minor) FILTER (WHERE account = 'held'
                     AND kind IN ('authorize', 'increase')), 0) AS set_aside,
                 coalesce(sum(amount_minor) FILTER (WHERE account = 'merchant'
                     AND kind = 'capture'), 0) AS taken,
                 coalesce(sum(amount_minor) FILTER (WHERE account = 'merchant'), 0) AS kept
             FROM ledger_entry GROUP BY authorization_id)
         SELECT jsonb_build_object(
             'answers', (SELECT count(*) FROM keyed_call),
             'authorizations', (SELECT count(*) FROM card_authorization),
             'declined', (SELECT count(*) FROM card_authorization WHERE status = 'declined'),
             'open', (SELECT count(*) FROM card_authorization
                 WHERE status IN ('action_required', 'authorized', 'capturing')),
             'captures', (SELECT coalesce(sum(captures), 0) FROM moved),
             'refunds', (SELECT count(*) FROM refund),
             'double_authorizations', (SELECT count(*) FROM (
                 SELECT reference FROM ledger_entry WHERE account = 'held' AND kind = 'authorize'
                 GROUP BY reference HAVING count(*) > 1) AS twice),
             'double_captures', (SELECT count(*) FROM moved WHERE captures > 1 OR holds > 1),
             'double_refunds', (SELECT count(*) FROM (
                 SELECT reference FROM refund WHERE status <> 'failed'
                 GROUP BY reference HAVING count(*) > 1) AS twice),
             'captures_above_authorization', (SELECT count(*) FROM moved WHERE taken > set_aside),
             'refunds_above_capture', (SELECT count(*) FROM moved WHERE kept < 0),
             'currencies', (SELECT coalesce(jsonb_object_agg(currency, jsonb_build_object(
                 'unbalanced_minor', unbalanced, 'held_minor', held, 'captured_minor', captured,
                 'refunded_minor', refunded, 'disputed_minor', disputed)), '{}')
                 FROM per_currency))",
    )
    .fetch_one(pool)
    .await
}
