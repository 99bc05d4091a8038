//! What is kept of a person.

use parkmesh_contracts::ids::UserId;
use sqlx::PgConnection;

/// Stands in place of a card's token that is not needed any more.
pub const NO_METHOD: &str = "erased";

/// Puts a pseudonym in place of a person, and forgets their cards. The card of a payment that the
/// provider still has to be asked about is forgotten with the answer, see [`super::payment::save`].
pub async fn erase(
    connection: &mut PgConnection,
    user_id: &UserId,
    pseudonym: &UserId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE payment SET user_id = $2,
             payment_method = CASE WHEN intent IS NULL THEN $3 ELSE payment_method END
         WHERE user_id = $1",
    )
    .bind(user_id.as_str())
    .bind(pseudonym.as_str())
    .bind(NO_METHOD)
    .execute(&mut *connection)
    .await?;
    for statement in [
        // After the payments are locked: a movement under way is written by now.
        "UPDATE ledger_entry SET account = 'driver:' || $2
         WHERE account = 'driver:' || $1
           AND payment_id IN (SELECT payment_id FROM payment WHERE user_id = $2)",
        "UPDATE receipt SET user_id = $2 WHERE user_id = $1",
        "DELETE FROM payment_method WHERE user_id = $1 AND $2 <> $1",
    ] {
        sqlx::query(statement)
            .bind(user_id.as_str())
            .bind(pseudonym.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
