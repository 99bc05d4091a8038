//! The outbox: facts are rows first, written in the transaction of the change that they tell of.

use bytes::Bytes;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::FactId;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::telemetry::trace_context;
use sqlx::PgConnection;
use uuid::Uuid;

/// A fact that is about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Names the fact for ever.
    pub fact_id: FactId,
    /// The booking, spot, payment… it is about.
    pub aggregate_id: Uuid,
    /// Version of the aggregate after the fact.
    pub version: i64,
    /// [`Fact::TYPE`].
    pub fact_type: &'static str,
    /// Text of the lot, empty when it belongs to none.
    pub lot_id: String,
    /// The message, encoded.
    pub body: Bytes,
    /// W3C trace context of the call that causes it.
    pub trace_parent: Option<String>,
    /// When it happened.
    pub create_time: Timestamp,
}

impl Row {
    /// The row for a fact that happens now. Takes the trace context of the current span along.
    pub fn of<F: Fact>(
        ids: &Ids,
        now: Timestamp,
        aggregate_id: Uuid,
        version: i64,
        fact: &F,
    ) -> Self {
        Self {
            fact_id: ids.next(),
            aggregate_id,
            version,
            fact_type: F::TYPE,
            lot_id: fact.lot_id().to_owned(),
            body: fact.encode_to_vec().into(),
            trace_parent: trace_context::current(),
            create_time: now,
        }
    }
}

/// The rows as columns, to bind in a statement of the service's own:
/// `INSERT INTO outbox (fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
/// create_time) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[],
/// $6::bytea[], $7::text[], $8::timestamptz[])`.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// uuid
    pub fact_ids: Vec<Uuid>,
    /// uuid
    pub aggregate_ids: Vec<Uuid>,
    /// bigint
    pub versions: Vec<i64>,
    /// text
    pub fact_types: Vec<&'static str>,
    /// text
    pub lot_ids: Vec<String>,
    /// bytea
    pub bodies: Vec<Vec<u8>>,
    /// text, nullable
    pub trace_parents: Vec<Option<String>>,
    /// timestamptz
    pub create_times: Vec<jiff_sqlx::Timestamp>,
}

impl Columns {
    /// Turns rows into columns, in the same order.
    pub fn of(rows: &[Row]) -> Self {
        let mut columns = Self::default();
        for row in rows {
            columns.fact_ids.push(row.fact_id.as_uuid());
            columns.aggregate_ids.push(row.aggregate_id);
            columns.versions.push(row.version);
            columns.fact_types.push(row.fact_type);
            columns.lot_ids.push(row.lot_id.clone());
            columns.bodies.push(row.body.to_vec());
            columns.trace_parents.push(row.trace_parent.clone());
            columns.create_times.push(row.create_time.to_sqlx());
        }
        columns
    }
}

/// Writes facts in the caller's transaction, to be published in this order. Wake the relay after
/// the commit.
///
/// # Errors
/// When the database refuses: also for a second fact of the same type, aggregate and version, and
/// for a body above 896 KiB.
pub async fn append(connection: &mut PgConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(rows);
    sqlx::query(
        "INSERT INTO outbox (fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
                             create_time)
         SELECT fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent, create_time
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::bytea[],
                     $7::text[], $8::timestamptz[]) WITH ORDINALITY
              AS fact (fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
                       create_time, place)
         ORDER BY place",
    )
    .bind(columns.fact_ids)
    .bind(columns.aggregate_ids)
    .bind(columns.versions)
    .bind(columns.fact_types)
    .bind(columns.lot_ids)
    .bind(columns.bodies)
    .bind(columns.trace_parents)
    .bind(columns.create_times)
    .execute(connection)
    .await?;
    Ok(())
}
