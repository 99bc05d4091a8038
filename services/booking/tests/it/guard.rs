//! The guard against double booking is over boxes: they meet exactly where the windows do, to the
//! microsecond.

use sqlx::Row;

use crate::booking_world::Town;

/// Pairs of windows that begin and end within a few microseconds of each other, from now to the
/// farthest that a database of ours may see.
const PAIRS: i64 = 200_000;

#[tokio::test]
async fn boxes_overlap_where_windows_do_to_the_microsecond() {
    let town = Town::with(1, true).await;
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE one && other) AS overlapping,
             count(*) FILTER (WHERE one -|- other) AS touching,
             count(*) FILTER (WHERE (one && other) IS DISTINCT FROM
                 (span_of(lower(one), upper(one)) && span_of(lower(other), upper(other)))) AS wrong
         FROM (
             SELECT tstzrange(base, base + length, '[)') AS one,
                 tstzrange(base + shift, base + shift + other_length, '[)') AS other
             FROM generate_series(1, $1) AS number
             CROSS JOIN LATERAL (SELECT
                 timestamptz '2026-01-01 00:00:00.123456+00'
                     + number * interval '3 hours 7.000013 seconds' AS base,
                 (1 + number % 3) * interval '1 microsecond' AS length,
                 (number / 3 % 9 - 4) * interval '1 microsecond' AS shift,
                 (1 + number / 27 % 4) * interval '1 microsecond' AS other_length
             ) AS window_of) AS pair",
    )
    .bind(PAIRS)
    .fetch_one(&town.world.pool)
    .await
    .unwrap();
    let [overlapping, touching, wrong]: [i64; 3] =
        ["overlapping", "touching", "wrong"].map(|name| row.get(name));
    assert!(overlapping > PAIRS / 10 && touching > PAIRS / 20, "{overlapping}, {touching}");
    assert_eq!(wrong, 0);
    town.world.stop().await;
}
