//! Versions of tariffs. Rows are written once and never changed.

use std::sync::Arc;

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{LotId, TariffId};
use parkmesh_contracts::money::Currency;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use super::broken;
use crate::domain::inventory::Tariff;
use crate::domain::tariff::Rules;
use crate::error::Error;

/// Rules as the column keeps them. A form that says something else gets another tag; one that is
/// written stays readable.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "form")]
enum Stored {
    #[serde(rename = "v1")]
    First(Rules),
}

/// Reads the rules in the column `rules` beside `hourly_rate_minor`: where there are none, an hour
/// has one price.
pub fn rules(row: &PgRow, column: &str, hourly_rate_minor: i64) -> Result<Arc<Rules>, Error> {
    let stored: Option<Json<Stored>> = row.try_get(column)?;
    Ok(Arc::new(match stored {
        Some(Json(Stored::First(rules))) => rules,
        None => Rules::flat(hourly_rate_minor),
    }))
}

/// What the column keeps of these rules.
pub fn stored(rules: &Rules) -> Result<serde_json::Value, Error> {
    serde_json::to_value(Stored::First(rules.clone()))
        .map_err(|error| Error::Broken(format!("rules cannot be written: {error}")))
}

fn of_row(row: &PgRow) -> Result<Tariff, Error> {
    let currency: Currency =
        row.try_get::<&str, _>("currency_code")?.parse().map_err(|e| broken("currency_code", e))?;
    Ok(Tariff {
        tariff_id: TariffId::from(row.try_get::<Uuid, _>("tariff_id")?),
        lot_id: LotId::from(row.try_get::<Uuid, _>("lot_id")?),
        version: row.try_get("version")?,
        currency,
        rules: rules(row, "rules", row.try_get("hourly_rate_minor")?)?,
        create_time: row.try_get::<jiff_sqlx::Timestamp, _>("create_time")?.to_jiff(),
    })
}

/// Writes a new version.
///
/// # Errors
/// The store's.
pub async fn insert(executor: impl PgExecutor<'_>, tariff: &Tariff) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO tariff (tariff_id, lot_id, version, hourly_rate_minor, currency_code, rules,
             create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(tariff.tariff_id.as_uuid())
    .bind(tariff.lot_id.as_uuid())
    .bind(tariff.version)
    .bind(tariff.rules.hourly_minor())
    .bind(tariff.currency.as_str())
    .bind(stored(&tariff.rules)?)
    .bind(tariff.create_time.to_sqlx())
    .execute(executor)
    .await?;
    Ok(())
}

/// Finds a version of a lot's tariff; 0 for the newest.
///
/// # Errors
/// The store's.
pub async fn find(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    version: i64,
) -> Result<Option<Tariff>, Error> {
    let row = sqlx::query(
        "SELECT tariff_id, lot_id, version, hourly_rate_minor, currency_code, rules, create_time
         FROM tariff WHERE lot_id = $1 AND ($2::bigint = 0 OR version = $2)
         ORDER BY version DESC LIMIT 1",
    )
    .bind(lot_id.as_uuid())
    .bind(version)
    .fetch_optional(executor)
    .await?;
    row.as_ref().map(of_row).transpose()
}

/// Versions of a lot's tariff, newest first, before the version `before`; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Tariff>, Error> {
    let rows = sqlx::query(
        "SELECT tariff_id, lot_id, version, hourly_rate_minor, currency_code, rules, create_time
         FROM tariff WHERE lot_id = $1 AND ($2::bigint IS NULL OR version < $2)
         ORDER BY version DESC LIMIT $3",
    )
    .bind(lot_id.as_uuid())
    .bind(before)
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}
