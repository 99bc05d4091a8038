//! Our books beside the provider's. What is compared is read from both stores at rest.

use sqlx::{PgConnection, Row};

use crate::Failure;

/// Differences that are told of one kind.
const TOLD_MAX: usize = 5;

/// One thing that must never be, as SQL that finds it: each row is a sentence.
const NEVER: [(&str, &str); 6] = [
    (
        "a payment that the provider knows otherwise, twice, or not at all",
        "WITH theirs AS (
             SELECT reference, count(*) FILTER (WHERE status <> 'declined') AS live,
                 sum(captured_minor) AS captured, sum(refunded_minor) AS refunded,
                 max(status) FILTER (WHERE status <> 'declined') AS status
             FROM payment_sandbox.card_authorization AS one
             -- What waited for its driver and was given up never moved anything.
             WHERE status <> 'voided' OR EXISTS (SELECT FROM payment_sandbox.ledger_entry AS moved
                 WHERE moved.reference = one.reference)
             GROUP BY reference)
         SELECT coalesce(ours.payment_id::text, theirs.reference) || ': ours '
             || coalesce(ours.status, 'nothing') || ' ' || coalesce(ours.captured_minor, 0)
             || ' back ' || coalesce(ours.refunded_minor, 0) || ', theirs '
             || coalesce(theirs.status, 'nothing') || ' ' || coalesce(theirs.captured, 0)
             || ' back ' || coalesce(theirs.refunded, 0) || ', ' || coalesce(theirs.live, 0) || ' live'
         FROM payment.payment AS ours FULL JOIN theirs ON theirs.reference = ours.payment_id::text
         WHERE coalesce(theirs.live, 0) <> (CASE WHEN ours.status = 'declined' OR ours.provider_id IS NULL THEN 0 ELSE 1 END)
            OR (ours.status <> 'declined' AND theirs.status <> ours.status)
            OR coalesce(theirs.captured, 0) <> coalesce(ours.captured_minor, 0)
            OR coalesce(theirs.refunded, 0) <> coalesce(ours.refunded_minor, 0)
            OR ours.payment_id IS NULL",
    ),
    (
        "a payment whose ledger is not the provider's, to the cent",
        "WITH ours AS (
             SELECT payment_id::text AS reference,
                 sum(amount_minor) FILTER (WHERE account LIKE 'operator:%' AND kind <> 'fee') AS net,
                 sum(amount_minor) FILTER (WHERE account LIKE 'held:%') AS held
             FROM payment.ledger_entry GROUP BY payment_id),
         theirs AS (
             SELECT reference, sum(amount_minor) FILTER (WHERE account = 'merchant') AS net,
                 sum(amount_minor) FILTER (WHERE account = 'held') AS held
             FROM payment_sandbox.ledger_entry GROUP BY reference)
         SELECT coalesce(ours.reference, theirs.reference) || ': ours ' || coalesce(ours.net, 0)
             || ' and ' || coalesce(ours.held, 0) || ' held, theirs ' || coalesce(theirs.net, 0)
             || ' and ' || coalesce(theirs.held, 0) || ' held'
         FROM ours FULL JOIN theirs ON theirs.reference = ours.reference
         WHERE coalesce(ours.net, 0) <> coalesce(theirs.net, 0)
            OR coalesce(ours.held, 0) <> coalesce(theirs.held, 0)",
    ),
    (
        "a movement that the provider made twice",
        "SELECT reference || ': ' || count(*) || ' times ' || kind
         FROM payment_sandbox.ledger_entry
         WHERE kind IN ('authorize', 'capture', 'void') AND account = 'held'
         GROUP BY reference, kind HAVING count(*) > 1",
    ),
    (
        "more captured than authorised, or more given back than captured",
        "SELECT reference || ': ' || captured_minor || ' of ' || amount_minor || ', back '
             || refunded_minor
         FROM payment_sandbox.card_authorization
         WHERE captured_minor > amount_minor OR refunded_minor > captured_minor",
    ),
    (
        "a refund that the provider made otherwise, twice, or not at all",
        "WITH theirs AS (
             SELECT reference, count(*) AS times, sum(amount_minor) AS amount
             FROM payment_sandbox.refund WHERE status <> 'failed' GROUP BY reference)
         SELECT coalesce(ours.refund_id::text, theirs.reference) || ': ours '
             || coalesce(ours.status, 'nothing') || ' ' || coalesce(ours.amount_minor, 0)
             || ', theirs ' || coalesce(theirs.times, 0) || ' times ' || coalesce(theirs.amount, 0)
         FROM payment.refund AS ours FULL JOIN theirs ON theirs.reference = ours.refund_id::text
         WHERE coalesce(theirs.times, 0) <> (CASE WHEN ours.status = 'refunded' THEN 1 ELSE 0 END)
            OR (ours.status = 'refunded' AND theirs.amount <> ours.amount_minor)
            OR ours.refund_id IS NULL",
    ),
    (
        "a movement in our ledger that does not sum to zero",
        "SELECT movement_id || ': ' || sum(amount_minor) FROM payment.ledger_entry
         GROUP BY movement_id HAVING sum(amount_minor) <> 0",
    ),
];

/// Makes that a look costs the same however many payments there were before.
pub async fn prepare(database: &mut PgConnection) -> Result<(), Failure> {
    let indexes = "CREATE INDEX IF NOT EXISTS proof_authorized ON payment.payment (booking_id)
                       WHERE status = 'authorized';
                   CREATE INDEX IF NOT EXISTS proof_unheard ON payment.booking_money (booking_id)
                       WHERE settle_time IS NULL";
    sqlx::raw_sql(indexes).execute(database).await?;
    Ok(())
}

/// Payments whose money is not at its end: asked about, or set aside for a booking that is over.
pub async fn open(database: &mut PgConnection) -> Result<i64, Failure> {
    let open = "SELECT (SELECT count(*) FROM payment.payment WHERE intent IS NOT NULL)
                    + (SELECT count(*) FROM payment.payment JOIN payment.booking_money USING (booking_id)
                       WHERE intent IS NULL AND status = 'authorized' AND settle_time IS NOT NULL)";
    // Planned anew each time: the tables grow.
    Ok(sqlx::query_scalar(open).persistent(false).fetch_one(database).await?)
}

/// All that must never be and is: sentences, some of each kind.
pub async fn compare(database: &mut PgConnection) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    for (what, sql) in NEVER {
        let rows = sqlx::query(sql).fetch_all(&mut *database).await?;
        let total = rows.len();
        for row in rows.iter().take(TOLD_MAX) {
            broken.push(format!("{what}: {}", row.try_get::<String, _>(0)?));
        }
        if total > TOLD_MAX {
            broken.push(format!("{what}: {total} in all"));
        }
    }
    Ok(broken)
}
